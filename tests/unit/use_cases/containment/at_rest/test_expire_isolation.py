"""``isolate.expire_after``: announced an hour before, the network only, never for a started VM."""

from datetime import timedelta
from typing import Any

import pytest

from bot.cards.replies.containment.expiry import expiry_replies
from tests import acting
from tests import builders as a
from tests.unit.use_cases.containment.restore_rig import VM, RestoreRig
from workers.domain.containment.containment import (
    CauseKind,
    Containment,
    ContainmentState,
    Restart,
    StepState,
)
from workers.domain.containment.demands import demanded
from workers.domain.containment.profile import IsolateOptions, LockdownProfile
from workers.domain.containment.spec import StepName
from workers.domain.errors import DependencyAway
from workers.domain.ids import partition_of_id
from workers.domain.policy.reading.file import load_policy
from workers.domain.ports.store import Commit
from workers.use_cases.containment.contain import Contain

EIGHT, HOUR = timedelta(hours=8), timedelta(hours=1)
PROFILE = LockdownProfile(isolate=IsolateOptions(expire_after=EIGHT))


class Standing:
    """What no longer holds; or an error."""

    def __init__(self) -> None:
        self.found: dict[StepName, str] | Exception = {}

    async def suspects(self, subscription_id: str, standing: Any) -> Any:
        raise NotImplementedError

    async def drift(self, containment: Containment) -> dict[StepName, str]:
        del containment
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


class Rig(RestoreRig):
    def __init__(self) -> None:
        super().__init__()
        self.standing = Standing()
        self.contain = Contain(
            store=self.store,
            nudger=self.nudger,
            runners=list(self.runners.values()),
            clock=self.clock,
            policy=lambda: self.policy,
            standing=self.standing,
            brakes=acting.brakes(store=self.store, clock=self.clock),
        )

    async def held(self, profile: LockdownProfile = PROFILE) -> Containment:
        locked = await self.lock_down(VM, a.oncall(), profile, reason="odd traffic")
        for _ in range(60):
            containment = await self.store.containment(locked.containment.id)
            if not containment.working:
                self.nudger.clear()
                return containment
            self.clock.to(containment.due_at() or self.clock.now())
            await self.contain(containment.id)
        raise AssertionError("not contained")

    async def now(self, held: Containment) -> Containment:
        return await self.store.containment(held.id)

    async def write(self, containment: Containment) -> None:
        await self.store.commit(Commit(partition=partition_of_id(containment.id), documents=(containment,)))

    async def announced(self, held: Containment) -> Containment:
        assert held.verified_at is not None
        self.clock.to(held.verified_at + EIGHT - HOUR)
        await self.contain(held.id)
        return await self.now(held)

    async def over(self, held: Containment) -> Containment:
        """Its time is over, and it is looked at until it comes to rest."""
        announced = await self.announced(held)
        assert announced.expiry is not None
        self.clock.to(announced.expiry.ends_at)
        await self.contain(held.id)
        containment = await self.now(held)
        for _ in range(60):
            if not containment.working:
                return containment
            self.clock.to(containment.due_at() or self.clock.now())
            await self.contain(held.id)
            containment = await self.now(held)
        raise AssertionError("does not come to rest")


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_on_call_is_told_an_hour_before_and_nothing_is_done_yet(rig: Rig) -> None:
    held = await rig.held()
    assert held.verified_at is not None
    assert held.due_at() == held.verified_at + EIGHT - HOUR
    await rig.contain(held.id)
    assert (await rig.now(held)).expiry is None, "not a minute earlier"
    announced = await rig.announced(held)
    assert announced.state is ContainmentState.CONTAINED
    assert announced.expiry is not None
    assert announced.expiry.ends_at == held.verified_at + EIGHT
    assert announced.needs_oncall
    assert (await rig.kinds())[-1] == "isolation.expiry-announced"
    (reply,) = expiry_replies(announced, "<!subteam^S0ONCALL1>")
    assert reply.pages
    assert "<!subteam^S0ONCALL1>" in str(reply.message.blocks)
    assert "/vm-lockdown" in str(reply.message.blocks)


async def test_then_the_network_is_restored_and_nothing_else(rig: Rig) -> None:
    ended = await rig.over(await rig.held())
    assert ended.state is ContainmentState.RESTORED
    assert [step.name for step, _ in rig.undoable[StepName.ISOLATE].undone][:1] == [StepName.ISOLATE]
    assert rig.undoable[StepName.STOP].undone == []
    assert rig.undoable[StepName.BACKUP].undone == []
    assert ended.restoration is not None
    assert ended.restoration.step(StepName.STOP).state is StepState.SKIPPED
    assert "isolation.expired" in await rig.kinds()


async def test_an_announcement_that_comes_late_still_gives_on_call_an_hour(rig: Rig) -> None:
    held = await rig.held()
    rig.clock.advance(timedelta(days=1))
    await rig.contain(held.id)
    announced = await rig.now(held)
    assert announced.expiry is not None
    assert announced.expiry.ends_at == rig.clock.now() + HOUR
    assert announced.state is ContainmentState.CONTAINED


@pytest.mark.parametrize("how", ["told", "another round", "read in Azure"])
async def test_where_the_vm_was_started_meanwhile_on_call_is_asked(rig: Rig, how: str) -> None:
    held = await rig.held()
    if how == "told":
        await rig.write(held.changed(restart=Restart(by="mallory", at=rig.clock.now())))
    elif how == "another round":
        await rig.write(held.changed(round=2))
    else:
        rig.standing.found = {StepName.STOP: "the VM is <!here> running"}
    kept = await rig.over(held)
    assert kept.state is ContainmentState.CONTAINED
    assert kept.expiry is not None
    assert kept.expiry.held_at is not None
    assert rig.undoable[StepName.ISOLATE].undone == []
    assert (await rig.kinds())[-1] == "isolation.expiry-held"
    assert kept.expiry_look_at is None, "it is asked once"
    asked = str(expiry_replies(kept, "")[-1].message.blocks)
    assert "*not* ended" in asked
    assert "<!here>" not in asked


async def test_while_azure_does_not_answer_nothing_is_decided(rig: Rig) -> None:
    held = await rig.held()
    rig.standing.found = DependencyAway("azure", "throttles")
    kept = await rig.over(held)
    assert kept.expiry is not None
    assert (kept.state, kept.expiry.held_at) == (ContainmentState.CONTAINED, None)
    assert rig.undoable[StepName.ISOLATE].undone == []
    rig.standing.found = {}
    await rig.contain(held.id)
    assert (await rig.now(held)).state is ContainmentState.RESTORING


async def test_nobody_who_can_look_means_that_on_call_is_asked(rig: Rig) -> None:
    rig.contain = rig.worker()
    kept = await rig.over(await rig.held())
    assert kept.expiry is not None
    assert kept.expiry.held_at is not None


async def test_another_lockdown_order_begins_the_time_anew(rig: Rig) -> None:
    held = await rig.held()
    await rig.announced(held)
    await rig.lock_down(VM, a.oncall(), PROFILE, reason="not yet")
    kept = await rig.now(held)
    assert kept.expiry is None
    assert kept.isolated_until == rig.clock.now() + EIGHT


async def test_an_isolation_without_a_time_never_ends(rig: Rig) -> None:
    held = await rig.held(LockdownProfile())
    assert held.expiry_look_at is None
    rig.clock.advance(timedelta(days=30))
    await rig.contain(held.id)
    assert (await rig.now(held)).state is ContainmentState.CONTAINED


def test_of_two_times_the_longer_one_counts_and_without_end_is_longest() -> None:
    held = a.containment(state=ContainmentState.CONTAINED, profile=PROFILE)
    cause = a.cause(kind=CauseKind.LOCKDOWN)
    day = LockdownProfile(isolate=IsolateOptions(expire_after=timedelta(days=1), allow=()))
    for wanted, longest in ((day, timedelta(days=1)), (LockdownProfile(), None), (PROFILE, EIGHT)):
        assert demanded(held, cause, wanted).profile.isolate.expire_after == longest


@pytest.mark.parametrize(
    "forged", ["no word of the policy", "not told", "too early", "more than the network"]
)
async def test_the_worker_ends_no_isolation_that_the_record_does_not_allow(rig: Rig, forged: str) -> None:
    held = await rig.held()
    announced = await rig.announced(held)
    assert announced.expiry is not None
    rig.clock.to(announced.expiry.ends_at)
    await rig.contain(held.id)
    ending = await rig.now(held)
    assert ending.restoration is not None
    assert ending.expiry is not None
    rig.undoable[StepName.ISOLATE].undone.clear()
    stop = ending.restoration.step(StepName.STOP).to(StepState.TODO, ended_at=None)
    changed = {
        "no word of the policy": {"profile": LockdownProfile()},
        "not told": {"expiry": None},
        "too early": {"expiry": ending.expiry.changed(ends_at=rig.clock.now() + HOUR)},
        "more than the network": {"restoration": ending.restoration.with_step(stop)},
    }[forged]
    await rig.write(ending.changed(**changed))
    await rig.contain(held.id)
    assert (await rig.now(held)).state is ContainmentState.INCOMPLETE
    assert rig.undoable[StepName.STOP].undone == []


def test_the_policy_wants_more_than_the_hour_before() -> None:
    text = "oncall: {{usergroup: S0ONCALL01}}\nlockdowns: {{standard: {{isolate: {{expire_after: {}}}}}}}\n"
    assert load_policy(text.format("8h")).lockdown.isolate.expire_after == EIGHT
    with pytest.raises(Exception, match="more than 1h, such as 8h"):
        load_policy(text.format("1h"))
