"""How much is done in a run: five to ten minutes, or one."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """Counts and seconds.

    Attributes:
        vms: machines in the world.
        asked: starts for the rate of asking, no more than machines; many times those under way at once.
        raced: starts told twice at once to two processes.
        passed: starts for the rate of passing.
        bare: messages for the rate of the bare client, shared by its ways.
        ways: how many ways of the bare client are tried.
        times: how often each rate is measured; the fastest counts, as noise only makes things slower.
        more_intake: whether duplicates and failed starts get a row, too.
        timed: starts whose way to the card is timed, five a second.
        contained: rejections whose way to isolation is timed.
        busy: machines that bursts start, as many as the largest has starts.
        bursts: starts at once, in this order, from few to many.
        click_s: seconds of 50 clicks each, while a burst runs.
        idle_s: seconds at rest.
        held: containments running at once.
        operation_s: how long each of their operations takes in Azure, in seconds.
        launches: how often start until ready is tried; the shortest counts.
        paced: starts at once with Slack's limits on; 0 leaves that out.
        one_product: bursts run in the product of the parts before, whose Redis is behind the proxy.
        second_try: whether a part whose time or rate is beyond the guard is measured once more.
    """

    vms: int
    asked: int
    raced: int
    passed: int
    bare: int
    ways: int
    times: int
    more_intake: bool
    timed: int
    contained: int
    busy: int
    bursts: tuple[int, ...]
    click_s: int
    idle_s: float
    held: int
    operation_s: float
    launches: int
    paced: int
    one_product: bool
    second_try: bool


FULL = Sizes(
    vms=10000, asked=3000, raced=600, passed=5000, bare=6000, ways=2, times=3, more_intake=True, timed=100,
    contained=10, busy=10000, bursts=(1000, 3000, 10000), click_s=10, idle_s=60, held=200, operation_s=60,
    launches=2, paced=40, one_product=False, second_try=False,
)  # fmt: skip
QUICK = Sizes(
    vms=1000, asked=1000, raced=50, passed=1000, bare=2500, ways=1, times=2, more_intake=False, timed=10,
    contained=2, busy=300, bursts=(100, 300), click_s=2, idle_s=3, held=40, operation_s=3,
    launches=1, paced=0, one_product=True, second_try=True,
)  # fmt: skip
