"""Pages to on-call outside Slack: which records of the audit call, and which end a call.

The audit has every event once, in order and beside the change that it tells of. So a page is never sent for
what did not happen, never forgotten for what did, and nothing on the way of a start has to think of pages.
"""

import hashlib
from enum import StrEnum

from workers.domain.audit import AuditRecord
from workers.domain.model import Model, UtcTime
from workers.domain.policy.paging import PageOn


class Action(StrEnum):
    """What a page says, in the words of PagerDuty's Events API v2."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


class Page(Model):
    """One call to on-call, or its end. Texts are hostile: they name VMs and people.

    Attributes:
        about: the id of the approval or containment; of what is about none, the kind of the record.
        vm: the VM's key; empty where it is about none.
        once: nothing ends it, so nobody has to remember that it is open.
    """

    on: PageOn
    action: Action
    about: str
    vm: str = ""
    at: UtcTime
    summary: str = ""
    once: bool = False

    @property
    def key(self) -> str:
        """One call and its end share it: ``startgate:incomplete:c0…``; at most 255 characters."""
        return f"startgate:{self.on}:{self.about}"[:255]

    @property
    def id(self) -> str:
        """The same each time that this page is sent, so that a receiver knows a repetition."""
        text = f"{self.key}:{self.action}:{self.at.isoformat()}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


_CALLS: dict[str, tuple[PageOn, str]] = {
    "containment.contained": (PageOn.CONTAINED, "{vm} is contained"),
    "containment.incomplete": (PageOn.INCOMPLETE, "{vm} could not be contained completely{left}"),
    "restore.incomplete": (PageOn.INCOMPLETE, "{vm} could not be restored completely{left}"),
    "containment.drifted": (PageOn.INCOMPLETE, "{vm} is no longer held as it was, and is contained again"),
    "canary.silent": (PageOn.CANARY_SILENT, "The canary was not asked about: starts may go unseen"),
    "dead-letters.told": (
        PageOn.DEAD_LETTERS,
        "{fresh} messages were put aside: starts nobody was asked about",
    ),
}
_ACKNOWLEDGES: dict[str, tuple[PageOn, ...]] = {
    "restore.requested": (PageOn.CONTAINED,),
    "restore.ordered": (PageOn.CONTAINED, PageOn.INCOMPLETE),
    "containment.retried": (PageOn.INCOMPLETE,),
}
_ASKING = (PageOn.UNDELIVERED, PageOn.UNANSWERED, PageOn.HIGH_RISK)
_RESOLVES: dict[str, tuple[PageOn, ...]] = {
    "approval.asked": (PageOn.UNDELIVERED,),
    "approval.confirmed": _ASKING,
    "approval.rejected": _ASKING,
    "approval.expired": _ASKING,
    "approval.withdrawn": _ASKING,
    "containment.contained": (PageOn.INCOMPLETE,),
    "containment.restored": (PageOn.CONTAINED, PageOn.INCOMPLETE),
    "canary.seen": (PageOn.CANARY_SILENT,),
}
_RISKS = frozenset({"approval.opened", "approval.joined", "facts.filled-in"})


def pages_of(record: AuditRecord) -> tuple[Page, ...]:
    """What a record calls on-call for, and what it ends."""
    calls = [_call(record, *told) for told in (_CALLS.get(record.kind), _asking(record)) if told is not None]
    quiet = [
        _page(record, on, action)
        for action, table in ((Action.ACKNOWLEDGE, _ACKNOWLEDGES), (Action.RESOLVE, _RESOLVES))
        for on in table.get(record.kind, ())
    ]
    return (*quiet, *calls)


def _asking(record: AuditRecord) -> tuple[PageOn, str] | None:
    if record.kind == "approval.escalated":
        if record.details.get("asked_at"):
            return PageOn.UNANSWERED, "No answer yet about a start of {vm}"
        return PageOn.UNDELIVERED, "Nobody could be asked about a start of {vm}"
    risk = record.details.get("risk")
    if record.kind in _RISKS and isinstance(risk, dict) and risk.get("level") == "high":
        return PageOn.HIGH_RISK, "{vm} was started, at high risk"
    return None


def _call(record: AuditRecord, on: PageOn, words: str) -> Page:
    left = record.details.get("left")
    summary = words.format(
        vm=record.vm.rpartition("/")[2],
        left=f": {', '.join(left)}" if isinstance(left, dict) and left else "",
        fresh=record.details.get("fresh", ""),
    )
    return _page(record, on, Action.TRIGGER).changed(summary=summary)


def _page(record: AuditRecord, on: PageOn, action: Action) -> Page:
    once = on is PageOn.DEAD_LETTERS
    about = f"{record.about}:{record.at.isoformat()}" if once else record.about or on.value
    if on is PageOn.CANARY_SILENT:
        about = on.value  # each canary has an id of its own, and the next one that is seen ends the call
    return Page(on=on, action=action, about=about, vm=record.vm, at=record.at, once=once)
