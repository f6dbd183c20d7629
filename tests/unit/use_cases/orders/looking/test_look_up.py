"""The bot asks, a worker answers, and nothing is changed by it."""

from datetime import timedelta

import pytest

from tests import builders as a
from tests.looking import answer_lookup, look_up
from tests.rig import Rig
from workers.domain.containment.foresight.lookups import WAITED_FOR, Lookup, LookupKind
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import DependencyAway, NotAllowed
from workers.domain.nudges import Subject
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Actor

PROFILE = LockdownProfile()


async def asked(rig: Rig, actor: Actor | None = None) -> Lookup:
    return await look_up(rig)(
        LookupKind.PLAN, a.vm_ref(), PROFILE, actor or a.oncall(), wanted="/vm-lockdown web --dry-run"
    )


async def test_a_question_is_written_down_audited_and_nudged(rig: Rig) -> None:
    lookup = await asked(rig)
    assert await rig.store.lookup(lookup.id) == lookup
    assert [nudge.id for nudge in rig.worked(Subject.LOOKUP)] == [lookup.id]
    (record,) = await rig.audit()
    assert (record.kind, record.about, record.by) == ("lookup.asked", lookup.id, a.oncall().label)


async def test_who_is_not_on_call_may_not_ask_and_that_is_on_record(rig: Rig) -> None:
    with pytest.raises(NotAllowed):
        await asked(rig, a.actor())
    assert rig.worked(Subject.LOOKUP) == []
    records = [one for p in range(16) for one in await rig.store.audit(p)]
    assert [one.kind for one in records] == ["lookup.refused"]


async def test_the_answer_is_a_fresh_plan_and_the_bot_is_nudged(rig: Rig) -> None:
    lookup = await asked(rig)
    await answer_lookup(rig)(lookup.id)
    answer = await rig.store.lookup(lookup.id)
    assert answer.foresight is not None
    assert [planned.step for planned in answer.foresight.plan.steps] == list(PROFILE.steps)
    assert [(n.subject, n.id) for n in rig.nudger.to_notices] == [(Subject.LOOKUP, lookup.id)]
    assert all(runner.begun == [] for runner in rig.runners.values())
    assert (await rig.store.vm_record(a.vm_ref())).containment_id is None


async def test_a_second_nudge_does_not_ask_azure_again(rig: Rig) -> None:
    lookup = await asked(rig)
    await answer_lookup(rig)(lookup.id)
    await answer_lookup(rig)(lookup.id)
    assert len(rig.facts.asked) == 1
    assert len(rig.nudger.to_notices) == 1


async def test_a_question_that_nobody_waits_for_is_not_answered(rig: Rig) -> None:
    lookup = await asked(rig)
    rig.clock.advance(WAITED_FOR + timedelta(seconds=1))
    await answer_lookup(rig)(lookup.id)
    assert rig.facts.asked == []


async def test_azure_away_is_an_answer(rig: Rig) -> None:
    lookup = await asked(rig)
    rig.facts.answer = DependencyAway("azure", "throttles reads")
    await answer_lookup(rig)(lookup.id)
    answer = await rig.store.lookup(lookup.id)
    assert "throttles reads" in answer.failed
    assert len(rig.nudger.to_notices) == 1


async def test_a_vm_that_is_gone_is_an_answer(rig: Rig) -> None:
    lookup = await asked(rig)
    rig.facts.answer = a.facts(gone=True)
    await answer_lookup(rig)(lookup.id)
    assert "no longer exists" in (await rig.store.lookup(lookup.id)).failed


async def test_the_worker_checks_again_who_asks(rig: Rig) -> None:
    lookup = await asked(rig)
    forged = lookup.changed(by=a.actor())
    await rig.store.commit(Commit(partition=int(lookup.id[1], 16), documents=(forged,)))
    await answer_lookup(rig)(lookup.id)
    assert rig.facts.asked == []
    assert "Only on-call" in (await rig.store.lookup(lookup.id)).failed
