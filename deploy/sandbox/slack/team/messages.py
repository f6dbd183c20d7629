"""Messages and channels, as Slack keeps them and as it tells them."""

from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]


@dataclass(kw_only=True, slots=True)
class Message:
    """One message. ``ts`` is its id in the channel, in Slack's form ``seconds.microseconds``.

    Attributes:
        ephemeral_for: the only person who sees it, for an ephemeral message.
        broadcast: a reply that is also shown in the channel.
        entered: what was chosen in its inputs, by block_id and action_id, as state values.
    """

    ts: str
    channel: str
    user: str
    team: str = ""
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    bot_id: str | None = None
    app_id: str | None = None
    subtype: str | None = None
    metadata: Json | None = None
    edited: Json | None = None
    ephemeral_for: str | None = None
    broadcast: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    files: list[Json] = field(default_factory=list)
    entered: dict[str, dict[str, Json]] = field(default_factory=dict)

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def layout(self) -> list[Json]:
        """All its blocks, those of its attachments too."""
        return [*self.blocks, *(block for part in self.attachments for block in part.get("blocks", []))]

    def as_json(self, *, metadata: bool = False) -> Json:
        """What the Web API and payloads show of it; thread counts are added by its channel."""
        shown: Json = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text}
        optional = {
            "subtype": self.subtype,
            "team": self.team,
            "bot_id": self.bot_id,
            "app_id": self.app_id,
            "thread_ts": self.thread_ts,
            "blocks": self.blocks,
            "attachments": self.attachments,
            "edited": self.edited,
            "metadata": self.metadata if metadata else None,
            "files": self.files,
            "reactions": [{"name": n, "users": u, "count": len(u)} for n, u in self.reactions.items()],
        }
        shown.update({key: value for key, value in optional.items() if value})
        return shown


@dataclass(kw_only=True, slots=True)
class Channel:
    """A channel, a direct message (``im``) or a group one (``mpim``).

    Attributes:
        gone: the ts of messages that were deleted, which is how a reply to one of them is known.
    """

    id: str
    name: str
    kind: Literal["channel", "im", "mpim"] = "channel"
    members: set[str] = field(default_factory=set)
    archived: bool = False
    private: bool = False
    created: int = 0
    gone: set[str] = field(default_factory=set)
    messages: dict[str, Message] = field(default_factory=dict)
    ephemerals: dict[str, Message] = field(default_factory=dict)
    _threads: dict[str, list[Message]] = field(default_factory=dict)

    def add(self, message: Message) -> None:
        """Keep a message, ephemeral or not."""
        (self.ephemerals if message.ephemeral_for else self.messages)[message.ts] = message
        if message.thread_ts and message.is_reply and not message.ephemeral_for:
            self._threads.setdefault(message.thread_ts, []).append(message)

    def drop(self, message: Message) -> None:
        """Forget a message."""
        self.ephemerals.pop(message.ts, None)
        self.messages.pop(message.ts, None)
        self.gone.add(message.ts)
        thread = self._threads.get(message.thread_ts or "", [])
        if message in thread:
            thread.remove(message)

    @property
    def family(self) -> str:
        """The word of its scopes and events: ``channels``, ``groups`` (private ones), ``im``, ``mpim``."""
        return self.kind if self.kind != "channel" else "groups" if self.private else "channels"

    def message(self, ts: str) -> Message | None:
        """The message of this ts, an ephemeral one too."""
        return self.messages.get(ts) or self.ephemerals.get(ts)

    def replies(self, thread_ts: str) -> list[Message]:
        """Oldest first, without the parent."""
        return self._threads.get(thread_ts, [])

    def tell(self, message: Message, *, metadata: bool = False) -> Json:
        """The message with the counts of its thread, if it has one."""
        shown = message.as_json(metadata=metadata)
        replies = [] if message.is_reply else self.replies(message.ts)
        if replies:
            users = list(dict.fromkeys(reply.user for reply in replies))
            shown |= {
                "thread_ts": message.ts,
                "reply_count": len(replies),
                "reply_users_count": len(users),
                "reply_users": users[:5],
                "latest_reply": replies[-1].ts,
            }
        if message.broadcast:
            shown["subtype"] = "thread_broadcast"
        return shown

    def as_json(self, viewer: str) -> Json:
        """The conversation object, as ``viewer`` gets it."""
        common: Json = {
            "id": self.id,
            "created": self.created,
            "is_archived": self.archived,
            "is_im": self.kind == "im",
            "is_mpim": self.kind == "mpim",
        }
        if self.kind == "im":
            other = next((member for member in sorted(self.members) if member != viewer), viewer)
            return common | {"user": other, "is_user_deleted": False, "is_open": True}
        return common | {
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": self.kind == "channel",
            "is_group": False,
            "is_private": self.private or self.kind == "mpim",
            "is_general": False,
            "is_member": viewer in self.members,
            "num_members": len(self.members),
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }
