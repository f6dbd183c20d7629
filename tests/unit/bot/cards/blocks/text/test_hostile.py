"""Whatever anybody writes into any field: valid Block Kit, no mention, no link, no broken code."""

import re
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.answers.deciding import confirm_blocks, not_mine_blocks, reject_blocks
from bot.cards.blocks import answers
from bot.cards.blocks.card import approval_card
from bot.cards.blocks.inputs import vm_option
from bot.cards.blocks.message import Message
from bot.cards.blocks.oncall.containment_card import lockdown_card
from bot.cards.blocks.plans.before_lockdown import lockdown_confirm_dialog
from bot.cards.replies.thread import replies
from bot.commands import lockdown_blocks
from deploy.sandbox.slack.blockkit import check_blocks, check_view
from tests import builders as b
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.asking.decisions import Answer
from workers.domain.asking.joined import JoinedStart
from workers.domain.asking.passing import PassedOn
from workers.domain.containment.containment import CauseKind, Containment, ContainmentState, StepState
from workers.domain.containment.foresight.lookups import Lookup, OfLockdown
from workers.domain.containment.plans import Change, Plan, PlannedStep, StepName
from workers.domain.containment.profile import AllowRule, IsolateOptions, LockdownProfile
from workers.domain.policy.model import OnSilence
from workers.domain.starts.defender import DefenderFacts, Recommendation, SecurityAlert, Severity
from workers.domain.starts.events import Access, CallerKind, Phase
from workers.domain.starts.facts import MachineFacts, MissingFact, NetworkFacts
from workers.domain.starts.past.history import History, Seen
from workers.domain.starts.people import Actor
from workers.domain.starts.risk import Level, Risk
from workers.domain.starts.signals.signal import Signal, Threat
from workers.domain.starts.vm import Front, KnownVm, VmRef

MENTION_OF_ONCALL = "<!subteam^S0ONCALL1>"
PIECES = [
    "<!channel>",
    "<!here|x>",
    "<@U123>",
    "<@U0EVIL001>",
    "<!subteam^S0EVIL001>",
    "<https://evil.example|click>",
    "https://evil.example",
    "mailto:x@evil.example",
    "@channel",
    "```",
    "`",
    "*bold*",
    "_it_",
    "~no~",
    ":fire:",
    ":",
    "&amp;",
    "&",
    "<",
    ">",
    "|",
    "\n",
    "\r\n> quote",
    "\u202e",
    "\u200b",
    "\ufeff",
    "\x00",
    "\u0301" * 9,
    "{0}",
    "{}",
    "%s",
    "%(x)s",
    "\U0001f469\u200d\U0001f4bb",
    "\u05d0\u05d1",
    "vm-web-01",
    " ",
]
LONG = st.builds(lambda piece, count: piece * count, st.sampled_from(PIECES), st.integers(200, 700))
HOSTILE = (
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
    | LONG
    | st.sampled_from(["x" * 5000, "&" * 5000, "<!channel>" * 500, ""])
    | st.text(max_size=30)
)

OURS = re.compile(
    r"<!date\^\d+\^(?:\{date_short_pretty\} at )?\{time\}\|\d{4}-\d\d-\d\d \d\d:\d\d UTC>"
    r"|<@(?:U0ALICE01|U0OLGA001)>|<!subteam\^S0ONCALL1>|<#C0ONCALL1>"
)
CODE = re.compile(r"`[^`\n]+`")


def profiles() -> st.SearchStrategy[LockdownProfile]:
    rule = AllowRule(name="bastion", source="10.0.9.0/26", ports=("22", "3389"))
    return st.builds(
        LockdownProfile,
        name=HOSTILE.map(lambda text: text[:40]),
        steps=st.lists(st.sampled_from(StepName), min_size=1, max_size=3, unique=True).map(tuple),
        isolate=st.sampled_from([IsolateOptions(), IsolateOptions(allow=(rule,) * 50)]),
    )


def changes() -> st.SearchStrategy[Change]:
    details = st.lists(HOSTILE, max_size=9).map(tuple)
    return st.builds(Change, summary=HOSTILE, details=details, nothing_to_do=st.booleans())


@st.composite
def refs(draw: st.DrawFn) -> VmRef:
    return b.vm_ref(name=draw(HOSTILE), group=draw(HOSTILE), subscription=draw(HOSTILE))


@st.composite
def actors(draw: st.DrawFn) -> Actor:
    user = draw(st.sampled_from([b.ALICE, b.OLGA]) | HOSTILE)
    return b.actor(slack_user=user, name=draw(HOSTILE), email=draw(HOSTILE))


@st.composite
def networks(draw: st.DrawFn) -> NetworkFacts:
    fronts = st.builds(
        Front, balancer=HOSTILE, address=HOSTILE, rule=HOSTILE, ports=HOSTILE, to=HOSTILE, protocol=HOSTILE
    )
    ports = [
        b.open_port(
            ports=draw(HOSTILE), protocol=draw(HOSTILE), rule=draw(HOSTILE), front=draw(st.none() | fronts)
        )
        for _ in range(draw(st.integers(0, 7)))
    ]
    nic = b.nic(
        public_ips=tuple(draw(st.lists(HOSTILE, max_size=5))),
        fronts=tuple(draw(st.lists(fronts, max_size=3))),
    )
    unknown = tuple(draw(st.lists(HOSTILE, max_size=5)))
    return NetworkFacts(nics=(nic,), open_ports=tuple(ports), unknown=unknown)


def defenders() -> st.SearchStrategy[DefenderFacts]:
    severity, at = st.sampled_from(Severity), st.sampled_from([None, b.NOW])
    alert = st.builds(SecurityAlert, name=HOSTILE, severity=severity, at=at)
    advice = st.builds(Recommendation, name=HOSTILE, severity=severity, remedy=HOSTILE)
    return st.builds(
        DefenderFacts,
        read_at=at,
        subscription_plan=st.sampled_from([None, "", "P2"]) | HOSTILE,
        vm_plan=st.none() | HOSTILE,
        vm_plan_own=st.booleans(),
        alerts=st.lists(alert, max_size=5).map(tuple),
        alert_count=st.integers(0, 9),
        recommendations=st.lists(advice, max_size=5).map(tuple),
        recommendation_count=st.integers(0, 9),
    )


def histories() -> st.SearchStrategy[History]:
    seen = st.lists(st.builds(Seen, what=HOSTILE, days=st.integers(1, 50)), max_size=3).map(tuple)
    return st.builds(
        History,
        vm_starts=st.integers(0, 50),
        vm_last_at=st.sampled_from([None, b.NOW - timedelta(days=40)]),
        usual_answerer=HOSTILE,
        caller_known=st.booleans(),
        caller_starts=st.integers(0, 50),
        caller_days=st.integers(0, 50),
        networks=seen,
        clients=seen,
        recent_vms=st.integers(1, 50),
        failed_before=st.integers(0, 9),
    )


def risks() -> st.SearchStrategy[Risk]:
    """Whatever an earlier or a newer version may have stored."""
    signal = st.builds(
        Signal, id=HOSTILE, threat=st.sampled_from(Threat), weight=st.integers(1, 99), sentence=HOSTILE
    )
    return st.builds(
        Risk,
        level=st.sampled_from(Level),
        by_threat=st.dictionaries(st.sampled_from(Threat), st.sampled_from(Level)),
        signals=st.lists(signal, max_size=40).map(tuple),
        harmless=st.lists(HOSTILE, max_size=20).map(tuple),
        untold=st.lists(HOSTILE, max_size=9).map(tuple),
        unseen=st.dictionaries(HOSTILE, HOSTILE, max_size=9),
        highest=st.sampled_from(Level),
    )


def passings() -> st.SearchStrategy[PassedOn]:
    return st.builds(PassedOn, by=actors(), to=st.none() | actors(), at=st.just(b.NOW), tag=HOSTILE)


@st.composite
def approvals(draw: st.DrawFn) -> Approval:
    event = b.start_event(
        vm=draw(refs()),
        phase=draw(st.sampled_from(Phase)),
        caller=b.caller(
            kind=draw(st.sampled_from(CallerKind)),
            name=draw(HOSTILE),
            email=draw(HOSTILE),
            app_id=draw(HOSTILE),
            ip=draw(HOSTILE),
            mfa=draw(st.sampled_from([True, False, None])),
        ),
        access=draw(st.none() | st.builds(Access, role=HOSTILE, scope=HOSTILE)),
    )
    tags = st.dictionaries(st.sampled_from(["owner", "Contact"]), HOSTILE)
    machine = st.builds(MachineFacts, location=HOSTILE, size=HOSTILE, tags=tags)
    facts = b.facts(
        subscription_name=draw(HOSTILE),
        machine=draw(st.none() | machine),
        network=draw(st.none() | networks()),
        defender=draw(st.none() | defenders()),
        missing=tuple(
            draw(st.lists(st.builds(MissingFact, name=HOSTILE, reason=HOSTILE), max_size=7)),
        ),
    )
    profile = draw(profiles())
    planned = draw(
        st.lists(st.builds(PlannedStep, step=st.sampled_from(StepName), change=changes()), max_size=4)
    )
    caller = st.builds(b.caller, name=HOSTILE, email=HOSTILE, ip=HOSTILE)
    start = st.builds(
        JoinedStart,
        approval_id=st.just("a" * 26),
        number=st.integers(2, 99),
        at=st.just(b.NOW),
        caller=caller,
    )
    # Ids are ours, and differ.
    joined = tuple(
        one.changed(approval_id=f"a{n:025}") for n, one in enumerate(draw(st.lists(start, max_size=7)))
    )
    state = draw(st.sampled_from(ApprovalState))
    decided: dict[str, Any] = {}
    if state in (ApprovalState.CONFIRMED, ApprovalState.REJECTED):
        answer = Answer.CONFIRM if state is ApprovalState.CONFIRMED else Answer.REJECT
        decided = {"decision": b.decision(answer=answer, by=draw(actors()), reason=draw(HOSTILE))}
    elif state is not ApprovalState.PENDING:
        decided = {"closed_because": draw(HOSTILE)}
    line = b.known_vm(tags={"owner": draw(HOSTILE), "contact": "x@y.z"})
    insight = b.insight(
        event, facts, past=draw(st.none() | histories()), line=line, contained=draw(st.booleans())
    )
    shown = st.none() | st.just(insight.risk)
    return b.approval(
        event=event,
        facts=facts,
        history=insight.history,
        owner_before=insight.owner_before,
        risk=draw(shown | risks()),
        owner=b.owner(emails=draw(st.sampled_from([(), ("a@b.c",)])), source=draw(HOSTILE)),
        terms=b.terms(lockdown=profile, on_silence=draw(st.sampled_from(OnSilence))),
        plan=Plan(profile=profile.name, steps=tuple(planned), as_of=draw(st.sampled_from([None, b.NOW]))),
        asked_at=draw(st.sampled_from([None, b.NOW])),
        asked_whom=tuple(draw(st.lists(st.sampled_from([b.ALICE, b.OLGA]) | HOSTILE, max_size=12))),
        notice=draw(HOSTILE),
        reminded_at=draw(st.sampled_from([None, b.NOW])),
        escalated_at=draw(st.sampled_from([None, b.NOW])),
        passed=tuple(draw(st.lists(passings(), max_size=3))),
        state=state,
        joined=joined,
        joined_count=len(joined) + draw(st.sampled_from([0, 3])) if joined else 0,
        **decided,
    )


@st.composite
def containments(draw: st.DrawFn) -> Containment:
    profile = draw(profiles())
    steps = tuple(
        b.step(
            name=name,
            state=draw(st.sampled_from(StepState)),
            note=draw(HOSTILE),
            change=draw(st.none() | changes()),
            look_at=draw(st.sampled_from([None, b.NOW + timedelta(minutes=1)])),
        )
        for name in profile.steps
    )
    return b.containment(
        vm=draw(refs()),
        state=draw(st.sampled_from(ContainmentState)),
        cause=b.cause(kind=draw(st.sampled_from(CauseKind)), by=draw(actors()), reason=draw(HOSTILE)),
        profile=profile,
        steps=steps,
        round=draw(st.integers(1, 3)),
    )


@st.composite
def known_vms(draw: st.DrawFn) -> KnownVm:
    tags = draw(st.dictionaries(HOSTILE, HOSTILE, max_size=1))
    return b.known_vm(ref=draw(refs()), subscription_name=draw(HOSTILE), tags=tags)


def mrkdwn_of(node: Any) -> list[str]:
    """Every mrkdwn text in a layout; all of them must switch Slack's own linking off."""
    if isinstance(node, list):
        return [text for part in node for text in mrkdwn_of(part)]
    if not isinstance(node, dict):
        return []
    if node.get("type") == "mrkdwn":
        assert node["verbatim"] is True
        return [node["text"]]
    if node.get("type") == "plain_text":
        assert node["emoji"] is False
    return [text for part in node.values() for text in mrkdwn_of(part)]


def assert_harmless(text: str) -> None:
    """Mark-up that we did not write ourselves must not be there."""
    ours_gone = OURS.sub("", text)
    assert "<" not in ours_gone
    assert ">" not in ours_gone
    assert not re.search(r"&(?!(?:amp|lt|gt);)", ours_gone)
    assert "://" not in ours_gone
    words = CODE.sub("", ours_gone)
    assert "`" not in words
    assert not re.search(r":[a-z0-9_+'-]+:", words)
    assert words.count("*") % 2 == 0


def assert_good(message: Message) -> None:
    assert check_blocks(message.blocks, "message") == []
    assert 0 < len(message.text) <= 1000
    assert not OURS.search(message.text)
    assert_harmless(message.text)
    for text in mrkdwn_of(message.blocks):
        assert_harmless(text)


def assert_good_view(view: dict[str, Any]) -> None:
    assert check_view(view, "modal") == []
    for text in mrkdwn_of(view):
        assert_harmless(text)


thorough = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@thorough
@given(approvals(), st.none() | containments(), st.sampled_from(CopyKind))
def test_no_text_breaks_a_card_or_its_thread(
    approval: Approval, containment: Containment, kind: CopyKind
) -> None:
    assert_good(approval_card(approval, containment, kind=kind))
    for reply in replies(approval, containment, kind=kind, oncall_mention=MENTION_OF_ONCALL):
        assert_good(reply.message)


@thorough
@given(containments())
def test_no_text_breaks_the_card_of_a_lockdown_or_its_answers(containment: Containment) -> None:
    assert_good(lockdown_card(containment))
    assert_good(lockdown_blocks.lockdown_started(containment, channel="C0ONCALL1"))
    assert_good(lockdown_blocks.already_contained(containment))


@thorough
@given(approvals(), HOSTILE)
def test_no_text_breaks_a_dialog_or_an_answer_about_an_approval(approval: Approval, text: str) -> None:
    assert_good_view(reject_blocks.reject_dialog(approval))
    assert_good_view(reject_blocks.plan_dialog(approval))
    assert_good_view(not_mine_blocks.not_mine_dialog(approval))
    assert_good_view(confirm_blocks.confirm_dialog(approval, again=True))
    assert_good_view(reject_blocks.decided_dialog(approval))
    assert_good_view(answers.as_dialog(answers.refused(text)))
    assert_good_view(answers.as_dialog(answers.not_done(text)))
    assert_good(answers.already_decided(approval, Answer.REJECT, b.actor()))
    assert_good(answers.recorded(approval))


@thorough
@given(known_vms(), HOSTILE, HOSTILE, profiles(), containments())
def test_no_text_breaks_the_lockdown_dialogs_or_an_answer_to_a_command(
    vm: KnownVm, query: str, reason: str, profile: LockdownProfile, held: Containment
) -> None:
    names = [profile.name or "strict", "standard"]  # the policy takes no empty name
    assert_good_view(lockdown_blocks.lockdown_dialog(3, query, reason, names, chosen=names[0]))
    lookup = Lookup(
        id=f"q0{'0' * 24}",
        vm=vm.ref,
        profile=profile,
        by=b.oncall(),
        asked_at=b.NOW,
        lockdown=OfLockdown(reason=reason, note=query),
    )
    assert_good_view(lockdown_confirm_dialog(lookup, line=vm, held=held))
    menu = {"type": "static_select", "action_id": "vm", "options": [vm_option(vm, held, now=b.NOW)]}
    assert check_blocks([{"type": "actions", "elements": [menu]}], "message") == []
    assert_good(lockdown_blocks.vm_not_found(query, 3))
    assert_good(answers.refused(reason))
    assert_good(answers.went_wrong(query))
    assert_good(lockdown_blocks.lockdown_started(b.containment(), channel=query))
