"""At low risk an owner in quiet hours gets no message yet; at any other nothing is quiet."""

from datetime import timedelta

import pytest

from tests import acting
from tests import builders as a
from tests.unit.bot.cards.posting_rig import CHANNEL, DM, ONCALL, Posting
from workers.domain.asking.approvals import Approval
from workers.domain.policy.quiet import LONGEST_QUIET
from workers.domain.starts.risk import Level, Risk

NIGHT = timedelta(hours=8)
MORNING = a.NOW + NIGHT


async def posting(level: Level = Level.LOW, **changes: object) -> Posting:
    rig = Posting()
    rig.people.quiet[a.ALICE] = MORNING
    risk = Risk(level=level)
    await rig.change(
        a.approval(version=0, asked_at=None, asked_whom=(), risk=risk, level=level).changed(**changes)
    )
    return rig


async def channels(rig: Posting) -> list[str]:
    return [copy.channel for copy in (await rig.store.card(rig.id)).copies if copy.sent]


async def look(rig: Posting) -> None:
    """A worker looks at the approval."""
    await acting.look_at_approval(store=rig.store, nudger=rig.nudger, clock=rig.clock)(rig.id)


async def at_morning(rig: Posting) -> Approval:
    """What the scheduled message does."""
    rig.clock.to(MORNING)
    await look(rig)
    await rig.render()
    return await rig.approval()


async def test_at_low_risk_the_card_is_in_the_channel_and_the_owner_asked_in_the_morning() -> None:
    rig = await posting()
    await rig.render()

    approval = await rig.approval()
    assert await channels(rig) == [CHANNEL], "on-call is not called for that either"
    assert (approval.asked_at, approval.quiet_until) == (None, MORNING)
    assert approval.due_at() == MORNING
    (nudge,) = rig.nudger.to_work
    assert nudge.due == MORNING
    assert "approval.hushed" in await rig.kinds()
    assert await rig.asked_records() == 0

    rig.clock.to(MORNING - timedelta(seconds=1))
    await look(rig)
    assert not (await rig.approval()).undelivered(rig.clock.now()), "nobody was silent yet"

    approval = await at_morning(rig)
    assert sorted(await channels(rig)) == sorted([CHANNEL, DM])
    assert (approval.asked_at, approval.quiet_until) == (MORNING, None)
    assert approval.expire_at == MORNING + approval.terms.expire_after, "deadlines count from the message"
    assert approval.asked_whom == (a.ALICE,)
    assert await rig.asked_records() == 1


@pytest.mark.parametrize("level", [Level.MEDIUM, Level.HIGH])
async def test_at_any_other_risk_quiet_hours_do_not_count(level: Level) -> None:
    rig = await posting(level)
    await rig.render()
    assert DM in await channels(rig)
    assert (await rig.approval()).asked_at == a.NOW


async def test_where_the_risk_is_not_known_nothing_waits() -> None:
    rig = await posting(risk=None)
    await rig.render()
    assert DM in await channels(rig)


async def test_when_the_risk_rises_in_the_night_the_owner_is_asked_then() -> None:
    rig = await posting()
    await rig.render()
    rig.clock.advance(600)
    await rig.change((await rig.approval()).changed(risk=Risk(level=Level.HIGH), level=Level.HIGH))
    await rig.render()
    approval = await rig.approval()
    assert DM in await channels(rig)
    assert (approval.asked_at, approval.quiet_until) == (a.NOW + timedelta(seconds=600), None)


async def test_an_owner_who_is_up_is_asked_at_once_and_the_other_in_the_morning() -> None:
    rig = await posting()
    rig.people.found = rig.people.found._replace(users={a.ALICE: "alice@contoso.com", a.OLGA: "olga@x.org"})
    rig.people.conversations = {a.OLGA: "D0OLGA"}
    await rig.render()
    approval = await rig.approval()
    assert sorted(await channels(rig)) == sorted([CHANNEL, "D0OLGA"])
    assert (approval.asked_at, approval.quiet_until) == (a.NOW, MORNING)
    assert approval.due_at() == approval.remind_at

    approval = await at_morning_after_its_end(rig, approval)
    assert sorted(await channels(rig)) == sorted([CHANNEL, "D0OLGA", DM])
    assert (approval.asked_at, approval.quiet_until) == (a.NOW, None), "deadlines go on as they were"


async def at_morning_after_its_end(rig: Posting, approval: Approval) -> Approval:
    await rig.change(approval.changed(terms=approval.terms.changed(**_LATER)))
    return await at_morning(rig)


_LATER = dict.fromkeys(("remind_after", "escalate_after", "expire_after"), timedelta(days=1))


async def test_a_channel_that_owns_vms_has_quiet_hours_too() -> None:
    rig = await posting(owner=a.owner(emails=(), channels=("#web-team",)))
    rig.people.found = rig.people.found._replace(users={})
    rig.people.quiet["#web-team"] = MORNING
    await rig.render()
    assert await channels(rig) == [CHANNEL]
    assert (await rig.approval()).quiet_until == MORNING


async def test_nobodys_message_waits_for_ever() -> None:
    rig = await posting()
    rig.people.quiet[a.ALICE] = a.NOW + timedelta(days=9)
    await rig.render()
    assert (await rig.approval()).quiet_until == a.NOW + LONGEST_QUIET
    rig.clock.to(a.NOW + LONGEST_QUIET)
    await look(rig)
    await rig.render()
    assert DM in await channels(rig)


async def test_an_answer_in_the_channel_ends_it() -> None:
    rig = await posting()
    await rig.render()
    decide = acting.decide(store=rig.store, nudger=rig.nudger, clock=rig.clock)
    await decide(a.Answer.CONFIRM, rig.id, a.actor())
    await at_morning(rig)
    assert await channels(rig) == [CHANNEL]
    assert ONCALL not in await channels(rig)


async def quiet_soon(ends: timedelta, level: Level = Level.LOW) -> Posting:
    """Alice was asked; her quiet hours begin before she would be reminded."""
    rig = await posting(level)
    rig.people.quiet_from[a.ALICE] = a.NOW + timedelta(minutes=2)
    rig.people.quiet[a.ALICE] = a.NOW + ends
    await rig.render()
    assert DM in await channels(rig)
    return rig


async def test_a_reminder_waits_for_the_end_of_quiet_hours_and_no_deadline_moves() -> None:
    terms = a.terms()
    ends = terms.remind_after + timedelta(minutes=2)
    assert ends < terms.escalate_after
    rig = await quiet_soon(ends)
    asked = await rig.approval()
    assert (asked.asked_at, asked.remind_at) == (a.NOW, a.NOW + ends)
    assert asked.due_at() == a.NOW + ends
    assert (asked.escalate_at, asked.expire_at) == (
        a.NOW + terms.escalate_after,
        a.NOW + terms.expire_after,
    )
    assert await rig.asked_records() == 1

    rig.clock.to(a.NOW + terms.remind_after)
    await look(rig)
    assert (await rig.approval()).reminded_at is None
    rig.clock.to(a.NOW + ends)
    await look(rig)
    assert (await rig.approval()).reminded_at == a.NOW + ends


async def test_on_call_is_told_in_quiet_hours_and_then_nobody_is_reminded() -> None:
    rig = await quiet_soon(NIGHT)
    asked = await rig.approval()
    assert asked.due_at() == asked.escalate_at
    rig.clock.to(asked.escalate_at)
    await look(rig)
    escalated = await rig.approval()
    assert (escalated.reminded_at, escalated.escalated_at) == (None, asked.escalate_at)
    assert escalated.due_at() == asked.expire_at


async def test_a_reminder_does_not_wait_any_more_once_the_risk_has_risen() -> None:
    rig = await quiet_soon(NIGHT)
    asked = await rig.approval()
    rig.clock.to(a.NOW + asked.terms.remind_after)
    await look(rig)
    assert (await rig.approval()).reminded_at is None
    await rig.change((await rig.approval()).changed(risk=Risk(level=Level.MEDIUM), level=Level.MEDIUM))
    await look(rig)
    assert (await rig.approval()).reminded_at == rig.clock.now()


@pytest.mark.parametrize("level", [Level.MEDIUM, Level.HIGH])
async def test_at_any_other_risk_a_reminder_comes_in_quiet_hours(level: Level) -> None:
    asked = await (await quiet_soon(NIGHT, level)).approval()
    assert asked.remind_at == a.NOW + asked.terms.remind_after
