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


class KnownVm(Numbered):
    """One line of the inventory: enough to find a VM by name, within milliseconds."""

    document_kind: ClassVar[str] = "line of the inventory"

    ref: VmRef
    subscription_name: str = ""
    location: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    power: PowerState = PowerState.UNKNOWN
    seen_at: UtcTime


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
