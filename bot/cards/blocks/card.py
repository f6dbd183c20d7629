"""The card of one start: what happened, who is asked, and what became of it."""

from datetime import timedelta

from bot.cards.blocks import evidence, risk
from bot.cards.blocks.answer_buttons import CONFIRM, NOT_MINE, REJECT, buttons
from bot.cards.blocks.details.dialog import details_button
from bot.cards.blocks.joined import started_since
from bot.cards.blocks.kit import context, header, section
from bot.cards.blocks.message import Block, Message
from bot.cards.blocks.plans.planned import worst_of_it
from bot.cards.blocks.status import (
    Headline,
    approval_headline,
    cause_line,
    guarded_line,
    person,
    progress,
    quoted,
    reference_line,
    sentence,
)
from bot.cards.blocks.text import (
    clock,
    code,
    counted,
    duration,
    escape,
    mention,
    name,
    when,
)
from bot.cards.blocks.waiting import asked_for_it, passed_line, quiet_line, second_line
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.asking.decisions import Decision, why_somebody_else
from workers.domain.containment.containment import CauseKind, Containment
from workers.domain.policy.model import OnSilence, OnUndelivered, Verdict
from workers.domain.starts.events import Phase

__all__ = [
    "AT_THE_START",
    "CONFIRM",
    "NOT_MINE",
    "REJECT",
    "approval_card",
    "asked_line",
    "buttons",
    "outcome",
    "top_line",
]

AT_THE_START = "*At the start*"
"""Over the evidence of a decided card: the VM may be stopped and isolated by now."""

_GUARDED = "\U0001f6e1\ufe0f *{}.* Reject calls on-call; nothing is changed in Azure."

_SWEPT = "Found by a sweep: no event told of this start, so this question comes late."

_HALF_A_DAY = timedelta(hours=12)

_ON_SILENCE = {
    OnSilence.LEAVE: "no action is taken",
    OnSilence.ESCALATE: "on-call decides",
    OnSilence.ISOLATE: "the VM is isolated",
    OnSilence.CONTAIN: "the VM is contained",
}
_ONCALL = OnUndelivered.ESCALATE
_ON_UNDELIVERED = {
    _ONCALL: "on-call is called",
    OnUndelivered.ISOLATE: "the VM is isolated",
    OnUndelivered.CONTAIN: "the VM is contained",
}


def approval_card(
    approval: Approval, containment: Containment | None, *, kind: CopyKind, reader: str = ""
) -> Message:
    """The card as it should be now, in a copy of this kind.

    Args:
        approval: the question.
        containment: what became of it.
        kind: why the copy is where it is.
        reader: the e-mail address of its only reader; empty in a channel, or if it is not known.
    """
    own = bool(reader) and reader.lower() == approval.event.caller.email.lower()
    barred = bool(reader) and reader.lower() in {one.email.lower() for one in approval.risky_callers}
    headline = approval_headline(approval, containment)
    if _escalated(approval, kind):
        headline = Headline(headline.sign, f"No answer yet. {headline.words}")
    blocks = [
        header(headline.of(approval.event.vm)),
        *_body("\n".join(_lead(approval, containment, kind)), approval),
        *([section(since)] if (since := started_since(approval)) else []),
        *([section(_GUARDED.format(guarded_line(approval.guarded)))] if _guarded(approval) else []),
        *context(
            [
                _asked(approval, kind),
                _expected(approval),
                risk.fine(approval),
                evidence.missing(approval.facts),
                second_line(approval, reader),
                passed_line(approval.passed),
                _SWEPT if approval.event.swept else "",
                why_somebody_else(approval.terms.self_confirm) if barred and approval.asks else "",
                _notice(approval),
                worst_of_it(approval.plan) if approval.open else "",
                reference_line(approval.id),
            ]
        ),
    ]
    if approval.open:
        barred = barred or not approval.asks or asked_for_it(approval, reader)
        blocks.append(buttons(approval, own=own, only_reject=barred))
    return Message(top_line(approval, containment, kind=kind, own=own), blocks)


def _body(lead: str, approval: Approval) -> list[Block]:
    """The lead with the evidence. Once it is decided, the evidence is history, and is labelled so."""
    fields, details = evidence.fields(approval), {"accessory": details_button(approval)}
    signs = [section(signs)] if (signs := risk.evidence(approval)) else []
    if approval.open:
        return [section(lead, fields) | details, *signs]
    return [section(lead), section(AT_THE_START, fields) | details, *signs]


def _guarded(approval: Approval) -> bool:
    """Whether the card says that its VM is never contained."""
    return approval.open and bool(approval.guarded)


def top_line(
    approval: Approval, containment: Containment | None, *, kind: CopyKind, own: bool = False
) -> str:
    """One line for a notification: safe, and without any mention. ``own``: the reader's account did it."""
    event = approval.event
    risky = f"{said}: " if (said := risk.worth_saying(approval)) else ""
    vm, who = name(event.vm.name), escape(event.caller.label, 80) or "Somebody"
    if approval.open:
        verb = "tried to start" if event.phase is Phase.FAILED else "started"
        still = "No answer yet. " if _escalated(approval, kind) else ""
        again = f", and {counted(approval.joined_count, 'more start')} followed" if approval.joined else ""
        if not approval.asks:
            who = "Your account" if own else who
            return f"{risky}{who} {verb} {vm}{again}. No answer needed; reject it if it was not expected."
        if own:
            return f"{still}{risky}Your account {verb} {vm}{again}. Was it you?"
        return f"{still}{risky}{who} {verb} {vm}{again}. Was this expected?"
    return f"{approval_headline(approval, containment).words}: {vm}"


def _escalated(approval: Approval, kind: CopyKind) -> bool:
    """Whether this copy is there because nobody has answered."""
    escalated = approval.asked_at is not None and approval.escalated_at is not None
    return approval.open and kind is CopyKind.ONCALL and escalated


def _lead(approval: Approval, containment: Containment | None, kind: CopyKind) -> list[str]:
    """What to read first: the outcome, then what it is about."""
    started = f"{evidence.who_did_what(approval.event)} {when(approval.event.at)}."
    how_risky = [risk.in_short(approval), *risk.lead(approval)] if approval.open else []
    lines = (*how_risky, *outcome(approval, containment), _silence(approval, kind), started)
    return [line for line in lines if line]


def outcome(approval: Approval, containment: Containment | None) -> list[str]:
    """How it ended, and how far the containment is; nothing while it is open."""
    lines: list[str] = []
    locked_down = containment is not None and containment.cause.kind is CauseKind.LOCKDOWN
    at = f" {when(approval.closed_at)}" if approval.closed_at else ""
    why = sentence(escape(approval.closed_because, 300))
    if approval.decision is not None:
        lines += _decided(approval.decision)
    elif approval.state is ApprovalState.EXPIRED and approval.terms.verdict is Verdict.TELL:
        lines.append(
            f"It could be rejected until {when(approval.closed_at)}. {why}" if approval.closed_at else why
        )
    elif approval.state is ApprovalState.EXPIRED:
        lines.append(f"The question expired{at}. {why}")
    elif approval.state is ApprovalState.WITHDRAWN:
        # The lockdown's own line says by whom and why.
        lines.append(
            "The question was withdrawn." if locked_down else f"The question was withdrawn{at}. {why}"
        )
    elif approval.state in (ApprovalState.JOINED, ApprovalState.OBSERVED):
        lines.append(f"{approval.outcome()}.")
    elif approval.state is ApprovalState.RULED:
        lines.append(f"Nobody was asked. {why}")
    if containment is None or approval.open or approval.state is ApprovalState.CONFIRMED:
        return lines
    if locked_down:
        lines.append(cause_line(containment))
    return [*lines, progress(containment)]


def _decided(decision: Decision) -> list[str]:
    by = person(decision.by)
    if (giver := decision.in_stead_of) is not None:
        by = f"{by} in the stead of {person(giver)}"
    lines = [f"{decision.past_tense} by {by} {when(decision.at)}.{quoted(decision.reason)}"]
    if (first := decision.requested) is not None:
        lines.append(f"Asked for by {person(first.by)} {when(first.at)}.{quoted(first.reason)}")
    return lines


def _silence(approval: Approval, kind: CopyKind) -> str:
    if not approval.asks or kind is not CopyKind.ONCALL:
        return ""
    if approval.asked_at is None:
        return "*Nobody could be asked yet.*"
    if approval.escalated_at is None:
        return "*You are asked, because no owner can be.*"
    return f"*No answer yet.* Asked {when(approval.asked_at)}."


def _asked(approval: Approval, kind: CopyKind) -> str:
    """Who is asked and why; while it is open also until when, and what happens then."""
    source = _source(approval.owner.source)
    people = ", ".join(mention(user) for user in approval.asked_whom[:10])
    if approval.state is ApprovalState.RULED:
        return _told_of_rule(approval, kind)
    announced = approval.terms.verdict is Verdict.TELL
    asked = "Told" if announced else "Asked"
    if not approval.open:
        return f"{asked}: {people}" if people else ""
    if not approval.owner.known:
        why = f"No owner found: {source or 'no tag names one'}."
    elif approval.owner.by_policy:
        why = _by_policy(approval, kind, asking="Telling" if announced else "Asking")
    elif kind is CopyKind.OWNER and not approval.passed:  # else the reader may be whom somebody named
        changed = ", or did so until it was changed" if approval.owner.until_changed else ""
        asking = "Telling" if announced else "Asking"
        why = f"{asking} you because the {source} on this VM names you{changed}."
    else:
        why = f"Owner from {source}."
    asked = "" if not people else f"{asked}: {people}."
    if kind is CopyKind.OWNER and len(approval.asked_whom) == 1:
        asked = ""  # it is the reader
    return " ".join(filter(None, [asked, why, quiet_line(approval), _deadline(approval)]))


def _expected(approval: Approval) -> str:
    """Who announced the start, and that it is asked about all the same."""
    ahead = approval.expected
    if ahead is None:
        return ""
    span = f"from {when(ahead.begin)} to {when(ahead.end)}"
    why = sentence(escape(ahead.reason, 200))
    asked = " It is asked about all the same, since its risk is high or not known." if approval.open else ""
    return f"Expected by {escape(ahead.by, 100)} {span}: {why}{asked}"


def _by_policy(approval: Approval, kind: CopyKind, *, asking: str) -> str:
    """That the policy names the owner, and for which VMs."""
    of = _of_policy(approval.owner.by_policy)
    return f"{asking} you as the owner of {of}." if kind is CopyKind.OWNER else f"Owner of {of}."


def _told_of_rule(approval: Approval, kind: CopyKind) -> str:
    """Why this copy is there, of a start whose VM a rule contains."""
    source = _source(approval.owner.source)
    if not approval.owner.known:
        return f"No owner found: {source or 'no tag names one'}."
    if approval.owner.by_policy:
        return _by_policy(approval, kind, asking="Telling")
    if kind is CopyKind.OWNER:
        return f"Telling you because the {source} on this VM names you."
    return f"Owner from {source}."


def asked_line(approval: Approval, kind: CopyKind) -> str:
    """Who is asked and why; until when, and what happens then."""
    return _asked(approval, kind)


def _deadline(approval: Approval) -> str:
    on_silence, span = approval.terms.on_silence, approval.terms.expire_after
    if not approval.asks:
        return _reject_by(approval)
    if approval.guarded and on_silence in (OnSilence.ISOLATE, OnSilence.CONTAIN):
        on_silence = OnSilence.ESCALATE
    then = _ON_SILENCE[on_silence]
    if approval.terms.silence_lockdown is not None and not approval.guarded:
        then += f" with the profile {code(approval.terms.silence_lockdown.name, 40)}"
    if approval.asked_at is None and approval.quiet_until is not None:
        return f"If nobody answers within {duration(span)} after that, {then}."
    if approval.asked_at is None:
        undelivered = _ON_UNDELIVERED[approval.terms.on_undelivered if not approval.guarded else _ONCALL]
        nobody = f"If nobody can be asked within {duration(approval.terms.gives_up_after)}, {undelivered}."
        return f"If nobody answers within {duration(span)}, {then}. {nobody}"
    by = clock(approval.expire_at) if span < _HALF_A_DAY else when(approval.expire_at)
    return f"If nobody answers by {by} ({duration(span)}), {then}."


def _reject_by(approval: Approval) -> str:
    """That it is an announcement, which rule made it one, and until when it can be rejected."""
    span, rule = approval.terms.expire_after, escape(approval.terms.rule, 80)
    by = f"for {duration(span)}"
    if approval.asked_at is not None:
        by = f"until {clock(approval.expire_at) if span < _HALF_A_DAY else when(approval.expire_at)}"
    return f"Announced by the rule *{rule}*. You can reject the start {by}; otherwise no action is taken."


def _notice(approval: Approval) -> str:
    """Who can't be asked; without what only repeats why there is no owner."""
    notice = approval.notice
    if approval.open and not approval.owner.known:
        notice = notice.removeprefix(approval.owner.source).lstrip("; ")
    return sentence(escape(notice, 500))


def _of_policy(what: str) -> str:
    """For what the policy names an owner: ``resource group `rg-x` by policy``."""
    for kind in ("resource group ", "subscription ", "tag "):
        if what.startswith(kind) and " " not in what.removeprefix(kind):
            return f"{kind}{code(what.removeprefix(kind))} by policy"
    return f"{escape(what, 200)} by policy"


def _source(source: str) -> str:
    """Where the owner comes from: ``tag `contact```, or why nobody is known."""
    kind, _, tag = source.partition(" ")
    return f"tag {code(tag)}" if kind == "tag" and tag and " " not in tag else escape(source, 120)
