"""What is around a VM and costs more reads than a start may take: read only for whoever looks closer."""

from workers.domain.model import Stored, UtcTime


class OpenSession(Stored):
    """Somebody is connected to the VM through Azure Bastion. ``user`` and ``protocol`` are hostile text."""

    user: str = ""
    protocol: str = ""
    minutes: float | None = None


class Surroundings(Stored):
    """Everything that was read. ``None`` stands for what was not, or does not apply.

    Attributes:
        availability_set: its name; empty if the VM is in none.
        neighbours: names of the other VMs in that set.
        recovery_point_at: when the last recovery point was made; ``None`` if there is none, or it is unknown.
        sessions: open ones, through the Bastion hosts of the VM's subscription.
        unknown: what could not be read, each in a few words for people.
    """

    availability_set: str = ""
    neighbours: tuple[str, ...] | None = None
    recovery_point_at: UtcTime | None = None
    sessions: tuple[OpenSession, ...] | None = None
    unknown: tuple[str, ...] = ()
