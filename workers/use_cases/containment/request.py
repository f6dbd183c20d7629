"""Requests a containment. A VM has one at most: whoever asks later joins it."""

from datetime import datetime, timedelta
from typing import NamedTuple

from workers.domain.asking.approvals import Approval
from workers.domain.containment.containment import Cause, Containment, planned
from workers.domain.containment.demands import demanded
from workers.domain.containment.ending.grace import without_grace
from workers.domain.containment.plans import Plan
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotFound
from workers.domain.ids import containment_id
from workers.domain.ports.store import Document, Store
from workers.domain.starts.vm import VmRecord, VmRef
from workers.telemetry.spans import here


class Request(NamedTuple):
    """What has to be written, with the caller's own document, so that the VM is contained.

    ``joined`` says that it joins a containment that stands or is under way, and is not being undone; not if
    exceptions from its isolation are taken away, so that whoever asked is told that something was begun.
    """

    containment: Containment
    record: VmRecord
    joined: bool

    @property
    def documents(self) -> tuple[Document, ...]:
        """For the commit."""
        return (self.containment, self.record)


async def request_containment(
    store: Store,
    vm: VmRef,
    cause: Cause,
    profile: LockdownProfile,
    *,
    now: datetime,
    plan: Plan | None = None,
    grace: timedelta | None = None,
) -> Request:
    """The VM's containment: a new one, or the one that stands, which is then shown on this cause's card, too.

    One that stands is widened to what is asked for now, and has no time of ``grace`` any more.
    """
    record = await store.vm_record(vm)
    standing = await _standing(store, record)
    if standing is not None:
        cards = standing.cards
        if cause.approval_id is not None:
            cards = tuple(dict.fromkeys((*cards, cause.approval_id)))
        # A start that a restore asked for is no longer expected.
        wanted = without_grace(demanded(standing, cause, profile))
        return Request(
            wanted.changed(cards=cards),
            record.changed(expected_start=None),
            joined=standing.restoration is None
            and wanted.profile.isolate.allow == standing.profile.isolate.allow,
        )
    fresh = planned(containment_id(vm.key), vm, cause, profile, now=now, plan=plan, grace=grace)
    fresh = fresh.changed(trace=here())
    return Request(fresh, record.changed(containment_id=fresh.id, expected_start=None), joined=False)


async def _standing(store: Store, record: VmRecord) -> Containment | None:
    if record.containment_id is None:
        return None
    try:
        containment = await store.containment(record.containment_id)
    except NotFound:
        return None
    return containment if containment.active else None


def without(record: VmRecord, approval: Approval) -> VmRecord:
    """The record once this approval is closed."""
    return record.changed(open_approvals=tuple(i for i in record.open_approvals if i != approval.id))
