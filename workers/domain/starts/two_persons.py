"""What needs two persons: one asks for it, and somebody else confirms it in time. No matter what it is."""

from datetime import datetime

from workers.domain.model import Stored, UtcTime
from workers.domain.starts.people import Actor


class Request(Stored):
    """What the first person asked for. The second one sees who it was and why, and confirms exactly this.

    Attributes:
        expires_at: from then on it counts as never made.
    """

    by: Actor
    at: UtcTime
    reason: str = ""
    expires_at: UtcTime

    def in_time(self, now: datetime) -> bool:
        """Whether it can still be confirmed."""
        return now < self.expires_at


def not_the_second(
    first: Actor, second: Actor, what: str, *, who: str = "somebody else", do: str = "confirm"
) -> str:
    """Why this person can't confirm what the first one asked for, as a sentence; empty if they can.

    Args:
        first: who asked.
        second: who wants to confirm it.
        what: what was asked for, such as ``this restore``.
        who: who could confirm it.
        do: what the second person does with it, here called confirming.
    """
    if first.is_same_person(second):
        return f"You asked for {what} yourself, so {who} has to {do} it."
    if not first.is_surely_another(second):
        return (
            "It was asked for in Slack and is answered at the command line, or the other way round, so "
            "nobody can tell whether that is two persons. Name the account's Slack user in the policy's "
            f"people.entra, or {do} it where it was asked for."
        )
    return ""
