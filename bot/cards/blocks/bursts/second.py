"""On the card of a burst that takes two persons to confirm: who asks for it, and who can be the second."""

from collections.abc import Iterable

from bot.cards.blocks.status import person, quoted
from bot.cards.blocks.text import clock, counted
from workers.domain.asking.approvals import Approval
from workers.domain.asking.bursts import Member
from workers.domain.asking.two_persons import ConfirmRequest

_MOST_FIRST = 3


def second_lines(lead: Approval, waiting: Iterable[Member], reader: str) -> list[str]:
    """That it takes two, or who has asked for it and why.

    Args:
        lead: the question about the first of the starts; the others have its terms.
        waiting: those that wait for an answer.
        reader: the e-mail address of the copy's only reader; empty in a channel, or if it is not known.
    """
    asked = requests_of(waiting)
    if not asked:
        by_two = lead.terms.second_within is not None
        return ["It takes two persons to confirm these starts."] if by_two else []
    return [_line(request, count, reader) for request, count in asked[:_MOST_FIRST]]


def _line(request: ConfirmRequest, count: int, reader: str) -> str:
    starts, until = counted(count, "start"), f"until {clock(request.expires_at)}"
    if is_first(request, reader):
        return f"You asked for {starts} to be confirmed; a second person can confirm them {until}."
    return (
        f"{person(request.by)} wants to confirm {starts}.{quoted(request.reason)} Confirm all makes you the"
        f" second person, {until}."
    )


def requests_of(waiting: Iterable[Member]) -> list[tuple[ConfirmRequest, int]]:
    """What was asked for by one person at one time, and for how many starts, in the card's order."""
    found: dict[tuple[str, float], tuple[ConfirmRequest, int]] = {}
    for one in waiting:
        if (request := one.waits_for_second) is not None:
            key = (request.by.slack_user, request.at.timestamp())
            first, count = found.get(key, (request, 0))
            found[key] = (first, count + 1)
    return list(found.values())


def only_first(waiting: Iterable[Member], reader: str) -> bool:
    """Whether the reader has asked for a second person for all of them, and can't be that."""
    requests = [one.waits_for_second for one in waiting]
    return all(request is not None and is_first(request, reader) for request in requests)


def is_first(request: ConfirmRequest, reader: str) -> bool:
    """Whether the reader is the first of the two persons."""
    return bool(reader) and reader.lower() in request.by.addresses
