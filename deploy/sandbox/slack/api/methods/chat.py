"""``chat.*``: messages of the app."""

import re

from deploy.sandbox.slack.api.arguments import Args
from deploy.sandbox.slack.api.posting import UPDATE_TEXT_MAX, Content, compose, remove, rewrite, say
from deploy.sandbox.slack.api.ratelimits import Tier
from deploy.sandbox.slack.api.webapi import method
from deploy.sandbox.slack.blockkit.limits import MESSAGE_TEXT_TOTAL_MAX
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.messages import Channel, Json, Message

WRITE = ("chat:write",)


@method("chat.postMessage", Tier.POSTING, scopes=WRITE, needs=("channel",))
def post_message(state: State, args: Args) -> Json:
    channel = _writable(state, args.text("channel"))
    thread_ts = _thread(channel, args)
    content = compose(args, blocks_max=MESSAGE_TEXT_TOTAL_MAX)
    _pace(state, channel)
    message = say(state, channel, content, thread_ts=thread_ts, broadcast=args.flag("reply_broadcast"))
    return {"channel": channel.id, "ts": message.ts, "message": message.as_json(), **_warnings(content)}


@method("chat.postEphemeral", Tier.FOUR, scopes=WRITE, needs=("channel", "user"))
def post_ephemeral(state: State, args: Args) -> Json:
    channel = _writable(state, args.text("channel"))
    user = args.text("user")
    if user not in state.workspace.members:
        raise SlackError("user_not_found")
    if not state.workspace.can_see(user, channel):
        raise SlackError("user_not_in_channel")
    thread_ts = _thread(channel, args)
    content = compose(args)
    message = say(state, channel, content, thread_ts=thread_ts, ephemeral_for=user)
    return {"message_ts": message.ts, **_warnings(content)}


@method("chat.update", Tier.THREE, scopes=WRITE, needs=("channel", "ts"))
def update(state: State, args: Args) -> Json:
    channel, message = _own_message(state, args, "cant_update_message", "is_inactive")
    content = compose(args, text_max=UPDATE_TEXT_MAX, blocks_max=MESSAGE_TEXT_TOTAL_MAX)
    rewrite(state, message, content)
    shown = {"channel": channel.id, "ts": message.ts, "text": message.text}
    return {**shown, "message": channel.tell(message), **_warnings(content)}


@method("chat.delete", Tier.THREE, scopes=WRITE, needs=("channel", "ts"))
def delete(state: State, args: Args) -> Json:
    channel, message = _own_message(state, args, "cant_delete_message", "cant_delete_message")
    remove(state, channel, message)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.getPermalink", Tier.HUNDREDS, needs=("channel", "message_ts"), takes_json=False)
def permalink(state: State, args: Args) -> Json:
    channel = state.workspace.channels.get(args.text("channel"))
    if channel is None:
        raise SlackError("channel_not_found")
    message = channel.messages.get(args.text("message_ts"))
    if message is None:
        raise SlackError("message_not_found")
    link = (
        f"https://{state.identity.team_domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    )
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def _writable(state: State, ref: str) -> Channel:
    """The channel to write to; a user's id stands for the app's direct messages with them."""
    workspace, me = state.workspace, state.identity.bot_user
    member = workspace.members.get(ref)
    if member is not None:
        if member.deleted:
            raise SlackError("user_disabled")
        if member.is_bot:
            raise SlackError("cannot_dm_bot")
        if not state.tabs.messages:
            raise SlackError("messages_tab_disabled")
        return workspace.dm([ref])[0]
    channel = workspace.channel(ref)
    if channel is None:
        raise SlackError("channel_not_found")
    if me not in channel.members and channel.family != "channels":
        raise SlackError("channel_not_found")
    if channel.archived:
        raise SlackError("is_archived")
    if me not in channel.members and "chat:write.public" not in state.switches.scopes:
        raise SlackError("not_in_channel")
    return channel


def _thread(channel: Channel, args: Args) -> str | None:
    """The thread to post into.

    Where the parent was deleted there is none: the reply becomes a message of its own, without an error and
    without ``thread_ts`` in the answer (https://github.com/slack-go/slack/issues/1571). The report does not
    tell a parent that left a tombstone from one that left nothing; here both are alike.
    """
    if not args.text("thread_ts"):
        return None
    ts = args.text("thread_ts")
    if not re.fullmatch(r"\d+\.\d{6}", ts):
        raise SlackError("invalid_thread_ts")
    if ts in channel.gone:
        return None
    parent = channel.messages.get(ts)
    if parent is None:
        raise SlackError("thread_not_found")
    return parent.thread_ts or parent.ts


def _own_message(state: State, args: Args, not_own: str, in_archived: str) -> tuple[Channel, Message]:
    channel = state.workspace.channels.get(args.text("channel"))
    if channel is None or (channel.private and state.identity.bot_user not in channel.members):
        raise SlackError("channel_not_found")
    message = channel.messages.get(args.text("ts"))
    if message is None or message.subtype == "tombstone":
        raise SlackError("message_not_found")
    if message.bot_id != state.identity.bot_id:
        raise SlackError(not_own)
    if channel.archived:
        raise SlackError(in_archived)
    return channel, message


def _pace(state: State, channel: Channel) -> None:
    if state.switches.tiers:
        state.limiter.count_post(channel.id)


def _warnings(content: Content) -> Json:
    return {"warnings": content.warnings} if content.warnings else {}
