"""A canary goes the way of a start and asks nobody; nothing else can pass as one."""

import json

import pytest

from tests import builders as a
from tests.rig import Rig
from tests.unit.consumers.start_tellings import grid
from workers.consumers.starts import StartsConsumer
from workers.domain.errors import NotFound
from workers.domain.ids import PARTITIONS, canary_id
from workers.domain.messages import Complete, DeadLetter, Message
from workers.domain.nudges import Subject
from workers.domain.policy.model import Rule, Verdict
from workers.domain.starts.canary import CANARY_VM, STAGES, canary_event
from workers.use_cases.starts.canary import SeeCanary, TakeCanary
from workers.use_cases.sweeps.starts.canary import CanarySilent, FlyCanary, SendCanary


class Way:
    """The queue, a worker and the bot, as far as they are there."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        take = TakeCanary(store=rig.store, nudger=rig.nudger, assess=rig.assess, clock=rig.clock)
        self.worker: StartsConsumer | None = StartsConsumer(
            open_approval=rig.open, store=rig.store, clock=rig.clock, take_canary=take
        )
        self.bot: SeeCanary | None = SeeCanary(store=rig.store, clock=rig.clock)
        self.sent: list[bytes] = []

    async def __call__(self, body: bytes, message_id: str) -> None:
        self.sent.append(body)
        self.rig.clock.advance(2)
        if self.worker is not None:
            assert await self.worker(Message(body=body, message_id=message_id)) == Complete()
        self.rig.clock.advance(1)
        for nudge in self.rig.nudger.to_notices:
            assert nudge.subject is Subject.CANARY
            if self.bot is not None:
                await self.bot(nudge.id)

    def fly(self) -> FlyCanary:
        return FlyCanary(
            store=self.rig.store, send=self, clock=self.rig.clock, within_s=0.05, look_every_s=0.001
        )


@pytest.fixture
def way(rig: Rig) -> Way:
    return Way(rig)


async def message(way: Way, *events: object) -> object:
    assert way.worker is not None
    return await way.worker(Message(body=json.dumps(events).encode(), message_id="m-1"))


async def recorded(rig: Rig) -> list[str]:
    """The kinds of all records, whatever they are about."""
    return [record.kind for p in range(PARTITIONS) for record in await rig.store.audit(p)]


class TestItsWay:
    async def test_it_is_judged_recorded_and_seen_and_nobody_is_asked(self, rig: Rig, way: Way) -> None:
        canary = await way.fly()()
        assert list(canary.took) == list(STAGES)
        assert (canary.took["queue"].total_seconds(), canary.took["seen"].total_seconds()) == (2, 1)
        assert canary.verdict == "ask"
        assert await rig.store.open_approvals() == []
        assert await recorded(rig) == ["canary.sent", "canary.judged", "canary.seen"]

    async def test_nothing_is_read_of_azure_and_no_vm_is_remembered(self, rig: Rig, way: Way) -> None:
        await way.fly()()
        assert rig.facts.asked == []
        assert await rig.inventory.count() == 0
        assert await rig.store.past_of(CANARY_VM) == ()
        assert (await rig.store.vm_record(CANARY_VM)).version == 0

    async def test_a_rule_that_needs_facts_is_tried_too(self, rig: Rig, way: Way) -> None:
        rig.policy = a.policy(rules=(Rule(name="prod", when='risk.level == "high"', verdict=Verdict.PASS),))
        assert (await way.fly()()).verdict in {"ask", "pass"}

    async def test_a_message_that_comes_twice_changes_nothing(self, rig: Rig, way: Way) -> None:
        await way.fly()()
        before = await recorded(rig)
        assert await message(way, json.loads(way.sent[0])) == Complete()
        assert await recorded(rig) == before

    @pytest.mark.parametrize(("gone", "stage"), [("worker", "queue"), ("bot", "seen")])
    async def test_one_that_is_not_seen_names_where_it_is_and_what_to_do(
        self, way: Way, gone: str, stage: str
    ) -> None:
        setattr(way, gone, None)
        with pytest.raises(CanarySilent, match=f"look at the {gone}") as silent:
            await way.fly()()
        assert silent.value.canary.waits_for == stage
        assert "canary.silent" in await recorded(way.rig)

    async def test_one_worker_sends_it(self, way: Way) -> None:
        class Leases:
            free = True

            async def take(self, name: str, *, for_s: float) -> bool:
                assert (name, for_s) == ("canary", 90)
                return self.free

        leases = Leases()
        sweep = SendCanary(fly=way.fly(), leases=leases, period_s=100)
        assert await sweep()
        leases.free = False
        assert not await sweep()
        assert len(way.sent) == 1


class TestNothingElsePasses:
    async def test_a_real_vm_with_the_number_of_a_canary_is_asked_about(self, rig: Rig, way: Way) -> None:
        canary = await way.fly()()
        rig.nudger.clear()
        assert await message(way, grid(correlationId=canary.id)) == Complete()
        assert len(await rig.store.open_approvals()) == 1

    @pytest.mark.parametrize("number", ["", "x", "a" * 26, "y" + "0" * 25, "y0\ud800"])
    async def test_one_that_nobody_sent_is_dead_lettered_and_asks_nobody(
        self, rig: Rig, way: Way, number: str
    ) -> None:
        made_up = canary_event(number or canary_id(), a.NOW)
        settlement = await message(way, made_up)
        assert isinstance(settlement, DeadLetter)
        assert settlement.reason == "UnknownCanary"
        assert await rig.store.open_approvals() == []
        assert rig.nudger.to_notices == []

    async def test_a_start_beside_a_made_up_one_is_asked_about(self, rig: Rig, way: Way) -> None:
        settlement = await message(way, canary_event(canary_id(), a.NOW), grid())
        assert isinstance(settlement, DeadLetter)
        assert len(await rig.store.open_approvals()) == 1

    async def test_the_bot_notes_none_that_nobody_sent(self, rig: Rig) -> None:
        with pytest.raises(NotFound):
            await SeeCanary(store=rig.store, clock=rig.clock)(canary_id())

    async def test_a_vm_that_is_called_like_it_elsewhere_is_a_vm(self, rig: Rig, way: Way) -> None:
        vm = a.vm_ref(name=CANARY_VM.name)
        await message(way, grid(resourceUri=vm.resource_id))
        assert len(await rig.store.open_approvals()) == 1
