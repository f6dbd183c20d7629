"""Adding and changing people and channels while the stand-in runs: what an administrator would do."""

from pydantic import BaseModel, ConfigDict

from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.messages import Channel, Json
from deploy.sandbox.slack.team.workspace import new_id


class PersonOrder(BaseModel):
    """``POST /_people``: add somebody, or change who is there. ``key`` finds them; see ``Member``.

    Attributes:
        channels: where they join.
        usergroups: those they join, by id or handle.
    """

    model_config = ConfigDict(extra="forbid")

    key: str
    id: str | None = None
    name: str | None = None
    email: str | None = None
    tz: str | None = None
    tz_offset: int | None = None
    deleted: bool | None = None
    is_bot: bool | None = None
    team_id: str | None = None
    enterprise_id: str | None = None
    is_restricted: bool | None = None
    is_ultra_restricted: bool | None = None
    is_stranger: bool | None = None
    hidden: bool | None = None
    dnd_start: int | None = None
    dnd_end: int | None = None
    channels: list[str] = []
    usergroups: list[str] = []


class ChannelOrder(BaseModel):
    """``POST /_channels``: add a channel, or change the one of this name or id.

    Attributes:
        bot_is_member: whether the app is in it; a new channel is without.
        join, leave: people, by id or key.
        count: so many new channels at once, ``name-0001`` and on; thousands take well below a second.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    archived: bool | None = None
    private: bool | None = None
    bot_is_member: bool | None = None
    join: list[str] = []
    leave: list[str] = []
    count: int = 1


class NotThereError(ValueError):
    """An order names a person or a channel that there is not."""


def put_person(state: State, order: PersonOrder) -> Json:
    """Add or change somebody; answers their id.

    Raises:
        NotThereError: a channel or a user group to join does not exist.
    """
    workspace = state.workspace
    joined = [workspace.channel(ref) for ref in order.channels]
    if None in joined:
        raise NotThereError(f"there is no channel {order.channels[joined.index(None)]!r}")
    groups = [workspace.group(ref) for ref in order.usergroups]
    if None in groups:
        raise NotThereError(f"there is no user group {order.usergroups[groups.index(None)]!r}")
    member = workspace.person(order.key)
    if member is None:
        member = workspace.add_person(id=order.id or new_id("U"), key=order.key, name=order.key)
    for name, value in order.model_dump(
        exclude={"key", "id", "channels", "usergroups"}, exclude_none=True
    ).items():
        setattr(member, name, value)
    for channel in filter(None, joined):
        channel.members.add(member.id)
    for group in filter(None, groups):
        group.users = list(dict.fromkeys((*group.users, member.id)))
    return {"id": member.id}


def put_channels(state: State, order: ChannelOrder) -> Json:
    """Add or change channels; answers their ids.

    Raises:
        NotThereError: somebody who joins or leaves does not exist.
    """
    workspace = state.workspace
    joining, leaving = _ids(state, order.join), _ids(state, order.leave)
    if order.bot_is_member is not None:
        (joining if order.bot_is_member else leaving).add(state.identity.bot_user)
    if order.count > 1:
        names = [f"{order.name}-{number:04d}" for number in range(1, order.count + 1)]
        channels = [workspace.add_channel(name) for name in names]
    else:
        channels = [workspace.channel(order.name) or workspace.add_channel(order.name)]
    for channel in channels:
        _change(channel, order)
        channel.members = (channel.members | joining) - leaving
    return {"ids": [channel.id for channel in channels]}


def _change(channel: Channel, order: ChannelOrder) -> None:
    if order.archived is not None:
        channel.archived = order.archived
    if order.private is not None:
        channel.private = order.private


def _ids(state: State, refs: list[str]) -> set[str]:
    found = {ref: state.workspace.person(ref) for ref in refs}
    missing = [ref for ref, member in found.items() if member is None]
    if missing:
        raise NotThereError(f"nobody is called {', '.join(missing)}")
    return {member.id for member in found.values() if member is not None}
