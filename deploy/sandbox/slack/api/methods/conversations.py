"""``conversations.*``: where people talk, and what was said there."""

from deploy.sandbox.slack.api.arguments import Args
from deploy.sandbox.slack.api.methods.paging import page
from deploy.sandbox.slack.api.ratelimits import Tier
from deploy.sandbox.slack.api.webapi import method
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.messages import Channel, Json, Message

TYPES = {"public_channel": "channels", "private_channel": "groups", "im": "im", "mpim": "mpim"}
"""The types to list, with the family of their scope."""
GROUP_MAX = 8
"""A group direct message holds at most eight people besides the caller."""


@method("conversations.open", Tier.THREE)
def open_conversation(state: State, args: Args) -> Json:
    if "channel" in args:
        channel = _known(state, args)
        return {"no_op": True, "already_open": True, "channel": {"id": channel.id}}
    users = list(dict.fromkeys(args.ids("users")))
    if not users:
        raise SlackError("users_list_not_supplied")
    if len(users) > GROUP_MAX:
        raise SlackError("too_many_users")
    for user in users:
        _reachable(state, user)
    state.need("im:write" if len(users) == 1 else "mpim:write")
    channel, existed = state.workspace.dm(users)
    shown = state.workspace.tell_channel(channel) if args.flag("return_im") else {"id": channel.id}
    return {"channel": shown} | ({"no_op": True, "already_open": True} if existed else {})


def _reachable(state: State, user: str) -> None:
    """Refuse whom the app cannot talk to.

    ``cannot_dm_bot`` is not in https://docs.slack.dev/reference/methods/conversations.open but in many
    apps, such as https://github.com/errbotio/err-backend-slackv3. A stranger: *those organizations must be
    in at least one channel together*, ``invalid_user_combination`` there.
    """
    member = state.workspace.members.get(user)
    if member is None:
        raise SlackError("user_not_found")
    refusals = {
        "user_not_visible": member.hidden,
        "user_disabled": member.deleted,
        "cannot_dm_bot": member.is_bot,
        "invalid_user_combination": member.is_stranger,
    }
    for error, holds in refusals.items():
        if holds:
            raise SlackError(error)


@method("conversations.info", Tier.THREE, needs=("channel",), takes_json=False)
def info(state: State, args: Args) -> Json:
    channel = _known(state, args)
    state.need(f"{channel.family}:read")
    shown = state.workspace.tell_channel(channel)
    if not args.flag("include_num_members"):
        shown.pop("num_members", None)
    return {"channel": shown}


@method("conversations.list", Tier.TWO, takes_json=False)
def list_conversations(state: State, args: Args) -> Json:
    """Every public channel, joined or not (``is_member``), and of the others those the app is in.

    What is not wanted is left out of a page after the page was cut, so pages are short, and some are empty
    with a cursor that goes on: https://github.com/slackapi/python-slack-sdk/issues/1494
    """
    wanted = {kind.strip() for kind in args.text("types", "public_channel").split(",")}
    if not wanted <= set(TYPES):
        raise SlackError("invalid_types")
    families = {TYPES[kind] for kind in wanted}
    state.need(*(f"{family}:read" for family in sorted(families)))
    no_archived, me = args.flag("exclude_archived"), state.identity.bot_user
    part, metadata = page(list(state.workspace.channels.values()), args)
    shown = [
        state.workspace.tell_channel(channel)
        for channel in part
        if channel.family in families
        and (channel.family == "channels" or me in channel.members)
        and not (no_archived and channel.archived)
    ]
    return {"channels": shown, **metadata}


@method("conversations.members", Tier.FOUR, needs=("channel",), takes_json=False)
def members(state: State, args: Args) -> Json:
    channel = _known(state, args)
    state.need(f"{channel.family}:read")
    part, metadata = page(sorted(channel.members), args)
    return {"members": part, **metadata}


@method("conversations.history", Tier.THREE, needs=("channel",))
def history(state: State, args: Args) -> Json:
    channel = _readable(state, args)
    shown = [m for m in channel.messages.values() if not m.is_reply or m.broadcast]
    part, metadata = page(list(reversed(_between(shown, args))), args)
    with_metadata = args.flag("include_all_metadata")
    told = [channel.tell(message, metadata=with_metadata) for message in part]
    more = bool(metadata["response_metadata"]["next_cursor"])
    return {"messages": told, "has_more": more, "pin_count": 0, **(metadata if more else {})}


@method("conversations.replies", Tier.THREE, needs=("channel", "ts"))
def replies(state: State, args: Args) -> Json:
    channel = _readable(state, args)
    asked = channel.messages.get(args.text("ts"))
    if asked is None:
        raise SlackError("thread_not_found")
    parent = channel.messages.get(asked.thread_ts or asked.ts, asked)
    part, metadata = page(_between(channel.replies(parent.ts), args), args)
    with_metadata = args.flag("include_all_metadata")
    told = [channel.tell(message, metadata=with_metadata) for message in (parent, *part)]
    more = bool(metadata["response_metadata"]["next_cursor"])
    return {"messages": told, "has_more": more, **(metadata if more else {})}


def _known(state: State, args: Args) -> Channel:
    channel = state.workspace.channels.get(args.text("channel"))
    if channel is None or (channel.family != "channels" and state.identity.bot_user not in channel.members):
        raise SlackError("channel_not_found")
    return channel


def _readable(state: State, args: Args) -> Channel:
    channel = _known(state, args)
    state.need(f"{channel.family}:history")
    if state.identity.bot_user not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _between(messages: list[Message], args: Args) -> list[Message]:
    """Messages after ``oldest`` and before ``latest``; these two count only with ``inclusive``."""
    oldest, latest = args.text("oldest", "0"), args.text("latest")
    try:
        low, high = float(oldest or "0"), float(latest or "inf")
    except ValueError:
        raise SlackError("invalid_ts_oldest" if not latest else "invalid_ts_latest") from None
    if args.flag("inclusive"):
        return [m for m in messages if low <= float(m.ts) <= high]
    return [m for m in messages if low < float(m.ts) < high]
