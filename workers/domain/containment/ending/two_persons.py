"""A restore that needs two persons: one asks for it, and somebody else of on-call confirms it."""

from datetime import datetime

from pydantic import Field

from workers.domain.starts.people import Actor
from workers.domain.starts.two_persons import Request
from workers.domain.starts.two_persons import not_the_second as not_the_second_of


class RestoreRequest(Request):
    """The request for a restore.

    Attributes:
        start: the VM is to be started, too.
        chosen: what a thing is to have instead of what is gone; see ``restoration.to_choose``.
        demand: the containment's ``demand`` that the first person was shown.
    """

    start: bool = False
    chosen: dict[str, str | None] = Field(default_factory=dict)
    demand: str = ""

    def stands(self, demand: str, now: datetime) -> bool:
        """Whether it can still be confirmed: in time, and for what the VM is contained for now."""
        return self.in_time(now) and self.demand == demand


def not_the_second(first: Actor, second: Actor) -> str:
    """Why this person can't confirm the restore that the first one asked for; empty if they can."""
    return not_the_second_of(first, second, "this restore", who="somebody else of on-call")
