"""``users.*``: who somebody is."""

from deploy.sandbox.slack.arguments import Args
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.messages import Json
from deploy.sandbox.slack.methods.paging import page
from deploy.sandbox.slack.ratelimits import Tier
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.webapi import method
from deploy.sandbox.slack.workspace import Member


@method("users.lookupByEmail", Tier.THREE, scopes=("users:read.email",), needs=("email",), takes_json=False)
def lookup_by_email(state: State, args: Args) -> Json:
    """Deactivated people are not found, as in Slack."""
    email = args.text("email").casefold()
    for member in state.workspace.members.values():
        if member.email.casefold() == email and not member.deleted:
            return {"user": _tell(state, member)}
    raise SlackError("users_not_found")


@method("users.info", Tier.FOUR, scopes=("users:read",), needs=("user",), takes_json=False)
def info(state: State, args: Args) -> Json:
    """Deactivated people are found here, with ``deleted: true``."""
    member = state.workspace.members.get(args.text("user"))
    if member is None:
        raise SlackError("user_not_found")
    return {"user": _tell(state, member)}


@method("users.list", Tier.TWO, scopes=("users:read",), takes_json=False)
def list_users(state: State, args: Args) -> Json:
    part, metadata = page([_tell(state, m) for m in state.workspace.members.values()], args)
    return {"members": part, "cache_ts": 0, **metadata}


def _tell(state: State, member: Member) -> Json:
    return member.as_json(state.identity, with_email="users:read.email" in state.switches.scopes)
