"""Whether somebody whom Slack describes counts as one of our people.

``is_stranger`` is false for people of another workspace who share a channel with the app, and Slack tells
their e-mail address, which their own administrators chose. Only the ids of workspace and organization tell
them apart (https://docs.slack.dev/reference/objects/user-object).
"""

from enum import StrEnum
from typing import Any

from bot.slack.installation import Installed
from workers.domain.policy.people import Guests, PeoplePolicy


class Standing(StrEnum):
    """How somebody stands to our workspace."""

    MEMBER = "member"
    GUEST_OWNER = "guest who may answer"
    CONNECTED = "member of a workspace that the policy names"
    GUEST = "guest"
    OUTSIDE = "outside"
    BOT = "bot"
    LEFT = "left"
    UNKNOWN = "unknown"

    @property
    def email_counts(self) -> bool:
        """Whether their e-mail address says who they are: it does where our own administrators keep it."""
        return self in (Standing.MEMBER, Standing.GUEST_OWNER)

    @property
    def may_be_on_call(self) -> bool:
        """Whether the policy can put them on call."""
        return self in (Standing.MEMBER, Standing.CONNECTED)


OF_THEM = {
    Standing.GUEST: "who is a guest of the workspace",
    Standing.OUTSIDE: "who belongs to another workspace",
    Standing.BOT: "who is a bot",
    Standing.LEFT: "who is deactivated in Slack",
    Standing.UNKNOWN: "whom Slack does not know",
}
"""Why somebody whom a tag names can't own a VM, for the card. Whoever is not in here can."""

TO_THEM = {
    Standing.GUEST: "You're a guest in this workspace. The policy doesn't let guests do this.",
    Standing.OUTSIDE: "Your account belongs to another workspace. Only members of this one can do this.",
    Standing.BOT: "Bots can't do this.",
    Standing.LEFT: "Your account is deactivated in this workspace.",
    Standing.UNKNOWN: "Slack doesn't know your account in this workspace.",
}
"""The same for themselves. Whoever is in here may do nothing."""


def standing(
    person: dict[str, Any], installed: Installed, people: PeoplePolicy, *, team: str = ""
) -> Standing:
    """How this person stands to our workspace.

    Args:
        person: Slack's user object; empty if Slack knows nobody.
        installed: our own workspace.
        people: who else counts.
        team: what a click or dialog says in ``user.team_id``; empty for a command, which does not tell.
    """
    if not person:
        return Standing.UNKNOWN
    for flag, stands in _BARRING.items():
        if person.get(flag):
            return stands
    homes, own = _homes(person), {installed.team_id, installed.enterprise_id} - {""}
    ours = bool(homes & own)
    if team and team not in (homes | own if ours else homes):
        return Standing.OUTSIDE
    guest = bool(person.get("is_restricted") or person.get("is_ultra_restricted"))
    if not ours:
        connected = bool(homes & set(people.workspaces)) and not guest
        return Standing.CONNECTED if connected else Standing.OUTSIDE
    if guest:
        return Standing.GUEST_OWNER if people.guests is Guests.OWNERS else Standing.GUEST
    return Standing.MEMBER


_BARRING = {"deleted": Standing.LEFT, "is_bot": Standing.BOT, "is_stranger": Standing.OUTSIDE}


def _homes(person: dict[str, Any]) -> set[str]:
    """The workspaces and the organization that they belong to."""
    enterprise = person.get("enterprise_user") or {}
    ids = (person.get("team_id"), enterprise.get("enterprise_id"), *(enterprise.get("teams") or ()))
    return {str(one) for one in ids if one}
