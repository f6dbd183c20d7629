"""States in words, the same everywhere: headlines, names of steps, one line of progress."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from bot.cards.blocks.kit import HEADER, listed
from bot.cards.blocks.text import clock, code, counted, escape, mention, plain_name, when, with_code
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.containment.afterwards.jobs import JobState
from workers.domain.containment.brakes.held import HeldBy
from workers.domain.containment.containment import (
    CauseKind,
    Containment,
    ContainmentState,
    Restoration,
    Step,
    StepState,
)
from workers.domain.containment.ending.two_persons import RestoreRequest
from workers.domain.containment.options.allow_rules import AllowRule, Direction
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.ids import reference
from workers.domain.policy.model import Verdict
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import VmRef

LOCKDOWN_COMMAND = "/vm-lockdown"
RESTORE_COMMAND = "/vm-restore"

_WORD = re.compile(r"[a-z]+(?=[\s,.:;!?]|$)")
_VERIFIED = re.compile(r", (?:rules |power state )?read back(?=;|$)")


STEPS = {name: name.spec for name in StepName}
"""What each step is called and does, from the table of steps."""

STEP_STATES = {
    StepState.TODO: "waiting",
    StepState.STARTED: "in progress",
    StepState.DONE: "done",
    StepState.FAILED: "failed",
    StepState.SKIPPED: "skipped",
}

UNDO_STATES = {**STEP_STATES, StepState.DONE: "undone", StepState.FAILED: "not undone"}


def done_words(step: Step) -> str:
    """What has been done, as a participle: ``isolated``; ``backup started`` while its job is under way."""
    spec, job = STEPS[step.name], step.job
    if not spec.job_begun or (job is not None and job.state is JobState.DONE):
        return spec.done
    return spec.job_failed if job is not None and job.ended else spec.job_begun


def all_done(steps: Sequence[Step]) -> str:
    """What has been done in all: ``isolated and stopped; backup started``."""
    done = [step for step in steps if step.state is StepState.DONE]
    words = [done_words(step) for step in done]
    whole = [said for step, said in zip(done, words, strict=True) if said == STEPS[step.name].done]
    return "; ".join([and_list(whole), *(said for said in words if said not in whole)])


def state_words(step: Step) -> str:
    """Where a step is, in a list: ``isolate done``, or ``backup started`` by its job."""
    title = STEPS[step.name].verb
    said = done_words(step)
    if step.state is StepState.DONE and said != STEPS[step.name].done:
        return said
    return f"{title} {STEP_STATES[step.state]}"


class Headline(NamedTuple):
    """A state as a sign and words. The words alone are enough."""

    sign: str
    words: str

    def of(self, vm: VmRef) -> str:
        """The headline of this VM, for a header."""
        colon = "" if self.words.endswith("?") else ":"
        said = f"{self.sign} {self.words}{colon} "
        return said + plain_name(vm.name, HEADER - len(said))


_BY_CONTAINMENT = {
    ContainmentState.PLANNED: Headline("\u26d4", "Containing"),
    ContainmentState.RUNNING: Headline("\u26d4", "Containing"),
    ContainmentState.CONTAINED: Headline("\U0001f512", "CONTAINED"),
    ContainmentState.INCOMPLETE: Headline("\u26a0\ufe0f", "Containment incomplete"),
    ContainmentState.RESTORING: Headline("\u21a9\ufe0f", "Restoring"),
    ContainmentState.RESTORED: Headline("\u21a9\ufe0f", "Restored"),
}

_RESTORE_INCOMPLETE = Headline("\u26a0\ufe0f", "Restore incomplete")

_BY_APPROVAL = {
    ApprovalState.PENDING: Headline("\u2753", "Was this start expected?"),
    ApprovalState.TOLD: Headline("\U0001f4e3", "Started, no answer needed"),
    ApprovalState.CONFIRMED: Headline("\u2705", "Confirmed as expected"),
    ApprovalState.REJECTED: Headline("\u26d4", "Rejected"),
    ApprovalState.EXPIRED: Headline("\u231b", "No answer"),
    ApprovalState.WITHDRAWN: Headline("\u2796", "Withdrawn"),
    ApprovalState.JOINED: Headline("\u2796", "Part of an earlier question"),
    ApprovalState.RULED: Headline("\U0001f6e1\ufe0f", "Not contained, needs on-call"),
    ApprovalState.OBSERVED: Headline("\u2796", "Only observed"),
}
_NOT_REJECTED = Headline("\u2796", "Announced, not rejected")
_LEADS_TO_CONTAINMENT = {
    ApprovalState.REJECTED: "Rejected",
    ApprovalState.EXPIRED: "No answer",
    ApprovalState.RULED: "By a rule",
}
_BY_CAUSE = {
    CauseKind.REJECTION: "Another start rejected",
    CauseKind.LOCKDOWN: "Locked down",
    CauseKind.SILENCE: "No answer about another start",
    CauseKind.RULE: "Another start, by a rule",
}
"""Why a question was withdrawn, where its VM is being contained."""


def containment_headline(containment: Containment) -> Headline:
    """The only place that says CONTAINED, and only when the document does."""
    if containment.state is ContainmentState.INCOMPLETE and containment.restoration is not None:
        return _RESTORE_INCOMPLETE
    return _BY_CONTAINMENT[containment.state]


def approval_headline(approval: Approval, containment: Containment | None) -> Headline:
    """The state of the question, and of what became of it."""
    withdrawn = approval.state is ApprovalState.WITHDRAWN
    if approval.state is ApprovalState.EXPIRED and approval.terms.verdict is Verdict.TELL:
        return _NOT_REJECTED
    if containment is None or not (withdrawn or approval.state in _LEADS_TO_CONTAINMENT):
        return _BY_APPROVAL[approval.state]
    headline = containment_headline(containment)
    if containment.state not in (ContainmentState.PLANNED, ContainmentState.RUNNING):
        return headline
    why = _BY_CAUSE[containment.cause.kind] if withdrawn else _LEADS_TO_CONTAINMENT[approval.state]
    return Headline(headline.sign, f"{why}, containing")


def progress(containment: Containment) -> str:
    """The containment in one line of mrkdwn."""
    steps = containment.steps
    done = [s for s in steps if s.state is StepState.DONE]
    each = ", ".join(state_words(s) for s in steps)
    match containment.state:
        case ContainmentState.PLANNED | ContainmentState.RUNNING:
            again = " again" if containment.round > 1 else ""
            waits = _HELD.get(containment.held.by, "") if containment.held else ""
            return (
                f"Containing{again}: *{len(done)} of {counted(len(steps), 'step')}* done."
                f" {sentence(each)}{waits}"
            )
        case ContainmentState.CONTAINED:
            return f"*Contained:* {all_done(steps)}.{verified(containment)}"
        case ContainmentState.INCOMPLETE if containment.restoration is not None:
            return f"*Restore incomplete:* {_undone(containment)} Needs on-call."
        case ContainmentState.INCOMPLETE:
            return (
                f"*Incomplete:* {len(done)} of {counted(len(steps), 'step')} done. {sentence(each)}"
                " Needs on-call."
            )
        case ContainmentState.RESTORING:
            return f"The containment of {code(containment.vm.name)} is being undone. {_undone(containment)}"
        case ContainmentState.RESTORED:
            at = f" {when(containment.ended_at)}" if containment.ended_at else ""
            return f"The containment of {code(containment.vm.name)} was undone{at}. {_undone(containment)}"


def _undone(containment: Containment) -> str:
    """Who had it undone and why, and how far each step's undo is."""
    if containment.restoration is None:
        return ""
    steps = containment.restoration.steps
    each = "; ".join(_undo_words(s, containment.vm) for s in steps)
    return f"{restore_line(containment.restoration)} {sentence(each)}"


def _undo_words(step: Step, vm: VmRef) -> str:
    """``power: already running``, or ``power waiting`` until it is known."""
    area = STEPS[step.name].area.lower()
    if step.state is StepState.DONE and step.note:
        return f"{area}: {bare_note(step, vm)}"
    return f"{area} {UNDO_STATES[step.state]}"


def restore_line(restoration: Restoration) -> str:
    """Who ordered a restore and why, as mrkdwn."""
    start = " and start" if restoration.starts else ""
    by, at = person(restoration.by), when(restoration.at)
    if restoration.expired:
        return (
            f"The isolation ended by itself {at}, as its lockdown profile says: only the network is restored."
        )
    if restoration.requested is not None:
        first = restoration.requested
        return (
            f"Restore{start} asked for by {person(first.by)} {when(first.at)}.{quoted(first.reason)}"
            f" Confirmed by {by} {at}.{quoted(restoration.reason)}"
        )
    return f"Restore{start} ordered by {by} {at}.{quoted(restoration.reason)}"


def request_line(request: RestoreRequest) -> str:
    """Who asked for a restore that waits for a second person, why, and until when, as mrkdwn."""
    start = " and start" if request.start else ""
    return (
        f"{person(request.by)} asked for a restore{start} {when(request.at)}.{quoted(request.reason)}"
        f" Somebody else of on-call has to confirm it by {clock(request.expires_at)}."
    )


def verified(containment: Containment) -> str:
    """When all of it was read back from Azure, with a space before; empty until then."""
    return f" Verified in Azure {when(containment.verified_at)}." if containment.verified_at else ""


def cause_line(containment: Containment) -> str:
    """By whom and why, as mrkdwn."""
    cause = containment.cause
    if cause.by_policy:  # its reason is the policy's word, not a person's
        why = sentence(escape(cause.reason, 300)) or "Nobody answered."
        return f"{why} The containment began {when(cause.at)}."
    what = "Locked down" if cause.kind is CauseKind.LOCKDOWN else "The start was rejected"
    by = f" by {person(cause.by)}" if cause.by else ""
    return f"{what}{by} {when(cause.at)}.{quoted(cause.reason)}"


def guarded_line(guard: str) -> str:
    """That the policy never contains a VM, by the name of the guard, as mrkdwn without a full stop."""
    return f"The policy never contains this VM ({escape(guard, 80)})"


_HELD = {
    HeldBy.CAP: " *It waits:* more VMs are being contained within an hour than the policy takes, and on-call"
    " was asked whether to go on.",
    HeldBy.MODE: " *It waits:* the policy only observes, so nothing is written to Azure.",
}


def undo_command(containment: Containment) -> str:
    """The command that takes the containment back, as code."""
    return command(RESTORE_COMMAND, containment.vm)


def command(name: str, vm: VmRef) -> str:
    """A slash command about this VM, as code."""
    return code(f"{name} {vm.name}")


def reference_line(document_id: str) -> str:
    """What ``startgate audit show`` takes for the whole story of a card."""
    return f"Reference {code(reference(document_id))}"


def quoted(reason: str) -> str:
    """Somebody's own words, marked as theirs, with a space before; empty if they gave none."""
    said = escape(reason, 600)
    return f" Reason: \u201c{said}\u201d" if said else ""


def person(actor: Actor) -> str:
    """A person by name and address, or account; by Slack id where we know no name. Never pings anybody.

    The name alone would not do: people choose their own in Slack.
    """
    address = actor.email or actor.upn
    if not actor.name:
        return f"*{escape(address, 80)}*" if address else mention(actor.slack_user)
    known_by = escape(address, 80) or code(actor.slack_user)
    return f"*{escape(actor.name, 80)}* ({known_by})"


def known_as(actor: Actor) -> str:
    """The same without mark-up: ``Alice (alice@contoso.com)``. Hostile text."""
    address = actor.email or actor.upn
    return f"{actor.name} ({address or actor.slack_user})" if actor.name else address or actor.slack_user


def and_list(items: list[str]) -> str:
    """``isolated, stopped and backed up``; ``nothing`` for none."""
    if len(items) < 2:  # noqa: PLR2004 - a list of one needs no "and"
        return items[0] if items else "nothing"
    return f"{', '.join(items[:-1])} and {items[-1]}"


def exceptions(profile: LockdownProfile) -> list[str]:
    """Who can still connect to an isolated VM, and what it can still reach, one line each."""
    rules = profile.isolate.allow if StepName.ISOLATE in profile.steps else ()
    return [f"Exception: {_exception(rule)}" for rule in rules]


def _exception(rule: AllowRule) -> str:
    peers = rule.peers or ((rule.peer_group or "").rpartition("/")[2],)
    end = f"{escape(rule.name, 60)} ({listed([escape(one, 50) for one in peers], 3, 'range')})"
    protocol = "any protocol" if rule.protocol == "*" else rule.protocol.upper()
    ports = "" if rule.azure_ports == ("*",) else f" {listed(rule.ports, 5, 'range')}"
    if rule.direction is Direction.OUT:
        return f"the VM can still reach {end} on {protocol}{ports}"
    return f"{end} can still connect on {protocol}{ports}"


def bare_note(step: Step, vm: VmRef, limit: int = 300) -> str:
    """As ``note``, to stand after a colon: not as a sentence."""
    return with_code(_VERIFIED.sub("", step.note), _identifiers(step, vm), limit)


def read_back(step: Step) -> bool:
    """Whether what a step says of itself was read back from Azure."""
    return _VERIFIED.search(step.note) is not None


def note(step: Step, vm: VmRef, limit: int = 600) -> str:
    """What a step says of itself, as a sentence with its identifiers in code style; may be empty."""
    return sentence(with_code(_VERIFIED.sub("", step.note), _identifiers(step, vm), limit))


def _identifiers(step: Step, vm: VmRef) -> set[str]:
    """The names of the VM and of every resource that the step changes."""
    ids = _strings([step.change.before, step.change.after] if step.change else [])
    return {vm.name, *(one.rstrip("/").rpartition("/")[2] for one in ids if one.startswith("/"))}


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        yield from _strings([*node.keys(), *node.values()])
    elif isinstance(node, list | tuple):
        for part in node:
            yield from _strings(part)


def sentence(text: str) -> str:
    """With a full stop, and a capital if it begins with a word; an identifier keeps its spelling."""
    stop = "" if text.endswith((".", "!", "?", "\u2026")) or not text else "."
    return f"{text[:1].upper()}{text[1:]}{stop}" if _WORD.match(text) else f"{text}{stop}"
