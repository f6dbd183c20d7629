"""A restore that needs two persons: one asks for it, and somebody else of on-call confirms it."""

from datetime import datetime

from pydantic import Field

from workers.domain.model import Stored, UtcTime
from workers.domain.starts.people import Actor


class RestoreRequest(Stored):
    """What the first person asked for. The second one sees it, and confirms exactly this.

    Attributes:
        start: the VM is to be started, too.
        chosen: what a thing is to have instead of what is gone; see ``restoration.to_choose``.
        demand: the containment's ``demand`` that the first person was shown.
        expires_at: from then on it counts as never made.
    """

    by: Actor
    at: UtcTime
    reason: str = ""
    start: bool = False
    chosen: dict[str, str | None] = Field(default_factory=dict)
    demand: str = ""
    expires_at: UtcTime

    def stands(self, demand: str, now: datetime) -> bool:
        """Whether it can still be confirmed: in time, and for what the VM is contained for now."""
        return now < self.expires_at and self.demand == demand


def not_the_second(first: Actor, second: Actor) -> str:
    """Why this person can't confirm what the first one asked for, as a sentence; empty if they can."""
    if first.is_same_person(second):
        return "You asked for this restore yourself, so somebody else of on-call has to confirm it."
    if not first.is_surely_another(second):
        return (
            "It was asked for in Slack and is confirmed at the command line, or the other way round, so "
            "nobody can tell whether that is two persons. Name the account's Slack user in the policy's "
            "people.entra, or confirm it where it was asked for."
        )
    return ""
