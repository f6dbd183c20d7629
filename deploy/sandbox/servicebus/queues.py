"""What a Service Bus queue does with messages, apart from any wire: order, locks, counts, time.

Times are Unix milliseconds from the clock that is passed in; nothing here sleeps. Whoever owns a queue
calls ``tick`` at ``next_due_ms`` and ``pump`` when messages or consumers may have come.
Reference: https://learn.microsoft.com/azure/service-bus-messaging/message-transfers-locks-settlement
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from deploy.sandbox.servicebus.messages import (
    MAX_MESSAGE_ID,
    BadMessageError,
    Consumer,
    Lent,
    LockLostError,
    Message,
    MessageNotFoundError,
    Payload,
    Settings,
    State,
    Store,
    Witness,
)
from deploy.sandbox.servicebus.shelf import History, Shelf


class Queue:
    """One queue, or one dead-letter queue.

    Args:
        dead_letters: where dead letters go. A dead-letter queue has none, and messages do not expire there.

    Attributes:
        messages: all of them in all states, by sequence number; to be read only.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], int],
        store: Store,
        witness: Witness,
        dead_letters: "Queue | None" = None,
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self.dead_letters = dead_letters
        self.last_sequence = 0
        self.history = History(settings.dedup_ms)
        self._clock = clock
        self._store = store
        self._witness = witness
        self._shelf = Shelf(expires=dead_letters is not None)
        self.messages = self._shelf.messages
        self._locks: dict[bytes, Message] = {}
        self._consumers: deque[Consumer] = deque()

    # -- coming in ---------------------------------------------------------------------------------

    def send(self, payloads: Sequence[Payload]) -> list[int]:
        """Take messages, all or none, each now or at its time. Returns their sequence numbers.

        A duplicate uses up a number too. A scheduled message gets another one when it is enqueued, as in
        the service.

        Raises:
            BadMessageError: an id is too long.
        """
        if any(len(payload.message_id) > MAX_MESSAGE_ID for payload in payloads):
            raise BadMessageError(f"a message id has at most {MAX_MESSAGE_ID} characters")
        return [self._send(self.settings.limited(payload)) for payload in payloads]

    def _send(self, payload: Payload) -> int:
        now = self._clock()
        self.last_sequence += 1
        message = Message(self.last_sequence, payload, now)
        if self.history.knows(payload.message_id, now):
            self._tell("duplicate-dropped", message)
            return message.sequence
        if payload.due_ms is not None and payload.due_ms > now:
            message.state = State.SCHEDULED
            self._tell("scheduled", message, scheduled_ms=payload.due_ms)
        else:
            self._tell("enqueued", message)
        self._shelf.add(message)
        self._store.put(self.name, message)
        return message.sequence

    def restore(self, messages: Iterable[Message], seen: dict[str, int], last_sequence: int) -> None:
        """Start from what a store kept. Nothing is locked."""
        self.history.restore(seen.items())
        self.last_sequence = last_sequence
        for message in messages:
            self._shelf.add(message)

    def adopt(self, message: Message) -> None:
        """Take over a message that another queue gave up; it keeps its sequence number."""
        self._shelf.add(message)

    # -- going out ---------------------------------------------------------------------------------

    def subscribe(self, consumer: Consumer) -> None:
        """Push messages to this consumer too; consumers take turns, one message each."""
        self._consumers.append(consumer)

    def unsubscribe(self, consumer: Consumer) -> None:
        """No more messages for it. What it holds stays locked until the locks run out."""
        if consumer in self._consumers:
            self._consumers.remove(consumer)

    def pump(self) -> None:
        """Hand out what is ready to who is hungry, in order of sequence numbers."""
        passed = 0
        while self._shelf.ready and passed < len(self._consumers):
            consumer = self._consumers[0]
            self._consumers.rotate(-1)
            if not consumer.hungry():
                passed += 1
                continue
            message = self._shelf.take()
            if message is None:
                return
            passed = 0
            if self._shelf.expired(message, self._clock()):
                self._expire(message)
            else:
                consumer.deliver(message, self._lend(message, deletes=consumer.deletes))

    def receive_deferred(self, sequences: Sequence[int], *, deletes: bool = False) -> list[Lent]:
        """Lock (or take for good) deferred messages, all or none; returns each with its token.

        Raises:
            MessageNotFoundError: no deferred, unlocked message has one of these numbers.
        """
        found = self._find(sequences, State.DEFERRED)
        return [(message, self._lend(message, deletes=deletes)) for message in found]

    def peek(self, from_sequence: int, count: int) -> list[Message]:
        """Up to ``count`` messages in any state, from this sequence number on; changes nothing."""
        return [self.messages[n] for n in sorted(self.messages) if n >= from_sequence][:count]

    # -- settling ----------------------------------------------------------------------------------

    def complete(self, token: bytes) -> None:
        """It is done: remove it. Raises ``LockLostError``, as all of these."""
        self._remove(message := self._unlock(token))
        self._tell("completed", message)

    def abandon(self, token: bytes) -> None:
        """It failed: make it available again, or a dead letter after too many failures."""
        message = self._unlock(token)
        self._tell("abandoned", message)
        self._failed(message)

    def release(self, token: bytes) -> None:
        """It was not tried: make it available again, uncounted."""
        message = self._unlock(token)
        self._shelf.arrange(message)
        self._tell("released", message)

    def defer(self, token: bytes) -> None:
        """Set it aside, to be received by its sequence number only."""
        message = self._unlock(token)
        message.state = State.DEFERRED
        self._store.move(self.name, message.sequence, message, self.name)
        self._tell("deferred", message)

    def dead_letter(self, token: bytes, reason: str | None, description: str | None) -> None:
        """It will never work: move it to the dead-letter queue. There, it stays where it is."""
        self._bury(self._unlock(token), reason or "", description or "")

    def renew(self, token: bytes) -> int:
        """Start its lock anew; returns when it ends."""
        message = self._locked(token)
        self._lock(message, token)
        self._tell("renewed", message, locked_until_ms=message.locked_until_ms)
        return message.locked_until_ms

    def holds(self, token: bytes) -> bool:
        """Whether the lock of this token stands."""
        message = self._locks.get(token)
        return message is not None and message.locked_until_ms > self._clock()

    def end_lock(self, token: bytes) -> None:
        """End a lock before its time, as if it had run out; nothing happens when it is gone already."""
        if (message := self._locks.get(token)) is not None:
            self._lose(message, token)

    def cancel(self, sequences: Sequence[int]) -> None:
        """Remove scheduled messages, all or none; their ids stay in the history of duplicates.

        Raises:
            MessageNotFoundError: no scheduled message has one of these numbers.
        """
        for message in self._find(sequences, State.SCHEDULED):
            self._remove(message)
            self._tell("cancelled", message)

    def purge(self) -> int:
        """Remove every message in every state; returns how many there were."""
        for message in (removed := list(self.messages.values())):
            self._remove(message)
            self._tell("purged", message)
        self._locks.clear()
        return len(removed)

    # -- time --------------------------------------------------------------------------------------

    def next_due_ms(self) -> int | None:
        """When ``tick`` has something to do."""
        return self._shelf.next_due_ms()

    def tick(self) -> None:
        """Enqueue what is due, take back locks that ran out, and expire what lived too long."""
        now = self._clock()
        while (message := self._shelf.pop_due(now)) is not None:
            if message.token is not None:
                self._lose(message, message.token)
            elif message.state is State.SCHEDULED:
                self._activate(message, now)
            else:
                self._expire(message)

    def _lose(self, message: Message, token: bytes) -> None:
        del self._locks[token]
        message.token = None
        self._tell("lock-lost", message)
        self._failed(message)

    def _activate(self, message: Message, now: int) -> None:
        scheduled_as = message.sequence
        self._shelf.remove(message)
        self.last_sequence += 1
        message.sequence = self.last_sequence
        message.state = State.ACTIVE
        message.enqueued_ms = now
        self._shelf.add(message)
        self._store.move(self.name, scheduled_as, message, self.name)
        self._tell("enqueued", message, scheduled_as=scheduled_as)

    def _expire(self, message: Message) -> None:
        self._tell("expired", message)
        if self.settings.expired == "dead-letter":
            self._bury(message, "TTLExpiredException", "The message expired and was dead lettered.")
        else:
            self._remove(message)

    def _find(self, sequences: Sequence[int], state: State) -> list[Message]:
        found = [self.messages.get(sequence) for sequence in dict.fromkeys(sequences)]
        free = [m for m in found if m is not None and m.state is state and m.token is None]
        if len(free) < len(found):
            raise MessageNotFoundError(
                f"not all of {list(sequences)} are {state.name.lower()} in {self.name}"
            )
        return free

    def _lend(self, message: Message, *, deletes: bool) -> bytes:
        token = os.urandom(16)
        self._tell("delivered", message, delivery_count=message.delivery_count)
        if deletes:
            self._remove(message)
        else:
            self._locks[token] = message
            self._lock(message, token)
        return token

    def _lock(self, message: Message, token: bytes) -> None:
        message.token = token
        message.locked_until_ms = self._clock() + self.settings.lock_ms
        self._shelf.arrange(message)

    def _locked(self, token: bytes) -> Message:
        if not self.holds(token):
            raise LockLostError(f"the lock on this message of {self.name} ran out, or it was settled before")
        return self._locks[token]

    def _unlock(self, token: bytes) -> Message:
        message = self._locked(token)
        del self._locks[token]
        message.token = None
        return message

    def _failed(self, message: Message) -> None:
        message.delivery_count += 1
        if 0 < (limit := self.settings.max_delivery) <= message.delivery_count:
            attempts = f"Message could not be consumed after {limit} delivery attempts."
            self._bury(message, "MaxDeliveryCountExceeded", attempts)
        else:
            self._store.move(self.name, message.sequence, message, self.name)
            self._shelf.arrange(message)

    def _bury(self, message: Message, reason: str, description: str) -> None:
        message.reason, message.description = reason, description
        message.state = State.ACTIVE
        self._shelf.remove(message)
        target = self.dead_letters or self
        target.adopt(message)
        self._store.move(self.name, message.sequence, message, target.name)
        self._tell("dead-lettered", message, reason=reason, description=description)

    def _remove(self, message: Message) -> None:
        self._shelf.remove(message)
        self._store.gone(self.name, message.sequence)

    def _tell(self, kind: str, message: Message, **details: Any) -> None:
        number, own = message.sequence, message.payload.message_id
        self._witness(kind, queue=self.name, sequence_number=number, message_id=own, **details)
