"""What the card of a start says, in every state and every copy."""

from typing import Any

import pytest

from bot.cards.blocks.card import approval_card, top_line
from bot.cards.blocks.message import Message
from bot.cards.blocks.oncall.containment_card import lockdown_card
from deploy.sandbox.slack.blockkit import check_blocks
from deploy.sandbox.slack.team.mrkdwn import mentions_in_layout, mentions_in_text
from tests import builders as b
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.containment.containment import CauseKind, Containment, ContainmentState, StepState
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.ids import is_reference
from workers.domain.policy.model import OnSilence
from workers.domain.starts.events import Access, CallerKind, Phase
from workers.domain.starts.facts import MissingFact, NetworkFacts
from workers.domain.starts.vm import Front

CLOSED = [state for state in ApprovalState if not b.approval(state=state).open]


def card(
    approval: Approval, containment: Containment | None = None, kind: CopyKind = CopyKind.OWNER
) -> Message:
    message = approval_card(approval, containment, kind=kind)
    assert check_blocks(message.blocks, "message") == []
    return message


def headline(message: Message) -> str:
    text: str = message.blocks[0]["text"]["text"]
    return text


def everything(message: Message) -> str:
    """All mrkdwn of the card, as one text."""
    return "\n".join(_texts(message.blocks))


def _texts(node: Any) -> list[str]:
    if isinstance(node, list):
        return [text for part in node for text in _texts(part)]
    if isinstance(node, dict):
        own = [node["text"]] if node.get("type") == "mrkdwn" else []
        return own + [text for part in node.values() for text in _texts(part)]
    return []


def block_types(message: Message) -> list[str]:
    return [block["type"] for block in message.blocks]


def test_an_open_card_is_four_blocks_ending_in_the_buttons() -> None:
    assert block_types(card(b.approval())) == ["header", "section", "context", "actions"]


def test_an_open_card_asks_and_says_who_did_it_from_where_and_under_which_permission() -> None:
    message = card(b.approval())
    said = everything(message)
    assert headline(message) == "\u2753 Was this start expected? vm-web-01"
    assert "*Alice Example* (user, alice@contoso.com) started `vm-web-01`" in said
    assert "Azure CLI, `203.0.113.7`\nSigned in with MFA" in said
    assert "Azure role *Virtual Machine Contributor*\non the whole subscription" in said
    assert "*Public IP*\n`198.51.100.20`" in said
    assert "`22` Tcp (rule `allow-ssh`)" in said
    assert "Running\nStandard_D4s_v5, westeurope" in said
    assert "Resource group `rg-web`\nSubscription Contoso Production (`11111111`)" in said


def test_the_buttons_carry_the_id_and_the_starts_shown_and_confirming_asks_once_more() -> None:
    approval = b.approval()
    confirm, reject, _ = card(approval).blocks[-1]["elements"]
    assert (confirm["action_id"], confirm["style"], confirm["value"]) == (
        "approval.confirm",
        "primary",
        f"{approval.id}:1",
    )
    assert (reject["action_id"], reject["style"], reject["value"]) == (
        "approval.reject",
        "danger",
        f"{approval.id}:1",
    )
    assert confirm["confirm"]["title"]["text"] == "Was this start expected?"
    event = approval.event
    who = f"{event.caller.label} ({event.caller.email})"
    said = f"{who} started vm-web-01 in rg-web. Was that expected?"
    assert confirm["confirm"]["text"]["text"] == said, "who did it, and nothing of what the VM does now"
    assert confirm["confirm"]["confirm"]["text"] == "Yes, expected"
    assert confirm["confirm"]["deny"]["text"] == "Back"


def test_whoever_started_it_is_asked_whether_it_was_them() -> None:
    """Their account may have been used by somebody else."""
    approval = b.approval()
    reader = approval.event.caller.email.upper()
    shown = approval_card(approval, None, kind=CopyKind.OWNER, reader=reader)
    sure = shown.blocks[-1]["elements"][0]["confirm"]
    assert sure["text"]["text"] == "Your account started vm-web-01 in rg-web. Was it you?"
    assert sure["confirm"]["text"] == "Yes, it was me"
    assert shown.text == "Your account started vm-web-01. Was it you?"
    for other in ("", "bob@contoso.com"):
        assert "Your account" not in everything(
            approval_card(approval, None, kind=CopyKind.OWNER, reader=other)
        )


def test_nobody_without_an_address_is_taken_for_the_caller() -> None:
    approval = b.approval(event=b.start_event(caller=b.caller(email="")))
    assert "Your account" not in everything(approval_card(approval, None, kind=CopyKind.OWNER, reader=""))


LONGEST = f"vm-{'x' * 54}-web-01"
"""Azure allows 64 characters."""


def test_every_card_ends_its_small_print_with_a_reference_that_audit_show_takes() -> None:
    approval, containment = b.approval(), b.containment()
    decided = approval.changed(state=ApprovalState.EXPIRED)
    for message, document_id in (
        (card(approval), approval.id),
        (card(decided, containment), approval.id),
        (lockdown_card(containment), containment.id),
    ):
        (small,) = (block for block in message.blocks if block["type"] == "context")
        assert small["elements"][-1]["text"] == f"Reference `{document_id[:9]}`"
        assert is_reference(document_id[:9])


def test_every_button_has_a_label_that_names_its_vm() -> None:
    elements = card(b.approval()).blocks[-1]["elements"]
    assert [element["accessibility_label"] for element in elements] == [
        "Confirm the start of vm-web-01",
        "Reject the start of vm-web-01",
        "Say that it is not yours: vm-web-01",
    ]


def test_the_longest_name_is_whole_in_the_header_and_differs_on_the_buttons() -> None:
    assert len(LONGEST) == 64
    message = card(b.approval(event=b.start_event(vm=b.vm_ref(name=LONGEST))))
    assert headline(message).endswith(LONGEST)
    assert LONGEST in message.text
    for element in message.blocks[-1]["elements"]:
        assert len(element["accessibility_label"]) <= 75
        assert element["accessibility_label"].endswith("-web-01")
    assert LONGEST in message.blocks[-1]["elements"][0]["confirm"]["text"]["text"]


def test_the_on_call_copy_asks_in_its_header_and_says_that_nobody_has_answered() -> None:
    message = card(b.approval(escalated_at=b.NOW), kind=CopyKind.ONCALL)
    assert headline(message) == "\u2753 No answer yet. Was this start expected? vm-web-01"
    assert message.text.startswith("No answer yet. Alice Example started vm-web-01.")


@pytest.mark.parametrize("kind", [CallerKind.MANAGED_IDENTITY, CallerKind.SERVICE_PRINCIPAL])
def test_mfa_is_left_out_where_there_is_none(kind: CallerKind) -> None:
    event = b.start_event(caller=b.caller(mfa=None, kind=kind))
    assert "MFA" not in everything(card(b.approval(event=event)))


@pytest.mark.parametrize("state", CLOSED)
def test_a_closed_card_has_no_buttons(state: ApprovalState) -> None:
    assert "actions" not in block_types(card(b.approval(state=state)))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (ApprovalState.CONFIRMED, "\u2705 Confirmed as expected: vm-web-01"),
        (ApprovalState.REJECTED, "\u26d4 Rejected: vm-web-01"),
        (ApprovalState.EXPIRED, "\u231b No answer: vm-web-01"),
        (ApprovalState.WITHDRAWN, "\u2796 Withdrawn: vm-web-01"),
    ],
)
def test_the_headline_of_a_closed_card_needs_no_colour(state: ApprovalState, said: str) -> None:
    assert headline(card(b.approval(state=state))) == said


def test_a_rejected_card_says_by_whom_and_why_and_how_far_the_containment_is() -> None:
    running = b.containment(
        state=ContainmentState.RUNNING,
        steps=(
            b.step(name=StepName.ISOLATE, state=StepState.DONE),
            b.step(name=StepName.STOP, state=StepState.STARTED),
            b.step(name=StepName.BACKUP),
        ),
    )
    message = card(b.approval(state=ApprovalState.REJECTED), running)
    said = everything(message)
    assert headline(message) == "\u26d4 Rejected, containing: vm-web-01"
    assert "Rejected by *Alice Example* (alice@contoso.com)" in said, "a name is chosen by its bearer"
    assert "Reason: \u201cI did not start this.\u201d" in said
    assert "Containing: *1 of 3 steps* done. Isolate done, stop in progress, back up waiting." in said


@pytest.mark.parametrize("state", ContainmentState)
def test_the_card_says_contained_only_when_the_containment_is(state: ContainmentState) -> None:
    message = card(b.approval(state=ApprovalState.REJECTED), b.containment(state=state))
    says_so = "Contained" in headline(message) or "*Contained:*" in everything(message)
    assert says_so is (state is ContainmentState.CONTAINED)
    assert ("Verified in Azure" in everything(message)) is (state is ContainmentState.CONTAINED)


def test_steps_that_are_all_done_are_not_yet_contained() -> None:
    done = tuple(b.step(name=name, state=StepState.DONE) for name in LockdownProfile().steps)
    message = card(
        b.approval(state=ApprovalState.REJECTED),
        b.containment(state=ContainmentState.RUNNING, steps=done),
    )
    assert headline(message) == "\u26d4 Rejected, containing: vm-web-01"
    assert "*3 of 3 steps* done" in everything(message)


def test_silence_is_never_called_a_rejection() -> None:
    silence = b.containment(
        state=ContainmentState.RUNNING,
        cause=b.cause(kind=CauseKind.SILENCE, reason="nobody answered; the policy contains the VM"),
    )
    message = card(b.approval(state=ApprovalState.EXPIRED), silence)
    assert headline(message) == "\u26d4 No answer, containing: vm-web-01"
    assert "eject" not in everything(message)


def test_a_question_withdrawn_by_a_lockdown_says_who_locked_down() -> None:
    lockdown = b.containment(
        state=ContainmentState.RUNNING,
        cause=b.cause(kind=CauseKind.LOCKDOWN, by=b.oncall(), reason="beaconing"),
    )
    said = everything(card(b.approval(state=ApprovalState.WITHDRAWN), lockdown))
    assert "Locked down by *Olga Oncall*" in said
    assert "\u201cbeaconing\u201d" in said


def test_a_question_withdrawn_by_another_starts_rejection_is_not_called_locked_down() -> None:
    because = "another start of this VM was rejected by Alice Example"
    withdrawn = b.approval(state=ApprovalState.WITHDRAWN, closed_because=because)
    message = card(withdrawn, b.containment(state=ContainmentState.RUNNING))
    assert headline(message) == "\u26d4 Another start rejected, containing: vm-web-01"
    assert "Another start of this VM was rejected by Alice Example." in everything(message)
    assert "ocked down" not in everything(message)


def test_a_confirmed_card_shows_no_containment() -> None:
    other = b.containment(state=ContainmentState.CONTAINED)
    assert "ontain" not in headline(card(b.approval(state=ApprovalState.CONFIRMED), other))


def test_the_owners_copy_says_why_they_are_asked_and_what_silence_does() -> None:
    said = everything(card(b.approval()))
    assert "Asking you because the tag `owner` on this VM names you." in said
    assert "If nobody answers by <!date^" in said
    assert "{time}|2026-11-24 04:50 UTC> (1 hour), on-call decides." in said


def test_a_channels_copy_says_who_is_asked() -> None:
    message = card(b.approval(), kind=CopyKind.CHANNEL)
    assert [m["id"] for m in mentions_in_layout(message.blocks, "")] == [b.ALICE]
    assert "Owner from tag `owner`." in everything(message)


def test_the_on_call_copy_says_since_when_nobody_answers() -> None:
    said = everything(card(b.approval(escalated_at=b.NOW), kind=CopyKind.ONCALL))
    assert "*No answer yet.* Asked <!date^" in said
    assert "2026-11-24 03:50 UTC>" in said


def test_without_an_owner_the_card_says_why_nobody_is_asked() -> None:
    approval = b.approval(
        owner=b.owner(emails=(), source="no tag owner or contact"),
        asked_whom=(),
        notice="Nobody could be asked directly: no tag names an owner.",
    )
    said = everything(card(approval, kind=CopyKind.CHANNEL))
    assert "No owner found: no tag owner or contact." in said
    assert "Nobody could be asked directly: no tag names an owner." in said


def test_before_the_card_is_out_the_deadline_is_a_span_not_a_time() -> None:
    approval = b.approval(asked_at=None, terms=b.terms(on_silence=OnSilence.CONTAIN))
    assert "If nobody answers within 1 hour, the VM is contained." in everything(card(approval))


def test_a_silence_with_a_profile_of_its_own_names_it() -> None:
    quarantine = LockdownProfile(name="quarantine", steps=(StepName.ISOLATE,))
    terms = b.terms(on_silence=OnSilence.CONTAIN, silence_lockdown=quarantine)
    said = everything(card(b.approval(asked_at=None, terms=terms)))
    assert "If nobody answers within 1 hour, the VM is contained with the profile `quarantine`." in said


def test_missing_facts_are_named_with_their_reason() -> None:
    facts = b.facts(network=None, missing=(MissingFact(name="network", reason="no answer within 2 s"),))
    said = everything(card(b.approval(facts=facts)))
    assert "*Public IP*\nUnknown" in said
    assert "Unknown: network (no answer within 2 s)." in said


def test_a_vm_out_of_reach_says_none_rather_than_nothing() -> None:
    said = everything(card(b.approval(facts=b.facts(network=NetworkFacts()))))
    assert "*Public IP*\nNone" in said
    assert "*Open to the Internet*\nNone" in said


def test_what_is_open_through_a_load_balancer_is_said_with_its_address() -> None:
    front = Front(balancer="web-lb", address="203.0.113.50", rule="https", ports="443", to="8443")
    port = b.open_port(ports="8443", rule="allow-8443", front=front)
    network = NetworkFacts(nics=(b.nic(public_ips=(), fronts=(front,)),), open_ports=(port,))
    said = everything(card(b.approval(facts=b.facts(network=network))))
    assert "*Public IP*\n`203.0.113.50` of load balancer `web-lb`" in said
    assert "`8443` Tcp through `443` at `203.0.113.50` of load balancer `web-lb` (rule `allow-8443`)" in said


def test_what_could_be_open_and_is_not_known_is_never_called_none() -> None:
    network = NetworkFacts(unknown=("load balancer web-lb was not read",))
    said = everything(card(b.approval(facts=b.facts(network=network))))
    assert "*Public IP*\nUnknown: load balancer web-lb was not read" in said
    assert "*Open to the Internet*\nUnknown: load balancer web-lb was not read" in said
    assert "None" not in said


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ("/", "the whole tenant"),
        (f"/subscriptions/{b.SUBSCRIPTION}", "the whole subscription"),
        (f"/subscriptions/{b.SUBSCRIPTION}/resourceGroups/rg-web", "resource group `rg-web`"),
        (b.vm_ref().resource_id.upper(), "this VM"),
        ("/providers/Microsoft.Management/managementGroups/root", "management group `root`"),
        ("", "an unknown scope"),
        ("something else", "`something else`"),
    ],
)
def test_a_scope_is_said_in_words(scope: str, said: str) -> None:
    event = b.start_event(access=Access(role="Owner", scope=scope))
    assert f"Azure role *Owner*\non {said}" in everything(card(b.approval(event=event)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mfa": False}, "Signed in *without MFA*"),
        ({"mfa": None}, "MFA unknown"),
        ({"ip": "", "signin_ip": ""}, "Azure CLI, unknown IP address"),
        ({"app_id": "deadbeef"}, "client `deadbeef`"),
        ({"app_id": ""}, "unknown client"),
        ({"kind": CallerKind.UNKNOWN, "email": ""}, "(unknown kind of identity)"),
    ],
)
def test_what_is_not_known_about_the_caller_is_said(changes: dict[str, Any], said: str) -> None:
    event = b.start_event(caller=b.caller(**changes))
    assert said in everything(card(b.approval(event=event)))


def test_a_failed_start_is_not_called_a_start() -> None:
    approval = b.approval(event=b.start_event(phase=Phase.FAILED))
    assert "tried to start `vm-web-01`" in everything(card(approval))
    assert "tried to start vm-web-01" in card(approval).text


def test_many_openings_are_counted_not_listed() -> None:
    ports = tuple(b.open_port(ports=str(port)) for port in range(100, 112))
    network = NetworkFacts(nics=(b.nic(),), open_ports=ports)
    assert "and 7 more openings" in everything(card(b.approval(facts=b.facts(network=network))))


@pytest.mark.parametrize("kind", CopyKind)
@pytest.mark.parametrize("state", ApprovalState)
def test_the_notification_mentions_nobody(kind: CopyKind, state: ApprovalState) -> None:
    line = top_line(b.approval(state=state), None, kind=kind)
    assert "vm-web-01" in line
    assert not list(mentions_in_text(line, ""))
    assert "<" not in line


def test_equal_content_has_an_equal_digest_and_a_change_another() -> None:
    assert card(b.approval()).digest == card(b.approval()).digest
    assert len(card(b.approval()).digest) == 16
    assert card(b.approval()).digest != card(b.approval(notice="Slack knows no such user.")).digest


@pytest.mark.parametrize("state", ContainmentState)
def test_a_lockdown_card_says_by_whom_why_and_how_far(state: ContainmentState) -> None:
    by_olga = b.cause(kind=CauseKind.LOCKDOWN, by=b.oncall(), reason="beaconing")
    message = lockdown_card(b.containment(state=state, cause=by_olga))
    assert check_blocks(message.blocks, "message") == []
    said = everything(message)
    assert "Locked down by *Olga Oncall*" in said
    assert "\u201cbeaconing\u201d" in said
    assert "*Isolate*" in said
    assert "*Back up*" in said
    can_be_undone = state in (ContainmentState.CONTAINED, ContainmentState.INCOMPLETE)
    assert ("`/vm-restore vm-web-01`" in said) is can_be_undone
