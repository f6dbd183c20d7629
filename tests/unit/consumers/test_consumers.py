"""A message becomes a use case; what can't be understood is dead-lettered with its reason, and audited."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders as a
from tests.looking import answer_lookup
from tests.rig import Rig
from tests.unit.consumers.start_tellings import grid, refused
from workers.consumers.starts import StartsConsumer
from workers.consumers.work import WorkConsumer
from workers.domain.containment.containment import ContainmentState
from workers.domain.errors import DependencyAway
from workers.domain.ids import PARTITIONS
from workers.domain.messages import Complete, DeadLetter, Later, Message, Split
from workers.domain.nudges import Nudge, Subject
from workers.use_cases.orders.access.expire import ExpireAccess


def starts(rig: Rig) -> StartsConsumer:
    return StartsConsumer(open_approval=rig.open, store=rig.store, clock=rig.clock)


def work(rig: Rig) -> WorkConsumer:
    return WorkConsumer(
        look_at_approval=rig.look,
        contain=rig.contain,
        answer_lookup=answer_lookup(rig),
        expire_access=ExpireAccess(store=rig.store, nudger=rig.nudger, clock=rig.clock),
    )


def message(data: object) -> Message:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return Message(body=body, message_id="m-1")


class TestStarts:
    async def test_a_start_is_asked_about_and_its_message_done(self, rig: Rig) -> None:
        assert await starts(rig)(message([grid()])) == Complete()
        assert await rig.kinds() == ["approval.opened"]

    async def test_every_start_in_a_message_is_asked_about(self, rig: Rig) -> None:
        other = a.vm_ref(name="vm-web-02").resource_id
        assert await starts(rig)(message([grid(), grid(resourceUri=other)])) == Complete()
        assert len(rig.nudger.to_notices) == 2

    async def test_a_message_that_was_half_done_asks_nobody_twice(self, rig: Rig) -> None:
        both = message([grid(), grid(correlationId="C-2")])
        await starts(rig)(message([grid()]))
        await starts(rig)(both)
        await starts(rig)(both)
        assert await rig.kinds() == ["approval.opened", "approval.joined"]

    async def test_an_odd_record_among_forty_good_ones_goes_on_by_itself_and_ends_in_the_dead_letters(
        self, rig: Rig
    ) -> None:
        good = [
            grid(correlationId=f"C-{n}", resourceUri=a.vm_ref(name=f"vm-{n}").resource_id) for n in range(40)
        ]
        odd = grid(status="InProgress")
        settlement = await starts(rig)(message([*good[:20], odd, *good[20:]]))
        assert len(rig.nudger.to_notices) == 40
        assert isinstance(settlement, Split)
        (alone,) = settlement.bodies
        assert json.loads(alone) == odd
        assert await starts(rig)(message(alone)) == DeadLetter(
            reason="UnknownStatus", description=refused(odd).description
        )

    async def test_what_is_no_start_is_dead_lettered_with_its_reason_and_audited(self, rig: Rig) -> None:
        consumer = starts(rig)
        settlement = await consumer(message(b"nonsense"))
        assert isinstance(settlement, DeadLetter)
        assert settlement.reason == "NotJson"
        records = [r for p in range(PARTITIONS) for r in await rig.store.audit(p)]
        assert [r.kind for r in records] == ["message.dead-lettered"]
        assert records[0].details["message_id"] == "m-1"
        assert records[0].details["reason"] == "NotJson"

    async def test_azure_away_is_passed_on_and_nothing_is_settled(self, rig: Rig) -> None:
        rig.facts.answer = DependencyAway("azure", "throttled")
        now = a.NOW.isoformat()
        with pytest.raises(DependencyAway):
            await starts(rig)(message(grid() | {"eventTime": now}))

    @pytest.mark.parametrize(
        ("old_s", "asked_s", "wait_s"),
        [(0, 17, 17), (0, None, 5), (0, 3600, 60), (50, 17, 10), (59.9, 17, 1)],
    )
    async def test_a_start_in_a_throttled_subscription_is_put_off_by_itself_and_not_beyond_a_minute(
        self, rig: Rig, old_s: float, asked_s: float | None, wait_s: float
    ) -> None:
        rig.facts.answer = DependencyAway("azure", "429", retry_after_s=asked_s, scope=a.SUBSCRIPTION)
        started = (a.NOW - timedelta(seconds=old_s)).isoformat()

        settlement = await starts(rig)(message(grid() | {"eventTime": started}))

        assert isinstance(settlement, Later)
        assert wait_s <= settlement.after_s <= wait_s + 1
        assert settlement.body is None
        assert await rig.kinds() == []

    async def test_a_throttled_subscription_holds_back_no_start_of_another_in_the_same_message(
        self, rig: Rig
    ) -> None:
        other = a.vm_ref(subscription="99999999-2222-3333-4444-555555555555")
        throttled = DependencyAway("azure", "429", retry_after_s=17, scope=a.SUBSCRIPTION)
        rig.facts.by_subscription = {a.SUBSCRIPTION: throttled}
        now = a.NOW.isoformat()
        both = message(
            [grid() | {"eventTime": now}, grid(resourceUri=other.resource_id) | {"eventTime": now}]
        )

        assert isinstance(await starts(rig)(both), Later)

        assert len(rig.nudger.to_notices) == 1
        rig.facts.by_subscription = {}
        assert await starts(rig)(both) == Complete()
        assert len(rig.nudger.to_notices) == 2

    @settings(max_examples=40, deadline=None)
    @given(st.binary(max_size=100) | st.dictionaries(st.text(max_size=5), st.text(max_size=5)))
    async def test_any_message_is_settled_and_its_settlement_can_be_sent(self, data: object) -> None:
        settlement = await starts(Rig())(message(data))
        assert isinstance(settlement, DeadLetter)
        assert settlement.model_dump_json()


class TestWork:
    async def test_a_nudge_about_a_containment_brings_it_forward(self, rig: Rig) -> None:
        containment = await rig.rejected()
        nudge = Nudge(subject=Subject.CONTAINMENT, id=containment.id, version=1)
        assert await work(rig)(message(nudge.model_dump_json().encode())) == Complete()
        assert (await rig.store.containment(containment.id)).state is ContainmentState.RUNNING

    async def test_a_nudge_about_an_approval_looks_at_its_deadlines(self, rig: Rig) -> None:
        approval = await rig.asked()
        rig.clock.to(approval.remind_at)
        nudge = Nudge(subject=Subject.APPROVAL, id=approval.id, version=99)
        await work(rig)(message(nudge.model_dump_json().encode()))
        assert (await rig.store.approval(approval.id)).reminded_at == approval.remind_at

    @pytest.mark.parametrize("subject", Subject)
    @pytest.mark.parametrize("about", ["a" + "0" * 25, "c" + "0" * 25, "nonsense", ""])
    async def test_a_nudge_about_nothing_is_done(self, rig: Rig, subject: Subject, about: str) -> None:
        nudge = Nudge(subject=subject, id=about, version=1)
        assert await work(rig)(message(nudge.model_dump_json().encode())) == Complete()

    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=60) | st.dictionaries(st.sampled_from(["subject", "id", "version"]), st.text()))
    async def test_what_is_no_nudge_is_dead_lettered(self, data: object) -> None:
        settlement = await work(Rig())(message(data))
        assert isinstance(settlement, DeadLetter)
        assert settlement.reason == "NotANudge"
        assert settlement.model_dump_json()

    async def test_a_nudge_proves_nothing(self, rig: Rig) -> None:
        approval = await rig.asked()
        for subject in Subject:
            nudge = Nudge(subject=subject, id=approval.id, version=approval.version)
            await work(rig)(message(nudge.model_dump_json().encode()))
        assert await rig.store.approval(approval.id) == approval
        assert all(runner.begun == [] for runner in rig.runners.values())
