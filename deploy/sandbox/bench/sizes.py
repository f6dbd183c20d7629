"""How much is done in a run: about five minutes, or under one."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """Counts and seconds.

    Attributes:
        vms: machines in the world.
        asked: starts for the rate of asking.
        bare: messages for the rate of the bare client, and of duplicates.
        timed: starts whose way to the card is timed, five a second.
        contained: rejections whose way to isolation is timed.
        bursts: starts at once, ascending.
        click_s: seconds of 50 clicks each, while a burst runs.
        idle_s: seconds at rest.
        held: containments running at once.
        operation_s: how long each of their operations takes in Azure, in seconds.
        launches: how often start until ready is tried; the shortest counts.
    """

    vms: int
    asked: int
    bare: int
    timed: int
    contained: int
    bursts: tuple[int, ...]
    click_s: int
    idle_s: float
    held: int
    operation_s: float
    launches: int


FULL = Sizes(
    vms=2000, asked=600, bare=8000, timed=100, contained=10, bursts=(1000, 3000, 10000), click_s=10,
    idle_s=60, held=200, operation_s=60, launches=3,
)  # fmt: skip
QUICK = Sizes(
    vms=600, asked=120, bare=1200, timed=12, contained=2, bursts=(110, 450), click_s=2,
    idle_s=4, held=40, operation_s=4, launches=1,
)  # fmt: skip
