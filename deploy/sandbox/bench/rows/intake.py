"""Intake: how many starts a second a process takes in, beside the bare client on like messages."""

import itertools
from collections.abc import AsyncIterator

from deploy.sandbox.bench.crowd import OWNERS, PASSED_CALLERS, Start, resent
from deploy.sandbox.bench.drain import Drain, Rate
from deploy.sandbox.bench.records import Audit
from deploy.sandbox.bench.report import Row
from deploy.sandbox.bench.rig import Product, Rig
from deploy.sandbox.bench.sizes import Sizes

MUST_PASSED, MUST_ASKED = 0.25, 0.045
"""Some hundred starts a second are a hundredfold reserve for 10,000 VMs; the SDK's plain way gives that.

What asks reads what is remembered of the VM and its caller (up to 300 starts), weighs every signal, and
foresees the containment: that may cost a millisecond or two a start more than asking alone did.
"""
MUST_MORE = 0.15
"""Duplicates and failed starts are looked up before they go on record: two or three round trips, not one."""
MUST_TWO = 1.05
"""Two processes must give more than one; how much more depends on the cores that the stand-ins leave."""


async def intake(rig: Rig, sizes: Sizes) -> AsyncIterator[Row]:
    """All rows about intake."""
    more: dict[str, Rate] = {}
    async with rig.product(workers=2, bot=False) as product:
        taker = _Taker(rig, sizes, await rig.audit())
        await taker.raced(product)  # and opens connections
        two = max([await taker.passed(product) for _ in range(sizes.times)])
        await rig.leave(product)
        await taker.asked(product, sizes.vms)  # each machine: reads what is believed for ten minutes
        rounds = [await taker.round(product) for _ in range(sizes.times)]
        asked, passed, bare = (max(rates) for rates in zip(*rounds, strict=True))
        if sizes.more_intake:
            more = {"duplicates": await taker.duplicates(product), "failed": await taker.failed(product)}
        await taker.check()
    full = f"by a rule; all {sizes.passed:,} were on the queue before the first was taken"
    owners = f"{sizes.asked} starts of {min(OWNERS, sizes.asked)} owners; approval opened, card nudged"
    for name, rate, must, note in (
        ("passed", passed, MUST_PASSED, f"{full}; the bare client: {bare.cpu_ms:.2f} ms CPU each"),
        ("asked", asked, MUST_ASKED, owners),
        *((name, rate, MUST_MORE, "") for name, rate in more.items()),
    ):
        yield Row(name=f"intake, {name}", measured=rate.per_s, against=bare.per_s, unit="starts/s", must=must,
                  sense="at least", timed=True,
                  note=f"{rate.cpu_ms:.2f} ms CPU each{note and '; '}{note}")  # fmt: skip
    yield Row(name="intake, two processes", measured=two.per_s, against=passed.per_s, unit="starts/s",
              must=MUST_TWO, sense="at least", timed=True,
              note=f"passed, against one process; {two.cpu_ms:.2f} ms CPU each. {sizes.raced} starts were "
              "told twice at once: one approval each")  # fmt: skip


class _Taker:
    """Has starts of each sort taken in, and sees in the audit that they became what they must."""

    def __init__(self, rig: Rig, sizes: Sizes, audit: Audit) -> None:
        self._rig = rig
        self._sizes = sizes
        self._audit = audit
        self._drain = Drain(rig)
        self._wanted = {"approval.opened": 0, "start.passed": 0, "start.failed": 0}
        self._starts: list[Start] = []

    async def round(self, product: Product) -> tuple[Rate, Rate, Rate]:
        """Asked, passed, and the bare client, one right after the other."""
        return await self.asked(product), await self.passed(product), await self.bare(product)

    async def asked(self, product: Product, count: int = 0) -> Rate:
        """So many starts that become approvals, or as many as the sizes say."""
        await self._rig.forget_questions()
        self._starts = self._many(count or self._sizes.asked)
        self._wanted["approval.opened"] += len(self._starts)
        return await self._drain.product(product, self._rig.crowd.told(self._starts))

    async def duplicates(self, product: Product) -> Rate:
        """More tellings of the starts asked about last."""
        again = itertools.islice(itertools.cycle(self._starts), self._sizes.passed)
        return await self._drain.product(product, self._rig.crowd.told(again))

    async def raced(self, product: Product) -> None:
        """Starts that are told twice at once, so that processes race for them."""
        await self._rig.forget_questions()
        raced = self._many(self._sizes.raced)
        self._wanted["approval.opened"] += len(raced)
        twins = zip(self._rig.crowd.told(raced), self._rig.crowd.told(raced), strict=True)
        await self._drain.product(product, [message for pair in twins for message in pair])

    async def passed(self, product: Product) -> Rate:
        """Starts by the one whom a rule passes."""
        starts = self._many(self._sizes.passed)
        self._wanted["start.passed"] += len(starts)
        return await self._drain.product(product, self._rig.crowd.told(starts, by=PASSED_CALLERS))

    async def failed(self, product: Product) -> Rate:
        """Starts after which the machine does not run."""
        starts = self._many(self._sizes.passed)
        self._wanted["start.failed"] += len(starts)
        return await self._drain.product(product, self._rig.crowd.told(starts, succeeded=False))

    async def bare(self, product: Product) -> Rate:
        """The messages of passed starts, by the bare client."""
        told = self._rig.crowd.told(self._many(self._sizes.passed), by=PASSED_CALLERS)
        return await self._drain.bare(product, resent(told, self._sizes.bare), self._sizes.ways)

    async def check(self) -> None:
        """Each start became what it must, once.

        Raises:
            AssertionError: naming what there is too much or too little of.
        """
        found = {kind: await self._audit.count(kind) for kind in self._wanted}
        if found != self._wanted:
            raise AssertionError(f"the audit has {found} for {self._wanted}")

    def _many(self, count: int) -> list[Start]:
        return self._rig.crowd.starts(itertools.islice(itertools.cycle(self._rig.crowd.names), count))
