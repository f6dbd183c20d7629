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


_ONLY_SLACK = (
    "Only Slack knows who is in {groups}, and it is not asked here. Answer in Slack; where it is away,"
    " whoever the policy's oncall.entra names can answer."
)


class NoGroups:
    """Where Slack is not at hand: nobody is in any group, and who is refused for that is told so."""

    async def of(self, actor: Actor, *owners: Owner, now: bool = False) -> Actor:
        """The person as they are; with a doubt, where a group could make them an owner."""
        del now
        groups = ", ".join(dict.fromkeys(one for owner in owners for one in owner.groups))
        if not groups:
            return actor
        return actor.changed(doubt=" ".join(filter(None, [_ONLY_SLACK.format(groups=groups), actor.doubt])))
