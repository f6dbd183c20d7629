"""The workspace: who is in it, where they talk, and what was said."""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.slack.identity import Identity
from deploy.sandbox.slack.team.members import Member
from deploy.sandbox.slack.team.messages import Channel, Json, Message
from deploy.sandbox.world import World

ID_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


def new_id(prefix: str, length: int = 10) -> str:
    """A fresh id in Slack's look, such as ``V0AB12CD34E``."""
    return prefix + "0" + "".join(secrets.choice(ID_ALPHABET) for _ in range(length - 1))


@dataclass(kw_only=True, slots=True)
class Group:
    """A user group."""

    id: str
    handle: str
    name: str
    users: list[str] = field(default_factory=list)
    disabled: bool = False

    def as_json(self, identity: Identity, *, with_users: bool) -> Json:
        group: Json = {
            "id": self.id,
            "team_id": identity.team_id,
            "is_usergroup": True,
            "handle": self.handle,
            "name": self.name,
            "description": "",
            "is_external": False,
            "date_delete": 1 if self.disabled else 0,
            "user_count": len(self.users),
        }
        return group | ({"users": list(self.users)} if with_users else {})


class Workspace:
    """People, channels and messages. Built from a ``World``; everything after that happened through Slack."""

    def __init__(self, world: World, identity: Identity) -> None:
        self.identity = identity
        self._last_ts = 0
        self.members: dict[str, Member] = {}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, Group] = {}
        bot = Member(id=identity.bot_user, key=identity.bot_handle, name=identity.app_name, is_bot=True)
        self.members[bot.id] = bot
        for person in world.people:
            self.members[person.slack] = Member(id=person.slack, **person.model_dump(exclude={"slack", "ip"}))
        for seed in world.channels:
            members = {*seed.members, *([identity.bot_user] if seed.bot_is_member else [])}
            self.channels[seed.id] = Channel(
                id=seed.id,
                name=seed.name,
                members=members,
                archived=seed.archived,
                private=seed.private,
                created=int(time.time()),
            )
        for group in world.usergroups:
            self.groups[group.id] = Group(
                id=group.id, handle=group.handle, name=group.name, users=list(group.users)
            )

    def ts(self) -> str:
        """A new message id: now, and later than every one before."""
        self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def person(self, ref: str) -> Member | None:
        """By id, key, handle or display name; ids are what the Web API takes."""
        if ref in self.members:
            return self.members[ref]
        wanted = ref.lstrip("@").casefold()
        for member in self.members.values():
            if wanted in (member.key.casefold(), member.handle.casefold(), member.name.casefold()):
                return member
        return None

    def add_person(self, **fields: Any) -> Member:
        """Somebody new; an ``id`` is made if none is given."""
        member = Member(**{"id": new_id("U"), **fields})
        self.members[member.id] = member
        return member

    def channel(self, ref: str) -> Channel | None:
        """By id, or by name with or without ``#``."""
        if ref in self.channels:
            return self.channels[ref]
        name = ref.removeprefix("#")
        return next((c for c in self.channels.values() if c.kind == "channel" and c.name == name), None)

    def group(self, ref: str) -> Group | None:
        """By id, or by handle with or without ``@``."""
        if ref in self.groups:
            return self.groups[ref]
        return next((group for group in self.groups.values() if group.handle == ref.removeprefix("@")), None)

    def dm(self, users: Iterable[str]) -> tuple[Channel, bool]:
        """The conversation of exactly these people and the app; and whether it existed before."""
        members = {*users, self.identity.bot_user}
        kind, prefix = ("im", "D") if len(members) == 2 else ("mpim", "G")
        for channel in self.channels.values():
            if channel.kind == kind and channel.members == members:
                return channel, True
        name = "directmessage" if kind == "im" else "mpdm-" + "--".join(sorted(members)).lower()
        channel = Channel(
            id=new_id(prefix),
            name=name,
            kind="im" if kind == "im" else "mpim",
            members=members,
            created=int(time.time()),
        )
        self.channels[channel.id] = channel
        return channel, False

    def add_channel(self, name: str, **fields: Any) -> Channel:
        """A new channel, of nobody yet; an ``id`` is made if none is given."""
        channel = Channel(**{"id": new_id("C"), "name": name, "created": int(time.time()), **fields})
        self.channels[channel.id] = channel
        return channel

    def shared_outside(self, channel: Channel) -> bool:
        """Whether somebody of another workspace is in it: a Slack Connect channel."""
        return any(self.members[user].foreign for user in channel.members if user in self.members)

    def tell_channel(self, channel: Channel) -> Json:
        """The conversation object, as the app gets it."""
        outside = self.shared_outside(channel)
        return channel.as_json(self.identity.bot_user) | {"is_shared": outside, "is_ext_shared": outside}

    def can_see(self, user: str, channel: Channel) -> bool:
        return user in channel.members

    def keep(self, message: Message) -> Message:
        """Put a message, ephemeral or not, into its channel."""
        self.channels[message.channel].add(message)
        return message
