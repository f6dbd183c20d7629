"""What one person sees in Slack, as a board of its own."""

import asyncio
import time
from typing import Any

from deploy.sandbox.client import Control
from deploy.sandbox.page.board import Board
from deploy.sandbox.page.tail import Entry

SETTLE_S = 0.06
AT_FIRST, LATER = 400, 60
"""How many of the newest messages of each channel are read at first, and after a change."""
IDLE_S = 60.0
"""A view nobody looked at for so long is forgotten."""

SHOWN = frozenset(
    {"posted", "updated", "deleted", "ephemeral", "said", "view", "response_url", "reset", "api"}
)
"""Kinds of records after which a person may see something else."""


class Eyes:
    """One person's Slack, kept in line while anybody looks through their eyes."""

    def __init__(self, person: str, control: Control) -> None:
        self.board = Board()
        self.watched = 0
        self.left_at = time.monotonic()
        self._person = person
        self._control = control
        self._stale = asyncio.Event()
        self._whole = True
        self._stale.set()
        self._task = asyncio.create_task(self._run())

    @property
    def idle(self) -> bool:
        """Whether nobody has looked for a while."""
        return self.watched == 0 and time.monotonic() - self.left_at > IDLE_S

    def came(self, entry: Entry) -> None:
        """Something was recorded."""
        if entry["kind"] not in SHOWN or (entry["kind"] == "api" and not _visible(entry)):
            return
        if entry["kind"] == "reset":
            self._whole = True
        if entry["kind"] in ("updated", "deleted"):
            self._touch_old(entry)
        self._stale.set()

    def connected(self) -> None:
        """The stand-in is there (again): everything may be different."""
        self._whole = True
        self._stale.set()

    def left(self) -> None:
        """Somebody stopped looking."""
        self.left_at = time.monotonic()

    def close(self) -> None:
        """Stop following."""
        self._task.cancel()

    def _touch_old(self, entry: Entry) -> None:
        """A message too old to be read again: change it here as it was changed there."""
        key = f"{entry.get('channel')}/{entry.get('ts')}"
        message = self.board.get("message", key)
        if message is None:
            return
        if entry["kind"] == "deleted":
            self.board.drop("message", key)
            return
        fields = {name: entry[name] for name in ("text", "blocks", "attachments") if name in entry}
        self.board.put("message", key, message | fields)

    async def _run(self) -> None:
        while True:
            await self._stale.wait()
            await asyncio.sleep(SETTLE_S)
            self._stale.clear()
            try:
                await self._read()
            except (OSError, RuntimeError):
                await asyncio.sleep(1)
                self._stale.set()

    async def _read(self) -> None:
        latest = AT_FIRST if self._whole else LATER
        state = await self._control.get("/_state", user=self._person, latest=latest)
        messages: dict[str, Any] = {}
        for channel in state["channels"]:
            self.board.put("channel", channel["id"], {k: v for k, v in channel.items() if k != "messages"})
            for message in channel["messages"]:
                messages[f"{channel['id']}/{message['ts']}"] = message | {"channel": channel["id"]}
        if self._whole:
            self.board.replace("message", messages)
            self._whole = False
        for key, message in messages.items():
            self.board.put("message", key, message)
        self._drop_gone(state["channels"], messages, latest)
        for name in ("me", "app", "people", "usergroups", "commands", "views", "home"):
            self.board.put("slack", name, state[name])

    def _drop_gone(self, channels: list[dict[str, Any]], messages: dict[str, Any], latest: int) -> None:
        """Drop what was removed within the stretch that was read, such as a replaced ephemeral."""
        oldest = {
            channel["id"]: channel["messages"][0]["ts"] if len(channel["messages"]) >= latest else ""
            for channel in channels
        }
        gone = [
            key
            for key, message in self.board.topic("message").items()
            if key not in messages and message["ts"] >= oldest.get(message["channel"], "~")
        ]
        for key in gone:
            self.board.drop("message", key)


def _visible(entry: Entry) -> bool:
    """Whether a call of the Web API may have changed what people see without a record of its own."""
    return str(entry.get("method", "")).startswith(("reactions.", "views.", "conversations.open"))
