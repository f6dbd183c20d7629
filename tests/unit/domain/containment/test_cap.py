"""The question about the cap: what it lists, what an answer covers, and when a new one is asked."""

from datetime import timedelta

import pytest

from tests import builders as a
from workers.domain.containment.brakes.cap import MOST_RELEASED, MOST_WAITING, WITHIN, CapQuestion
from workers.domain.errors import AlreadyDecided

LATER = a.NOW + timedelta(minutes=1)


def waiting(*ids: str, question: CapQuestion | None = None) -> CapQuestion:
    question = question or CapQuestion()
    for one in ids:
        question = question.with_waiting(one, f"vm-{one}", 20, a.NOW)
    return question


def listed(question: CapQuestion) -> list[str]:
    assert question.asked is not None
    return [one.id for one in question.asked.waiting]


def test_whatever_waits_is_listed_once_in_one_question() -> None:
    question = waiting("a", "b", "a", "c")
    assert question.asked is not None
    assert (listed(question), question.asked.number, question.before) == (["a", "b", "c"], 1, None)


def test_going_on_covers_what_was_shown_and_nothing_that_came_after() -> None:
    question = waiting("a", "b", "c").answered(1, 2, a.oncall(), LATER, go_on=True)
    assert (question.released, listed(question)) == (("a", "b"), ["c"])


def test_what_went_by_itself_does_not_make_an_answer_cover_something_newer() -> None:
    question = waiting("a", "b").without("a")
    question = waiting("c", question=question).answered(1, 2, a.oncall(), LATER, go_on=True)
    assert (question.released, listed(question)) == (("b",), ["c"])


def test_the_next_one_after_an_answer_is_asked_about_in_a_new_message_with_those_that_still_wait() -> None:
    question = waiting("a", "b").answered(1, 1, a.oncall(), LATER, go_on=True)
    question = waiting("c", question=question)
    assert question.asked is not None
    assert question.before is not None
    assert (question.asked.number, listed(question)) == (2, ["b", "c"])
    assert question.before.released
    assert question.of(question.before.card_id) == question.before
    assert question.asked.card_id != question.before.card_id


def test_on_hold_nothing_goes_on_and_no_other_message_is_sent_until_the_hold_is_over() -> None:
    question = waiting("a").answered(1, 1, a.oncall(), a.NOW, go_on=False)
    assert question.held("a", LATER) == a.NOW + WITHIN
    joined = question.with_waiting("b", "vm-b", 20, LATER)
    assert joined.asked is not None
    assert (joined.asked.number, joined.held("b", LATER)) == (1, a.NOW + WITHIN)
    over = a.NOW + WITHIN
    assert joined.held("a", over) is None
    again = joined.with_waiting("a", "vm-a", 20, over)
    assert again.asked is not None
    assert (again.asked.number, again.asked.answer, listed(again)) == (2, None, ["a", "b"])


def test_who_held_them_back_may_have_them_go_on() -> None:
    held = waiting("a").answered(1, 1, a.oncall(), a.NOW, go_on=False)
    assert held.answered(1, 1, a.oncall(), LATER, go_on=True).released == ("a",)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_an_answer_to_another_question_counts_for_nothing(number: int) -> None:
    question = waiting("a").answered(1, 1, a.oncall(), LATER, go_on=True)
    question = waiting("b", question=question)
    with pytest.raises(AlreadyDecided):
        question.answered(number, 9, a.oncall(), LATER, go_on=True)


def test_the_second_answer_is_told_of_the_first() -> None:
    question = waiting("a", "b").answered(1, 2, a.oncall(), LATER, go_on=True)
    with pytest.raises(AlreadyDecided, match="Olga Oncall had 2 of them go on"):
        question.answered(1, 2, a.oncall(), LATER, go_on=False)


def test_a_flood_makes_neither_the_question_nor_what_was_released_grow_without_end() -> None:
    question = waiting(*(f"c{n}" for n in range(MOST_WAITING + 50)))
    assert len(listed(question)) == MOST_WAITING
    for _ in range(4):
        assert question.asked is not None
        question = question.answered(
            question.asked.number, question.asked.highest, a.oncall(), LATER, go_on=True
        )
        fresh = (f"d{question.asked.number if question.asked else 0}-{n}" for n in range(MOST_WAITING))
        question = waiting(*fresh, question=question)
    assert len(question.released) <= MOST_RELEASED
