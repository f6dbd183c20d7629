"""Somebody answers in an owner's stead for a while.

A delegation gives what its giver has as an owner, and nothing else: no right of on-call, and nothing that was
delegated to them. So it can't be passed on, and whoever may not confirm a start can't have it confirmed so.
"""

from datetime import datetime, timedelta
from typing import ClassVar

from workers.domain.ids import DELEGATIONS
from workers.domain.model import Stored, UtcTime
from workers.domain.schema import Numbered
from workers.domain.starts.people import Actor

MOST_DELEGATIONS = 200
MOST_OF_ONE = 5
"""So many people may answer for one owner at the same time."""
LONGEST_REASON = 300


class Delegation(Stored):
    """One of them. Names are hostile text.

    Attributes:
        giver: Slack id of the owner, with their name, and their address as tags have it.
        to: Slack id of who answers for them.
        at: since when.
        until: it ends by itself then.
        reason: the giver's own words, if they gave any.
        approved_by: the second person, where it takes two, as the audit names them.
    """

    giver: str
    giver_name: str = ""
    giver_email: str = ""
    to: str
    to_name: str = ""
    at: UtcTime
    until: UtcTime
    reason: str = ""
    approved_by: str = ""

    @property
    def as_giver(self) -> Actor:
        """The giver as they were known when they delegated it; nothing of on-call."""
        return Actor(slack_user=self.giver, name=self.giver_name, email=self.giver_email)

    @property
    def summary(self) -> dict[str, object]:
        """For the audit."""
        return {
            "giver": f"{self.giver_name} ({self.giver})",
            "to": f"{self.to_name} ({self.to})",
            "until": self.until.isoformat(),
            **({"reason": self.reason} if self.reason else {}),
            **({"approved_by": self.approved_by} if self.approved_by else {}),
        }


class Delegations(Numbered):
    """All there are. There is one such document; what has ended goes with the next change."""

    document_kind: ClassVar[str] = "delegations"

    id: str = DELEGATIONS
    version: int = 0
    entries: tuple[Delegation, ...] = ()

    def current(self, now: datetime) -> tuple[Delegation, ...]:
        """Those that have not ended."""
        return tuple(one for one in self.entries if now < one.until)

    def given_by(self, slack_user: str, now: datetime) -> tuple[Delegation, ...]:
        """What this person has given."""
        return tuple(one for one in self.current(now) if one.giver == slack_user)

    def given_to(self, slack_user: str, now: datetime) -> tuple[Delegation, ...]:
        """What this person was given."""
        return tuple(one for one in self.current(now) if one.to == slack_user)

    def begun(
        self,
        giver: Actor,
        to: Actor,
        now: datetime,
        until: datetime,
        longest: timedelta,
        *,
        reason: str = "",
        approved_by: str = "",
    ) -> "Delegations":
        """With one more, in the place of an earlier one between the same two.

        Raises:
            ValueError: one of them doesn't count, it is the same person, it is too long, or there are too
                many; with the remedy.
        """
        if giver.barred or to.barred:
            raise ValueError(giver.barred or f"{to.name or to.slack_user} can't answer here: {to.barred}")
        if giver.is_same_person(to):
            raise ValueError("nobody delegates to themselves; name somebody else")
        if not now < until <= now + longest:
            days = longest / timedelta(days=1)
            raise ValueError(f"a delegation ends after now, and within {days:g} days; take another end")
        others = tuple(
            one for one in self.current(now) if (one.giver, one.to) != (giver.slack_user, to.slack_user)
        )
        if sum(one.giver == giver.slack_user for one in others) >= MOST_OF_ONE:
            raise ValueError(f"{MOST_OF_ONE} people answer for you already; end one of these first")
        if len(others) >= MOST_DELEGATIONS:
            raise ValueError(f"there are {MOST_DELEGATIONS} delegations already; some have to end first")
        added = Delegation(
            giver=giver.slack_user,
            giver_name=giver.name,
            giver_email=giver.email,
            to=to.slack_user,
            to_name=to.name,
            at=now,
            until=until,
            reason=reason[:LONGEST_REASON],
            approved_by=approved_by,
        )
        return self.changed(entries=(*others, added))

    def ended(self, giver: str, now: datetime, to: str = "") -> "Delegations":
        """Without those of this giver; with ``to``, without that one."""
        return self.changed(
            entries=tuple(one for one in self.current(now) if one.giver != giver or (to and one.to != to))
        )
