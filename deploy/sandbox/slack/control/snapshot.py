"""``GET /_state``: what a person sees, or everything."""

from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.members import Member
from deploy.sandbox.slack.team.messages import Channel, Json, Message


def snapshot(state: State, viewer: Member | None, latest: int | None = None) -> Json:
    """The workspace as JSON: for one person only what they can see, without one everything.

    ``latest`` takes only so many messages of each channel, the newest.

    Channels carry their messages oldest first, threads and ephemerals among them, told apart by
    ``thread_ts`` and ``ephemeral_for``. ``views`` holds each stack of dialogs, the top one last.
    """
    workspace, views, me = state.workspace, state.views, state.identity
    channels = [
        _tell_channel(channel, viewer, latest)
        for channel in workspace.channels.values()
        if viewer is None or workspace.can_see(viewer.id, channel)
    ]
    stacks = {
        user: [view.as_json(me) for view in stack]
        for user, stack in views.stacks.items()
        if viewer is None or user == viewer.id
    }
    homes = {
        user: view.as_json(me) for user, view in views.homes.items() if viewer is None or user == viewer.id
    }
    everyone: Json = {
        "app": {
            "name": me.app_name,
            "user": me.bot_user,
            "bot_id": me.bot_id,
            "app_id": me.app_id,
            "has_home": "app_home_opened" in (state.events or ()),
        },
        "team": me.team(),
        "tabs": {"home": state.tabs.home, "messages": state.tabs.messages, "read_only": state.tabs.read_only},
        "people": [_tell_person(member) for member in workspace.members.values()],
        "usergroups": [g.as_json(me, with_users=True) for g in workspace.groups.values()],
        "commands": [command.model_dump() for command in state.commands],
        "channels": channels,
    }
    if viewer is None:
        return {**everyone, "views": stacks, "homes": homes}
    own = {"me": _tell_person(viewer), "views": stacks.get(viewer.id, []), "home": homes.get(viewer.id)}
    return {**everyone, **own}


def _tell_person(member: Member) -> Json:
    return {
        "id": member.id,
        "key": member.key,
        "name": member.name,
        "handle": member.handle,
        "tz": member.tz,
        "tz_offset": member.tz_offset,
        "deleted": member.deleted,
        "is_bot": member.is_bot,
        "guest": member.is_restricted or member.is_ultra_restricted,
        "team_id": member.team_id,
    }


def _tell_channel(channel: Channel, viewer: Member | None, latest: int | None) -> Json:
    seen = [*channel.messages.values()]
    seen += [m for m in channel.ephemerals.values() if viewer is None or m.ephemeral_for == viewer.id]
    return {
        "id": channel.id,
        "name": channel.name,
        "kind": channel.kind,
        "archived": channel.archived,
        "members": sorted(channel.members),
        "messages": [
            _tell_message(channel, m) for m in sorted(seen, key=lambda m: m.ts)[-latest if latest else None :]
        ],
    }


def _tell_message(channel: Channel, message: Message) -> Json:
    extra: Json = {"ephemeral_for": message.ephemeral_for, "state": {"values": message.entered}}
    return channel.tell(message, metadata=True) | extra
