"""Where the messages of a queue wait: for a receiver, for their time, or for their lock to end.

Heaps keep entries of messages that have moved on; an entry counts only while its message still waits for
just that. Times are Unix milliseconds.
"""

import heapq
from collections import deque
from collections.abc import Iterable

from deploy.sandbox.servicebus.messages import Message, State


class Shelf:
    """The messages of one queue, by sequence number.

    Args:
        expires: whether their time to live matters here.
    """

    def __init__(self, *, expires: bool) -> None:
        self.messages: dict[int, Message] = {}
        self._expires = expires
        self._ready: list[tuple[int, Message]] = []
        self._timers: list[tuple[int, int, Message]] = []

    def add(self, message: Message) -> None:
        """Put a message here, to wait as its state says."""
        self.messages[message.sequence] = message
        self.arrange(message)

    def arrange(self, message: Message) -> None:
        """The message of this shelf changed: let it wait for what comes next for it."""
        if message.token is None and message.state is State.ACTIVE:
            heapq.heappush(self._ready, (message.sequence, message))
        due = self._due_ms(message)
        if due is not None:
            heapq.heappush(self._timers, (due, message.sequence, message))

    def remove(self, message: Message) -> None:
        """Take a message away from here."""
        del self.messages[message.sequence]

    @property
    def ready(self) -> bool:
        """Whether ``take`` may find something."""
        return bool(self._ready)

    def take(self) -> Message | None:
        """The first message that waits for a receiver; it waits no longer."""
        while self._ready:
            sequence, message = heapq.heappop(self._ready)
            free = message.token is None and message.state is State.ACTIVE
            if free and self.messages.get(sequence) is message:
                return message
        return None

    def next_due_ms(self) -> int | None:
        """When time changes the next message."""
        while self._timers:
            due, sequence, message = self._timers[0]
            if self.messages.get(sequence) is message and self._due_ms(message) == due:
                return due
            heapq.heappop(self._timers)
        return None

    def pop_due(self, now: int) -> Message | None:
        """A message whose time has come, if any."""
        due = self.next_due_ms()
        return heapq.heappop(self._timers)[2] if due is not None and due <= now else None

    def expired(self, message: Message, now: int) -> bool:
        """Whether it has outlived its time to live here."""
        expires = message.expires_ms
        return self._expires and expires is not None and expires <= now

    def _due_ms(self, message: Message) -> int | None:
        if message.token is not None:
            return message.locked_until_ms
        if message.state is State.SCHEDULED:
            return message.payload.due_ms
        return message.expires_ms if self._expires and message.state is State.ACTIVE else None


class History:
    """Which message ids came within the window of duplicate detection.

    Args:
        window_ms: how long an id counts; 0 knows no duplicates.
    """

    def __init__(self, window_ms: int) -> None:
        self.seen: dict[str, int] = {}
        self._window_ms = window_ms
        self._order: deque[tuple[int, str]] = deque()

    def restore(self, seen: Iterable[tuple[str, int]]) -> None:
        """Start from ids and when they came."""
        if self._window_ms:
            self._order = deque(sorted((at, message_id) for message_id, at in seen))
            self.seen = {message_id: at for at, message_id in self._order}

    def knows(self, message_id: str, now: int) -> bool:
        """Whether the id came before, within the window; if not, it has come now."""
        if not self._window_ms or not message_id:
            return False
        while self._order and self._order[0][0] + self._window_ms <= now:
            del self.seen[self._order.popleft()[1]]
        if message_id in self.seen:
            return True
        self.seen[message_id] = now
        self._order.append((now, message_id))
        return False
