"""``users.*``: who somebody is."""

from deploy.sandbox.slack.api.arguments import Args
from deploy.sandbox.slack.api.methods.paging import page
from deploy.sandbox.slack.api.ratelimits import Tier
from deploy.sandbox.slack.api.webapi import method
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.members import Member
from deploy.sandbox.slack.team.messages import Json


@method("users.lookupByEmail", Tier.THREE, scopes=("users:read.email",), needs=("email",), takes_json=False)
def lookup_by_email(state: State, args: Args) -> Json:
    """Finds "a user in the workspace"; who left is ``users_not_found``.

    https://docs.slack.dev/reference/methods/users.lookupByEmail does not say whether people of another
    workspace who share a channel count: the switch ``email_finds_connected`` plays that they do.
    """
    email = args.text("email").casefold()
    for member in state.workspace.members.values():
        found = not member.foreign or (state.switches.email_finds_connected and not member.is_stranger)
        if found and member.email.casefold() == email and not member.deleted:
            return {"user": _tell(state, member)}
    raise SlackError("users_not_found")


@method("users.info", Tier.FOUR, scopes=("users:read",), needs=("user",), takes_json=False)
def info(state: State, args: Args) -> Json:
    """Deactivated people are found here, with ``deleted: true``, and those of other workspaces, too.

    https://docs.slack.dev/reference/methods/users.info
    """
    member = state.workspace.members.get(args.text("user"))
    if member is None:
        raise SlackError("user_not_found")
    if member.hidden:
        raise SlackError("user_not_visible")
    return {"user": _tell(state, member)}


@method("users.list", Tier.TWO, scopes=("users:read",), takes_json=False)
def list_users(state: State, args: Args) -> Json:
    """The workspace's own, bots and who left among them."""
    own = [m for m in state.workspace.members.values() if not m.foreign and not m.hidden]
    part, metadata = page([_tell(state, m) for m in own], args)
    return {"members": part, "cache_ts": 0, **metadata}


def _tell(state: State, member: Member) -> Json:
    return member.as_json(state.identity, with_email="users:read.email" in state.switches.scopes)
