"""Whether somebody is in a user group or channel that owns a VM."""

from typing import Protocol

from workers.domain.starts.people import Actor, Owner


class Groups(Protocol):
    """Knows members."""

    async def of(self, actor: Actor, *owners: Owner, now: bool = False) -> Actor:
        """The person, with those groups of these owners that they are in. What can't be read is not granted.

        Args:
            actor: who acts.
            owners: whose groups matter.
            now: by what Slack says now, not by what it said a minute ago: for what is dangerous.
        """
        ...


class NoGroups:
    """Where Slack is not at hand: nobody is in any group."""

    async def of(self, actor: Actor, *owners: Owner, now: bool = False) -> Actor:
        """The person as they are."""
        del owners, now
        return actor
