"""What a browser shows, as values by topic and key; whoever watches is told what changed."""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

Change = tuple[str, str, Any]
"""Topic, key and the value now; ``None`` when it is gone."""


class Watcher:
    """One browser's unread changes. A value that changes twice before it is read is told once."""

    def __init__(self) -> None:
        self._changed: dict[tuple[str, str], Any] = {}
        self._some = asyncio.Event()

    def note(self, topic: str, key: str, value: Any) -> None:
        """There is something new."""
        self._changed[topic, key] = value
        self._some.set()

    async def wait(self, within_s: float) -> bool:
        """Whether something is new, at the latest after so many seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._some.wait(), within_s)
        return self._some.is_set()

    def take(self) -> list[Change]:
        """What is new since the last call."""
        changes = [(topic, key, value) for (topic, key), value in self._changed.items()]
        self._changed = {}
        self._some.clear()
        return changes


class Board:
    """Values by topic and key. Only what really differs counts as a change."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, Any]] = {}
        self._watchers: set[Watcher] = set()

    def get(self, topic: str, key: str) -> Any:
        """The value, or ``None``."""
        return self._values.get(topic, {}).get(key)

    def topic(self, topic: str) -> Mapping[str, Any]:
        """All values of a topic; to be read only."""
        return self._values.get(topic, {})

    def put(self, topic: str, key: str, value: Any) -> None:
        """Set a value."""
        values = self._values.setdefault(topic, {})
        if key in values and values[key] == value:
            return
        values[key] = value
        self._tell(topic, key, value)

    def drop(self, topic: str, key: str) -> None:
        """Take a value away, if it is there."""
        if self._values.get(topic, {}).pop(key, None) is not None:
            self._tell(topic, key, None)

    def replace(self, topic: str, values: Mapping[str, Any]) -> None:
        """These values and no others."""
        for key in [key for key in self.topic(topic) if key not in values]:
            self.drop(topic, key)
        for key, value in values.items():
            self.put(topic, key, value)

    @contextlib.contextmanager
    def watch(self) -> Iterator[Watcher]:
        """A watcher, told of every change from now on."""
        watcher = Watcher()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    def everything(self) -> list[Change]:
        """All there is, for a browser that has just come."""
        return [
            (topic, key, value) for topic, values in self._values.items() for key, value in values.items()
        ]

    def _tell(self, topic: str, key: str, value: Any) -> None:
        for watcher in self._watchers:
            watcher.note(topic, key, value)
