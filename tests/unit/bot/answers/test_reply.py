"""What becomes of a reply in words, by who writes it, at which risk, and how often it is told."""

from typing import Any, cast

import pytest

from bot.answers.spoken.reply import Reply
from bot.cards.blocks.card import CONFIRM, REJECT
from bot.cards.blocks.message import Message
from bot.cards.replies.thread import replies
from bot.cards.replies.words import UNDO
from bot.requests import Wrote
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.services_rig import services_of
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.errors import NotAllowed
from workers.domain.ids import partition_of_id
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Actor
from workers.domain.starts.risk import Level, Risk

SAM = a.actor(slack_user="U0SAM00001", name="Sam", email="sam@contoso.com")


class Found:
    """Questions by where somebody writes, as a test says."""

    def __init__(self, rig: Rig, *ids: str) -> None:
        self._rig = rig
        self._ids = ids

    async def below(self, channel: str, thread: str) -> tuple[Approval, ...]:
        del channel, thread
        return tuple([await self._rig.store.approval(one) for one in self._ids])

    async def open_in(self, channel: str) -> tuple[Approval, ...]:
        return tuple(one for one in await self.below(channel, "") if one.open)


class Talk:
    """One conversation about these questions."""

    def __init__(self, rig: Rig, *ids: str) -> None:
        self.reply = Reply(services_of(rig, None), cast("Any", Found(rig, *ids)))
        self._events = 0

    async def says(
        self, text: str, who: Actor | None = None, *, thread: str = "1.1", event_id: str = ""
    ) -> Message | None:
        self._events += 1
        return await self.reply.written(
            Wrote(
                actor=who or a.actor(),
                text=text,
                channel="D0ALICE",
                thread=thread,
                event_id=event_id or f"Ev{self._events}",
            )
        )


async def asked(rig: Rig, level: Level = Level.LOW) -> Approval:
    approval = await rig.asked()
    risk = approval.risk.changed(level=level) if approval.risk else Risk(level=level)
    known = approval.changed(risk=risk)
    await rig.store.commit(Commit(partition=partition_of_id(known.id), documents=(known,)))
    return await rig.store.approval(known.id)


def actions(message: Message | None) -> list[str]:
    assert message is not None
    return [e["action_id"] for b in message.blocks if b["type"] == "actions" for e in b["elements"]]


async def test_a_yes_at_low_risk_is_recorded_and_the_thread_names_what_was_understood(rig: Rig) -> None:
    approval = await asked(rig)
    assert await Talk(rig, approval.id).says("Ja, war ich!") is None

    stored = await rig.store.approval(approval.id)
    assert stored.state is ApprovalState.CONFIRMED
    assert stored.decision is not None
    assert (stored.decision.via, stored.decision.words) == ("words", "Ja, war ich!")
    assert (await rig.audit())[-1].details["words"] == "Ja, war ich!"
    (reply,) = replies(stored, None, kind=CopyKind.OWNER, oncall_mention="")
    assert "\u201cJa, war ich!\u201d" in reply.message.says
    assert actions(reply.message) == [UNDO]
    settled = stored.settled(stored.undo_until) if stored.undo_until else stored
    (reply,) = replies(settled, None, kind=CopyKind.OWNER, oncall_mention="")
    assert actions(reply.message) == []


@pytest.mark.parametrize("level", [Level.MEDIUM, Level.HIGH])
async def test_a_yes_at_a_higher_risk_leads_to_the_button(rig: Rig, level: Level) -> None:
    approval = await asked(rig, level)
    assert actions(await Talk(rig, approval.id).says("yes"))[:2] == [CONFIRM, REJECT]
    assert (await rig.store.approval(approval.id)).open


async def test_a_no_asks_with_the_dialogs_button_and_records_nothing(rig: Rig) -> None:
    approval = await asked(rig)
    assert actions(await Talk(rig, approval.id).says("no, not me")) == [REJECT]
    assert await rig.store.approval(approval.id) == approval


async def test_anything_else_gets_one_line_once_a_thread(rig: Rig) -> None:
    approval = await asked(rig)
    talk = Talk(rig, approval.id)
    first = await talk.says("hm, let me look")
    assert first is not None
    assert "Reply `yes, that was me` or `no`" in first.says
    assert await talk.says("still looking") is None
    assert await Talk(rig, approval.id).says("yes?") is None, "another process, too"
    assert await talk.says("in another thread", thread="2.2") is not None


async def test_someone_who_may_not_is_told_so_and_chatter_of_others_is_let_be(rig: Rig) -> None:
    approval = await asked(rig)
    talk = Talk(rig, approval.id)
    assert await talk.says("who started this one", SAM) is None
    with pytest.raises(NotAllowed, match="Only the VM's owner or on-call"):  # the flow tells it in private
        await talk.says("yes", SAM)
    assert (await rig.audit())[-1].kind == "decision.refused"
    assert (await rig.store.approval(approval.id)).open


async def test_an_event_that_comes_again_does_nothing_even_after_it_was_taken_back(rig: Rig) -> None:
    approval = await asked(rig)
    talk = Talk(rig, approval.id)
    await talk.says("yes", event_id="Ev1")
    await services_of(rig, None).take_back(approval.id, a.actor())
    reopened = await rig.store.approval(approval.id)

    assert await talk.says("yes", event_id="Ev1") is None
    assert await rig.store.approval(approval.id) == reopened
    assert await talk.says("no", event_id="Ev2") is not None
    assert await talk.says("no", event_id="Ev2") is None


async def test_with_several_questions_open_nothing_is_guessed(rig: Rig) -> None:
    first = await asked(rig)
    other = a.vm_ref(name="vm-web-02")
    second = await rig.asked(a.start_event(vm=other, correlation_id="two"))
    talk = Talk(rig, first.id, second.id)
    answer = await talk.says("yes", thread="")
    assert answer is not None
    assert "`vm-web-01`, `vm-web-02`" in answer.says
    assert await talk.says("yes", thread="") is None
    assert (await rig.store.approval(first.id)).open
    assert (await rig.store.approval(second.id)).open


async def test_a_start_by_somebody_else_that_joined_is_not_confirmed_in_words(rig: Rig) -> None:
    approval = await asked(rig)
    rig.clock.advance(5)
    event = a.start_event(correlation_id="other", caller=a.caller(email="eve@contoso.com", object_id="eve"))
    await rig.open(event.changed(at=rig.clock.now()))
    grown = await rig.store.approval(approval.id)
    await rig.store.commit(
        Commit(
            partition=partition_of_id(approval.id),
            documents=(grown.changed(risk=Risk(level=Level.LOW)),),
        )
    )
    answer = await Talk(rig, approval.id).says("yes")
    assert CONFIRM in actions(answer)
    assert (await rig.store.approval(approval.id)).open


async def test_a_closed_question_says_who_was_first(rig: Rig) -> None:
    approval = await asked(rig)
    await rig.decide(a.Answer.CONFIRM, approval.id, a.oncall())
    answer = await Talk(rig, approval.id).says("no")
    assert answer is not None
    assert "Confirmed by *Olga Oncall*" in answer.says
