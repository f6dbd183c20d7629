"""The ports of the domain in a test's hand: a clock that is moved, and scripts that say what happens."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from tests import builders as a
from tests.examples import pytest_collection_modifyitems  # noqa: F401 - pytest finds it here by its name
from workers.bus.memory import MemoryNudger
from workers.domain.containment.afterwards.jobs import Job
from workers.domain.containment.by_hand import Words
from workers.domain.containment.containment import Containment, Progress, Step
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.nudges import Nudge
from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = a.NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta | float) -> None:
        """By a timedelta or so many seconds."""
        self._now += by if isinstance(by, timedelta) else timedelta(seconds=by)

    def to(self, at: datetime) -> None:
        """Forward to a moment; never back."""
        self._now = max(self._now, at)


class CrashError(RuntimeError):
    """Stands for the end of the process at this very point."""


class CrashingNudger(MemoryNudger):
    """Dies instead of sending, as often as ``crashes`` says."""

    def __init__(self) -> None:
        super().__init__()
        self.crashes = 0

    def _maybe(self) -> None:
        if self.crashes:
            self.crashes -= 1
            raise CrashError

    async def work(self, *nudges: Nudge) -> None:
        self._maybe()
        await super().work(*nudges)

    async def schedule_work(self, nudge: Nudge) -> int:
        self._maybe()
        return await super().schedule_work(nudge)

    async def notices(self, *nudges: Nudge) -> None:
        self._maybe()
        await super().notices(*nudges)

    def clear(self) -> None:
        self.to_work.clear()
        self.to_notices.clear()


class FakeFacts:
    """Gives ``answer``, or raises it; ``by_subscription`` goes first."""

    def __init__(self) -> None:
        self.answer: Facts | Exception = a.facts()
        self.by_subscription: dict[str, Facts | Exception] = {}
        self.asked: list[tuple[VmRef, float, datetime | None]] = []

    async def gather(
        self,
        vm: VmRef,
        *,
        budget_s: float,
        since: datetime | None = None,
        start: StartEvent | None = None,
    ) -> Facts:
        del start
        self.asked.append((vm, budget_s, since))
        answer = self.by_subscription.get(vm.subscription_id, self.answer)
        if isinstance(answer, Exception):
            raise answer
        return answer


Script = Progress | Exception | Callable[[], Progress]


class FakeRunner:
    """A step that does what its scripts say, and otherwise begins at once and is done at the next look.

    Attributes:
        begun: the calls of ``begin``: the earlier change each was given.
        checked: the calls of ``check``: the step each was given.
        watched: told of every call of ``begin``, before it does anything.
        held: while it is not set, ``begin`` does not return; ``reached`` says that it was called.
    """

    def __init__(self, name: StepName) -> None:
        self.name = name
        self.to_begin: deque[Script] = deque()
        self.to_check: deque[Script] = deque()
        self.to_follow: deque[Job | Exception] = deque()
        self.begun: list[Change | None] = []
        self.checked: list[Step] = []
        self.profiles: list[LockdownProfile] = []
        self.watched: Callable[[VmRef, StepName], None] = lambda _vm, _name: None
        self.held: asyncio.Event | None = None
        self.reached = asyncio.Event()

    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        del facts, profile
        return Change(summary=f"{self.name} {vm.name}")

    def by_hand(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> tuple[Words, ...]:
        del facts, profile
        return (("az", "vm", str(self.name), "--name", vm.name),)

    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        del containment_id
        self.begun.append(earlier)
        self.watched(vm, self.name)
        self.profiles.append(profile)
        self.reached.set()
        if self.held is not None:
            await self.held.wait()
        if self.to_begin:
            return _played(self.to_begin.popleft())
        # What comes from the plan alone knows no *before* yet.
        change = (
            earlier
            if earlier and earlier.before
            else Change(summary=f"{self.name} {vm.name}", before={"was": len(self.begun)})
        )
        return Progress(done=False, token=f"{self.name}-token", change=change, note="begun")

    async def begin_in(self, containment: Containment, step: Step) -> Progress:
        return await self.begin(containment.vm, containment.profile, containment.id, earlier=step.change)

    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        del vm, profile
        self.checked.append(step)
        if self.to_check:
            return _played(self.to_check.popleft())
        return Progress(done=True, note=f"{self.name} reads back")

    async def undo(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        raise NotImplementedError

    async def lift(self, vm: VmRef, step: Step) -> str:
        del vm, step
        return ""

    async def follow(self, vm: VmRef, job: Job) -> Job:
        del vm
        seen = self.to_follow.popleft() if self.to_follow else job
        if isinstance(seen, Exception):
            raise seen
        return seen


def _played(script: Script) -> Progress:
    if isinstance(script, Exception):
        raise script
    return script if isinstance(script, Progress) else script()
