"""The listener of replies in words: what they say is recorded only where there is no doubt."""

from bot.answers.spoken.blocks import not_in_words, not_understood, please_confirm, please_reject, which_one
from bot.answers.spoken.grammar import Said, understood
from bot.answers.spoken.questions import Questions
from bot.cards.blocks.answers import already_decided, asked_again
from bot.cards.blocks.message import Message
from bot.requests import Wrote
from bot.services import Services
from workers.domain.asking.approvals import IN_WORDS, Approval
from workers.domain.asking.decisions import Answer
from workers.domain.errors import AlreadyDecided, Outdated
from workers.domain.ids import partition_of_id
from workers.domain.ports.store import Commit
from workers.domain.starts.risk import Level

_ANSWERS = {Said.YES: Answer.CONFIRM, Said.NO: Answer.REJECT}


class Reply:
    """Understands an owner who answers in the thread of a card, or in the conversation with the bot."""

    def __init__(self, services: Services, questions: Questions) -> None:
        self._services = services
        self._questions = questions

    async def written(self, wrote: Wrote) -> Message | None:
        """Record a *yes* at low risk; for everything else say once how to answer."""
        if wrote.thread:
            questions = await self._questions.below(wrote.channel, wrote.thread)
        else:
            questions = await self._questions.open_in(wrote.channel)
        if not questions:
            return None
        said, question = understood(wrote.text), questions[0]
        if len(questions) > 1:
            return which_one(questions) if await self._first(question, f"which:{_place(wrote)}") else None
        if not await self._first(question, f"event:{wrote.event_id}"):
            return None
        if said is Said.UNCLEAR:
            return await self._not_understood(question, wrote)
        return await self._answered(question, _ANSWERS[said], wrote)

    async def _answered(self, question: Approval, answer: Answer, wrote: Wrote) -> Message | None:
        try:
            question = await self._services.decide.may(answer, question.id, wrote.actor)
            if answer is Answer.REJECT:
                return please_reject(question)
            if question.risk is None or question.risk.level is not Level.LOW:
                return please_confirm(question)
            # The thread below the card names what was understood, and has the button that takes it back.
            await self._services.decide(answer, question.id, wrote.actor, via=IN_WORDS, words=wrote.text)
        except AlreadyDecided:
            closed = await self._services.store.approval(question.id)
            return already_decided(closed, answer, wrote.actor)
        except Outdated:
            grown = await self._services.store.approval(question.id)
            return asked_again(grown, 1) if grown.open else already_decided(grown, answer, wrote.actor)
        return None

    async def _not_understood(self, question: Approval, wrote: Wrote) -> Message | None:
        """How to answer, once a thread, for somebody who may."""
        may = any(question.permits(answer, wrote.actor).allowed for answer in Answer)
        if not question.open or not may or not await self._first(question, f"help:{_place(wrote)}"):
            return None
        confirms = question.asks and question.permits(Answer.CONFIRM, wrote.actor).allowed
        return not_understood(question) if confirms else not_in_words(question)

    async def _first(self, question: Approval, once: str) -> bool:
        """Whether this has not been done before, by any process."""
        return await self._services.store.commit(Commit(partition=partition_of_id(question.id), once=once))


def _place(wrote: Wrote) -> str:
    return f"{wrote.channel}:{wrote.thread}"
