"""A rejection with a time of grace isolates at once; stop and backup follow, unless it is taken back."""

from datetime import timedelta

import pytest

from bot.cards.replies.containment.grace import REGRET
from bot.cards.replies.thread import replies
from tests import builders as a
from tests.doubles import CrashError
from tests.unit.use_cases.containment.restore_rig import RestoreRig
from workers.domain.asking.cards import CopyKind
from workers.domain.asking.decisions import Answer
from workers.domain.containment.containment import Containment, ContainmentState, Progress
from workers.domain.containment.plans import Change, StepName
from workers.domain.errors import NotAllowed, NotYet
from workers.domain.ids import partition_of_id
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Actor
from workers.use_cases.orders.regret import Regret

GRACE = timedelta(seconds=60)
SAM = a.actor(slack_user="U0SAM00001", name="Sam", email="sam@contoso.com")
LOCKED = Change(summary="isolate", before={"nsg": "own"}, after={"nsg": "lockdown"})


class GraceRig(RestoreRig):
    """A VM whose start was rejected a moment ago."""

    def __init__(self, grace: timedelta | None = GRACE) -> None:
        super().__init__()
        self.policy = self.policy.changed(grace=grace)
        self.regret = Regret(store=self.store, nudger=self.nudger, clock=self.clock)
        self.undoable[StepName.ISOLATE].to_begin.append(Progress(done=False, token="t", change=LOCKED))

    async def now(self, containment: Containment) -> Containment:
        return await self.store.containment(containment.id)

    @staticmethod
    def one(containment: Containment) -> Commit:
        return Commit(partition=partition_of_id(containment.id), documents=(containment,))

    def begun(self) -> set[StepName]:
        return {name for name, runner in self.undoable.items() if runner.begun}

    def undone(self) -> set[StepName]:
        return {name for name, runner in self.undoable.items() if runner.undone}

    def buttons(self, containment: Containment) -> bool:
        thread = replies(None, containment, kind=CopyKind.OWNER, oncall_mention="")
        return REGRET in str([reply.message.blocks for reply in thread])


@pytest.fixture
def rig() -> GraceRig:
    return GraceRig()


async def test_the_isolation_begins_at_once_and_the_rest_after_the_time_of_grace(rig: GraceRig) -> None:
    rejected = await rig.rejected()
    began = rig.clock.now()
    assert rejected.due_at() == began, "a lost nudge is made up for at once"
    await rig.advance(rejected.id, times=3)
    assert rig.begun() == {StepName.ISOLATE}
    waiting = await rig.now(rejected)
    assert waiting.step(StepName.ISOLATE).ended
    assert waiting.due_at() == began + GRACE, "nobody looks in between"
    assert rig.buttons(waiting)

    ended = await rig.until_rest(rejected.id)
    assert ended.state is ContainmentState.CONTAINED
    assert rig.begun() == set(rig.undoable)
    assert not rig.buttons(ended)


async def test_without_grace_in_the_policy_nothing_waits() -> None:
    rig = GraceRig(None)
    rejected = await rig.rejected()
    await rig.advance(rejected.id)
    assert {StepName.ISOLATE, StepName.STOP} <= rig.begun()
    with pytest.raises(NotYet):
        await rig.regret(rejected.id, a.actor())


@pytest.mark.parametrize("who", [a.actor(), a.oncall()])
async def test_taken_back_in_time_only_the_isolation_is_undone(rig: GraceRig, who: Actor) -> None:
    rejected = await rig.rejected()
    await rig.advance(rejected.id, times=3)
    rig.clock.advance(30)

    await rig.regret(rejected.id, who)
    assert not rig.buttons(await rig.now(rejected))
    restored = await rig.until_rest(rejected.id)

    assert restored.state is ContainmentState.RESTORED
    assert (rig.begun(), rig.undone()) == ({StepName.ISOLATE}, {StepName.ISOLATE})
    assert (await rig.store.vm_record(rejected.vm)).containment_id is None
    kinds = await rig.kinds()
    assert kinds.count("rejection.regretted") == kinds.count("restore.ordered") == 1


async def test_taken_back_while_the_isolation_is_under_way_it_is_undone_once_that_has_ended(
    rig: GraceRig,
) -> None:
    rejected = await rig.rejected()
    await rig.advance(rejected.id)
    assert not (await rig.now(rejected)).step(StepName.ISOLATE).ended
    await rig.regret(rejected.id, a.actor())
    restored = await rig.until_rest(rejected.id)
    assert restored.state is ContainmentState.RESTORED
    assert rig.undone() == {StepName.ISOLATE}


async def test_taken_back_before_anything_was_begun_nothing_is_done(rig: GraceRig) -> None:
    rejected = await rig.rejected()
    await rig.regret(rejected.id, a.actor())
    restored = await rig.until_rest(rejected.id)
    assert restored.state is ContainmentState.RESTORED
    assert (rig.begun(), rig.undone()) == (set(), set())


async def test_nobody_else_takes_it_back_and_the_try_is_audited(rig: GraceRig) -> None:
    rejected = await rig.rejected()
    for somebody in (SAM, a.actor(barred="You're a guest.")):
        with pytest.raises(NotAllowed):
            await rig.regret(rejected.id, somebody)
    assert (await rig.kinds())[-2:] == ["regret.refused"] * 2
    assert (await rig.now(rejected)).grace == rejected.grace


async def test_when_the_time_is_over_it_is_too_late(rig: GraceRig) -> None:
    rejected = await rig.rejected()
    rig.clock.advance(60)
    with pytest.raises(NotYet, match="too late"):
        await rig.regret(rejected.id, a.actor())


async def test_an_order_of_on_call_ends_the_time_of_grace(rig: GraceRig) -> None:
    rejected = await rig.rejected()
    await rig.advance(rejected.id)
    await rig.lock_down(rejected.vm, a.oncall(), rejected.profile)
    await rig.advance(rejected.id)
    assert StepName.STOP in rig.begun()
    with pytest.raises(NotYet):
        await rig.regret(rejected.id, a.actor())


async def test_a_kill_after_it_was_written_loses_nothing(rig: GraceRig) -> None:
    rejected = await rig.rejected()
    await rig.advance(rejected.id, times=3)
    rig.nudger.crashes = 1
    with pytest.raises(CrashError):
        await rig.regret(rejected.id, a.actor())
    due = (await rig.now(rejected)).due_at()
    assert due is not None
    assert due <= rig.clock.now(), "the resync finds it at once"
    assert (await rig.until_rest(rejected.id)).state is ContainmentState.RESTORED


async def test_a_restore_that_no_record_allows_is_not_carried_out(rig: GraceRig) -> None:
    rejected = await rig.rejected()
    await rig.advance(rejected.id, times=3)
    await rig.regret(rejected.id, a.actor())
    regretted = await rig.now(rejected)
    assert regretted.grace is not None
    late = regretted.grace.changed(regretted_at=regretted.grace.until)
    await rig.store.commit(rig.one(regretted.changed(grace=late)))
    ended = await rig.until_rest(rejected.id)
    assert ended.state is ContainmentState.INCOMPLETE
    assert rig.undone() == set()
    assert "restore.unjustified" in await rig.kinds()


async def test_the_answer_stays_a_rejection(rig: GraceRig) -> None:
    rejected = await rig.rejected()
    await rig.regret(rejected.id, a.actor())
    await rig.until_rest(rejected.id)
    approval = await rig.store.approval(rejected.cards[0])
    assert approval.answered(Answer.REJECT, a.ALICE)
