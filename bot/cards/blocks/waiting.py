"""What a question waits for beside an answer: a second person, somebody else, the end of quiet hours."""

from collections.abc import Sequence

from bot.cards.blocks.status import person, quoted
from bot.cards.blocks.text import clock, when
from workers.domain.asking.approvals import Approval
from workers.domain.asking.passing import PassedOn


def second_line(approval: Approval, reader: str) -> str:
    """That a second person has to confirm, who asked for it and why; or that it takes two."""
    request = approval.waits_for_second
    if request is None:
        by_two = approval.asks and approval.terms.second_within is not None
        return "It takes two persons to confirm this start." if by_two else ""
    until = f"until {clock(request.expires_at)}"
    if asked_for_it(approval, reader):
        return f"You asked for this start to be confirmed; a second person can confirm it {until}."
    return (
        f"{person(request.by)} wants to confirm this start.{quoted(request.reason)} Confirm makes you the"
        f" second person, {until}."
    )


def passed_line(passed: Sequence[PassedOn], what: str = "it is") -> str:
    """The way of a question that was passed on; ``what`` is said not to be theirs."""
    if not passed:
        return ""
    hops = [
        f"{person(one.by)} said that {what} not theirs {when(one.at)} and named"
        f" {person(one.to) if one.to else 'nobody, so on-call is asked'}"
        for one in passed
    ]
    return f"Passed on: {'; '.join(hops)}."


def asked_for_it(approval: Approval, reader: str) -> bool:
    """Whether the reader is the first of two persons, who can't be the second."""
    request = approval.waits_for_second
    return request is not None and bool(reader) and reader.lower() in request.by.addresses


def quiet_line(approval: Approval) -> str:
    """That owners are left alone, and until when."""
    if approval.quiet_until is None:
        return ""
    if approval.asked_at is None:
        return (
            f"The risk is low and it is quiet hours: the owner gets a message {when(approval.quiet_until)}."
        )
    return f"Other owners are in quiet hours and get a message {when(approval.quiet_until)}."
