"""``dnd.*``: do not disturb."""

from deploy.sandbox.slack.api.arguments import Args
from deploy.sandbox.slack.api.ratelimits import Tier
from deploy.sandbox.slack.api.webapi import method
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.messages import Json


@method("dnd.info", Tier.THREE, scopes=("dnd:read",), takes_json=False)
def info(state: State, args: Args) -> Json:
    """Somebody's current or next session. Whoever has none has ``dnd_enabled: false`` and 1 for both times.

    What says whether they snooze is told to themselves only, so never to an app about a person.
    https://docs.slack.dev/reference/methods/dnd.info
    """
    member = state.workspace.members.get(args.text("user") or state.identity.bot_user)
    if member is None:
        raise SlackError("user_not_found")
    return {
        "dnd_enabled": bool(member.dnd_end),
        "next_dnd_start_ts": member.dnd_start or 1,
        "next_dnd_end_ts": member.dnd_end or 1,
    }
