"""The facts about a start, and which of them could not be read in time."""

from enum import StrEnum

from pydantic import Field

from workers.domain.model import Stored, UtcTime
from workers.domain.starts.defender import DefenderFacts
from workers.domain.starts.surroundings import Surroundings
from workers.domain.starts.vm import Nic, OpenPort, PowerState


class Cost(Stored):
    """An estimate of what a VM costs, by a list price.

    Attributes:
        usd_per_hour: of a VM with Linux, without disks, addresses, licences and discounts.
        as_of: the day of the price list, such as ``2024-12-01``.
        region: for which the price is.
    """

    usd_per_hour: float
    as_of: str
    region: str


class MachineFacts(Stored):
    """The VM itself, read from Microsoft.Compute.

    Attributes:
        size: Azure's VM size, such as Standard_D4s_v5.
        availability_set_id: the set that it is in; ``None`` if it is in none.
        scale_set_id: the scale set that it belongs to; ``None`` if it belongs to none.
        ephemeral: its OS disk lives on the host, so it can be powered off, not deallocated nor backed up.
        disk_ids: of its managed disks, the OS disk first, without an ephemeral one.
        host_encrypted: encryption at host is on.
        image: what it was made from: ``publisher:offer:sku:version``, or the name of an image of one's own.
        identity: which kinds of managed identity it has, as Azure writes them; empty for none.
        zones: the availability zones that it is pinned to.
        disk_encryption: what encrypts its OS disk beside Azure's own keys, in words; empty for nothing.
        failed_extensions: names of its extensions whose installation failed; ``None`` if not known.
        cost: about what it costs while it runs; ``None`` if its size is not in our list.
    """

    location: str = ""
    size: str = ""
    power: PowerState = PowerState.UNKNOWN
    os: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    nic_ids: tuple[str, ...] = ()
    ephemeral: bool = False
    availability_set_id: str | None = None
    disk_ids: tuple[str, ...] = ()
    host_encrypted: bool = False
    scale_set_id: str | None = None
    image: str = ""
    identity: str = ""
    zones: tuple[str, ...] = ()
    disk_encryption: str = ""
    failed_extensions: tuple[str, ...] | None = None
    cost: Cost | None = None


class NetworkFacts(Stored):
    """Its NICs, and what the Internet can reach through them.

    Attributes:
        open_ports: what is known to be open.
        unknown: what could make more of it open, and is not known, each in a few words for people.
    """

    nics: tuple[Nic, ...] = ()
    open_ports: tuple[OpenPort, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def public_ips(self) -> tuple[str, ...]:
        """All public addresses that lead to it, in the order of the NICs, those of load balancers too."""
        own = (ip for nic in self.nics for ip in nic.public_ips)
        fronts = (front.address for nic in self.nics for front in nic.fronts if front.address)
        return tuple(dict.fromkeys((*own, *fronts)))


class BackupFacts(Stored):
    """Whether Azure Backup protects it, and in which vault (a resource id).

    ``state`` says in words what is wrong with the protection or still to come; empty if nothing is.
    ``recovery_point_at`` is when the last recovery point was made; ``None`` if there is none, or not known.
    """

    protected: bool = False
    vault_id: str | None = None
    policy_name: str = ""
    state: str = ""
    recovery_point_at: UtcTime | None = None


class LockFact(Stored):
    """A management lock.

    Attributes:
        id: as Azure spells it; its name, at the end, is unique at its scope.
        level: ``ReadOnly`` or ``CanNotDelete``.
    """

    id: str
    level: str

    @property
    def name(self) -> str:
        """Whoever set it chose it: hostile text."""
        return self.id.rpartition("/")[2]

    @property
    def scope(self) -> str:
        """The id of what it lies on: a subscription, a group or a resource."""
        return self.id[: max(0, self.id.lower().rfind("/providers/microsoft.authorization/locks/"))]

    @property
    def read_only(self) -> bool:
        """Whether it forbids every change, and not deletion alone."""
        return self.level.lower() == "readonly"

    @property
    def place(self) -> str:
        """Where it lies, for people."""
        parts = self.scope.strip("/").split("/")
        places = {2: "the subscription", 4: f"the resource group {parts[-1]}"}
        return places.get(len(parts), parts[-1])

    def holds_for(self, resource_id: str) -> bool:
        """Whether the resource is its scope, or lies below it."""
        inner, outer = resource_id.lower(), self.scope.lower()
        return inner == outer or inner.startswith(f"{outer}/")


class GrantKind(StrEnum):
    """What a role allows: to start the VM, to give oneself any role, or nobody knows what."""

    STARTS = "starts"
    GRANTS = "grants"
    UNKNOWN = "unknown"


class GrantFact(Stored):
    """A role assignment of whoever started the VM, which reaches it.

    Attributes:
        id: of the assignment.
        role: its name; its id, where the name is not known.
        through_group: it is a group's that they are in.
        used: Azure says that it allowed the start.
        granted_at: when it was given; ``None`` if Azure does not say.
    """

    id: str
    role: str
    kind: GrantKind = GrantKind.UNKNOWN
    through_group: bool = False
    used: bool = False
    granted_at: UtcTime | None = None

    @property
    def scope(self) -> str:
        """Where it holds: the id of what it was given on; empty for everywhere."""
        return self.id[: max(0, self.id.lower().rfind("/providers/microsoft.authorization/roleassignments/"))]


class MissingFact(Stored):
    """A fact that is missing, and why, in words for the card."""

    name: str
    reason: str


ASSIGNMENTS = "the caller's role assignments"
JUST_IN_TIME = "just-in-time access"
VM_PLAN = "the VM's Defender plan"
"""What these facts are called where they are missing."""

SOURCES = {
    "machine": "Microsoft.Compute",
    "network": "Microsoft.Network",
    "backup": "Azure Backup",
    "Defender": "Azure Resource Graph",
    "locks": "Microsoft.Authorization, locks",
    ASSIGNMENTS: "Microsoft.Authorization, role assignments",
    JUST_IN_TIME: "Defender for Cloud",
    VM_PLAN: "Defender for Cloud",
}
"""Each fact that is read by itself, by the name under which it may be missing → which service told it."""


class Facts(Stored):
    """Everything found out about one start.

    Attributes:
        defender: of documents that an earlier version wrote, ``None`` without a reason.
        locks: on the VM, its group and its subscription.
        grants: role assignments of whoever started it; empty where no start was asked about.
        gone: Azure answered that the VM does not exist.
        missing: what is not known, with the reason. Never empty while a fact above is ``None``.
        took_ms: milliseconds each fact took to read.
        surroundings: read only for whoever looks closer than an ask may.
        group_tags: of the resource group; ``None`` if not known.
        subscription_tags: the same of the subscription.
        just_in_time: names of the just-in-time access policies that list the VM; ``None`` if not known.
        read_at: fact → when it was read, by our clock; the oldest part counts. ``SOURCES`` says where.
    """

    subscription_name: str = ""
    machine: MachineFacts | None = None
    network: NetworkFacts | None = None
    backup: BackupFacts | None = None
    defender: DefenderFacts | None = None
    locks: tuple[LockFact, ...] | None = None
    grants: tuple[GrantFact, ...] = ()
    gone: bool = False
    missing: tuple[MissingFact, ...] = ()
    took_ms: dict[str, float] = Field(default_factory=dict)
    gathered_at: UtcTime | None = None
    surroundings: Surroundings | None = None
    group_tags: dict[str, str] | None = None
    subscription_tags: dict[str, str] | None = None
    just_in_time: tuple[str, ...] | None = None
    read_at: dict[str, UtcTime] = Field(default_factory=dict)

    @property
    def tags(self) -> dict[str, str]:
        """The VM's tags; empty when they are not known."""
        return self.machine.tags if self.machine else {}

    @property
    def known_count(self) -> int:
        """How many facts are known. Missing ones can't be counted instead: one name may stand for all."""
        parts = (self.machine, self.network, self.backup, self.defender, self.locks)
        return sum(part is not None for part in parts)

    def with_power(self, power: PowerState) -> "Facts":
        """With this power state if Azure gave none; its lists don't."""
        if self.machine is None or self.machine.power is not PowerState.UNKNOWN:
            return self
        # Copied without validation: the types are right, and a burst has thousands of these.
        return self.model_copy(update={"machine": self.machine.model_copy(update={"power": power})})
