"""``reactions.*``: a small sign on a message."""

import re

from deploy.sandbox.slack.api.arguments import Args
from deploy.sandbox.slack.api.ratelimits import Tier
from deploy.sandbox.slack.api.webapi import method
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.messages import Json, Message

SCOPES = ("reactions:write",)


@method("reactions.add", Tier.THREE, scopes=SCOPES, needs=("channel", "timestamp", "name"))
def add(state: State, args: Args) -> Json:
    message, name = _target(state, args)
    users = message.reactions.setdefault(name, [])
    if state.identity.bot_user in users:
        raise SlackError("already_reacted")
    users.append(state.identity.bot_user)
    return {}


@method("reactions.remove", Tier.TWO, scopes=SCOPES, needs=("channel", "timestamp", "name"))
def remove(state: State, args: Args) -> Json:
    message, name = _target(state, args)
    if state.identity.bot_user not in message.reactions.get(name, []):
        raise SlackError("no_reaction")
    message.reactions[name].remove(state.identity.bot_user)
    if not message.reactions[name]:
        del message.reactions[name]
    return {}


def _target(state: State, args: Args) -> tuple[Message, str]:
    name = args.text("name").strip(":")
    if not re.fullmatch(r"[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?", name):
        raise SlackError("invalid_name")
    channel = state.workspace.channels.get(args.text("channel"))
    if channel is None:
        raise SlackError("channel_not_found")
    message = channel.messages.get(args.text("timestamp"))
    if message is None:
        raise SlackError("message_not_found")
    return message, name
