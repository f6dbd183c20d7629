"""A virtual machine as the domain knows it: its identity, and what was read about it."""

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field

from workers.domain.model import Stored, UtcTime
from workers.domain.schema import Numbered

_VM_ID = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"/resourcegroups/(?P<group>[^/\s]{1,90})"
    r"/providers/microsoft\.(?P<classic>classic)?compute"
    r"/virtualmachines/(?P<name>[^/\s]{1,200})",
    re.IGNORECASE,
)


_SUCCESS_IS_TOLD_WITHIN = timedelta(seconds=10)
"""Azure's records of one success may differ by this. A VM can't be stopped and started again in it."""


class VmRef(Stored):
    """Which VM: an Azure resource id taken apart.

    Azure ignores case in ids, and spells the id of one VM differently in different places. So ``key`` says
    which VM it is; ``resource_id`` keeps the spelling for calls and for people.
    """

    resource_id: str
    subscription_id: str
    resource_group: str
    name: str
    classic: bool = False

    @classmethod
    def parse(cls, resource_id: str) -> Self:
        """Parse a resource id.

        Raises:
            ValueError: it is not the id of a VM. (The id of something below a VM, such as an extension, isn't
            either.)
        """
        match = _VM_ID.fullmatch(resource_id.strip().rstrip("/"))
        if match is None:
            raise ValueError(f"not the resource id of a virtual machine: {resource_id[:300]!r}")
        return cls(
            resource_id=match.group(0),
            subscription_id=match["subscription"],
            resource_group=match["group"],
            name=match["name"],
            classic=match["classic"] is not None,
        )

    @property
    def key(self) -> str:
        """The id in lower case: equal for every spelling of one VM."""
        return self.resource_id.lower()


class PowerState(StrEnum):
    """Azure's power states; ``UNKNOWN`` while Azure reports none."""

    CREATING = "creating"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DEALLOCATING = "deallocating"
    DEALLOCATED = "deallocated"
    UNKNOWN = "unknown"

    @property
    def off(self) -> bool:
        """Whether it does not run, or is about to stop."""
        return self in _OFF

    @property
    def on(self) -> bool:
        """Whether it runs, or is about to."""
        return self in (PowerState.STARTING, PowerState.RUNNING)


_OFF = frozenset({PowerState.STOPPING, PowerState.STOPPED, PowerState.DEALLOCATING, PowerState.DEALLOCATED})


class Front(Stored):
    """A port of a load balancer, reached from the Internet, that leads to a port of a NIC.

    Attributes:
        balancer: its name.
        address: its public address; empty if it is not known.
        rule: the name of its load-balancing rule, or of its inbound NAT rule.
        ports: in front, and ``to`` at the NIC, in Azure's notation.
    """

    balancer: str
    address: str = ""
    rule: str = ""
    ports: str = "*"
    to: str = "*"
    protocol: str = "*"


class Pool(Stored):
    """A backend pool that a NIC is a member of.

    Attributes:
        balancer: the name of its load balancer, or of its application gateway.
        others: how many members it has that are not this VM's; ``None`` if that is not known.
        gateway: it is an application gateway's.
    """

    balancer: str
    name: str
    others: int | None = None
    gateway: bool = False


class Nic(Stored):
    """A network interface with the security groups that guard it. Ids are Azure resource ids.

    Attributes:
        public_ips: its own public addresses.
        fronts: through which public load balancers it is reached, beside them.
        passing_ips: those of ``public_ips`` that Azure takes away when the VM is deallocated.
        pools: of load balancers and application gateways, public or not.
    """

    id: str
    name: str
    nsg_id: str | None = None
    subnet_nsg_id: str | None = None
    public_ips: tuple[str, ...] = ()
    private_ips: tuple[str, ...] = ()
    fronts: tuple[Front, ...] = ()
    passing_ips: tuple[str, ...] = ()
    pools: tuple[Pool, ...] = ()


class OpenPort(Stored):
    """A port range that the Internet can reach: ``rule`` of NSG ``nsg`` allows it, and nothing denies it.

    Attributes:
        ports: at the NIC, in Azure's notation: ``22``, ``8000-8100`` or ``*``.
        front: the port of a load balancer that leads there, if it is reached through one.
    """

    nic: str
    ports: str
    protocol: str = "*"
    nsg: str = ""
    rule: str = ""
    front: Front | None = None


TAGS_REMEMBERED = timedelta(hours=24)
"""For so long a changed tag counts as changed: who writes an owner tag has not owned the VM until then."""


class TagChange(Stored):
    """A tag that is another one since a while.

    Attributes:
        before: what it was; ``None`` if it was not there.
        at: when the change was seen, the last one if there were several.
    """

    before: str | None
    at: UtcTime


class TurnedOn(Stored):
    """The inventory saw that a VM was off, and then that it was on: somebody started it in between."""

    after: UtcTime
    until: UtcTime


class KnownVm(Numbered):
    """One line of the inventory: enough to find a VM by name, within milliseconds.

    Attributes:
        tags_known: whether they were read; a VM of which only an event told has none that count.
        changed_tags: tags that changed in the last 24 hours, by their names in lower case.
        off_at: when it was last seen off; kept while Azure reports no power state.
        turned_on: when it was started the last time, as far as was seen; ``None`` while it is off.
    """

    document_kind: ClassVar[str] = "line of the inventory"

    ref: VmRef
    subscription_name: str = ""
    location: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    power: PowerState = PowerState.UNKNOWN
    seen_at: UtcTime
    tags_known: bool = True
    changed_tags: dict[str, TagChange] = Field(default_factory=dict)
    off_at: UtcTime | None = None
    turned_on: TurnedOn | None = None

    def after(self, earlier: "KnownVm | None") -> "KnownVm":
        """This line in place of an earlier one, whose tags and power state are compared."""
        return self._with_tags_after(earlier).model_copy(update=self._power_after(earlier))

    def _power_after(self, earlier: "KnownVm | None") -> dict[str, object]:
        was_off = None
        if earlier is not None:
            was_off = earlier.off_at or (earlier.seen_at if earlier.power.off else None)
        if earlier is not None and self.seen_at < earlier.seen_at:
            return {"power": earlier.power, "off_at": earlier.off_at, "turned_on": earlier.turned_on}
        if self.power.off:
            return {"off_at": self.seen_at, "turned_on": None}
        if not self.power.on:
            return {"off_at": was_off, "turned_on": earlier.turned_on if earlier else None}
        if was_off is not None:
            return {"off_at": None, "turned_on": TurnedOn(after=was_off, until=self.seen_at)}
        return {"off_at": None, "turned_on": earlier.turned_on if earlier else None}

    def _with_tags_after(self, earlier: "KnownVm | None") -> "KnownVm":
        """With the tags of both compared.

        What was listed before the earlier one was seen comes late, and its tags tell nothing new. A tag that
        changed several times keeps what it was at first, so that nobody hides a change behind another.
        """
        if earlier is None or not earlier.tags_known:
            return self
        if not self.tags_known or self.seen_at < earlier.seen_at:
            return self.model_copy(
                update={
                    "tags": earlier.tags,
                    "tags_known": True,
                    "changed_tags": earlier.changed_tags,
                    "seen_at": max(self.seen_at, earlier.seen_at),
                }
            )
        changed = {
            name: change
            for name, change in earlier.changed_tags.items()
            if self.seen_at - change.at <= TAGS_REMEMBERED
        }
        was, now = _by_name(earlier.tags), _by_name(self.tags)
        for name in was.keys() | now.keys():
            if was.get(name) != now.get(name):
                first = changed[name].before if name in changed else was.get(name)
                changed[name] = TagChange(before=first, at=self.seen_at)
        return self.model_copy(
            update={
                "changed_tags": {
                    name: change for name, change in sorted(changed.items()) if change.before != now.get(name)
                }
            }
        )


def _by_name(tags: dict[str, str]) -> dict[str, str]:
    """Azure ignores case in the names of tags."""
    return {name.lower(): value for name, value in tags.items()}


class ExpectedStart(Stored):
    """A start that Startgate itself asked Azure for. Its event is recognized by the correlation id.

    Whoever reads these ids in the Activity Log could start the VM under one of them, so they count only for
    events that Azure dates between ``after`` and ``until``.
    """

    correlation_ids: tuple[str, ...]
    after: UtcTime
    until: UtcTime

    def covers(self, correlation_id: str, at: datetime) -> bool:
        """Whether this is the expected start. ``at`` is by Azure's clock."""
        known = {one.lower() for one in self.correlation_ids}
        return correlation_id.lower() in known and self.after <= at <= self.until

    def used(self, at: datetime) -> "ExpectedStart":
        """It has succeeded at this time, by Azure's clock: a later start under its id is another one."""
        return self.changed(until=min(self.until, at + _SUCCESS_IS_TOLD_WITHIN))


class VmRecord(Numbered):
    """What is going on with one VM: the document that ties its approvals and its containment together."""

    document_kind: ClassVar[str] = "VM record"

    vm: VmRef
    version: int = 0
    open_approvals: tuple[str, ...] = ()
    containment_id: str | None = None
    expected_start: ExpectedStart | None = None

    @property
    def free(self) -> bool:
        """Whether a start is an ordinary one: the VM is not contained, and we are not starting it."""
        return self.containment_id is None and self.expected_start is None
