"""The facts about a start, and which of them could not be read in time."""

from pydantic import Field

from workers.domain.model import Stored, UtcTime
from workers.domain.starts.surroundings import Surroundings
from workers.domain.starts.vm import Nic, OpenPort, PowerState


class MachineFacts(Stored):
    """The VM itself, read from Microsoft.Compute.

    Attributes:
        size: Azure's VM size, such as Standard_D4s_v5.
        availability_set_id: the set that it is in; ``None`` if it is in none.
        ephemeral: its OS disk lives on the host, so it can be powered off, not deallocated nor backed up.
    """

    location: str = ""
    size: str = ""
    power: PowerState = PowerState.UNKNOWN
    os: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    nic_ids: tuple[str, ...] = ()
    ephemeral: bool = False
    availability_set_id: str | None = None


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
    """

    protected: bool = False
    vault_id: str | None = None
    policy_name: str = ""
    state: str = ""


class LockFact(Stored):
    """A management lock that holds for the VM: its id, and ``ReadOnly`` or ``CanNotDelete``."""

    id: str
    level: str


class MissingFact(Stored):
    """A fact that is missing, and why, in words for the card."""

    name: str
    reason: str


class Facts(Stored):
    """Everything found out about one start.

    Attributes:
        locks: on the VM, its group and its subscription.
        gone: Azure answered that the VM does not exist.
        missing: what is not known, with the reason. Never empty while a fact above is ``None``.
        took_ms: milliseconds each fact took to read.
        surroundings: read only for whoever looks closer than an ask may.
    """

    subscription_name: str = ""
    machine: MachineFacts | None = None
    network: NetworkFacts | None = None
    backup: BackupFacts | None = None
    locks: tuple[LockFact, ...] | None = None
    gone: bool = False
    missing: tuple[MissingFact, ...] = ()
    took_ms: dict[str, float] = Field(default_factory=dict)
    gathered_at: UtcTime | None = None
    surroundings: Surroundings | None = None

    @property
    def tags(self) -> dict[str, str]:
        """The VM's tags; empty when they are not known."""
        return self.machine.tags if self.machine else {}

    @property
    def known_count(self) -> int:
        """How many facts are known. Missing ones can't be counted instead: one name may stand for all."""
        return sum(part is not None for part in (self.machine, self.network, self.backup, self.locks))

    def with_power(self, power: PowerState) -> "Facts":
        """With this power state if Azure gave none; its lists don't."""
        if self.machine is None or self.machine.power is not PowerState.UNKNOWN:
            return self
        # Copied without validation: the types are right, and a burst has thousands of these.
        return self.model_copy(update={"machine": self.machine.model_copy(update={"power": power})})
