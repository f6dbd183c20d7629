"""``<queue>/$management``: what a client asks of a queue by request and reply.

Reference: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response
"""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from deploy.sandbox.servicebus.amqp.codec import Array, DecodeError, Int, Symbol, Timestamp
from deploy.sandbox.servicebus.messages import (
    BadMessageError,
    LockLostError,
    MessageNotFoundError,
)
from deploy.sandbox.servicebus.reasons import claim_missing
from deploy.sandbox.servicebus.sections import read, render
from deploy.sandbox.servicebus.wire.replies import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.sandbox.servicebus.amqp.frames import AmqpError
    from deploy.sandbox.servicebus.queues import Queue

VENDOR = "com.microsoft:"
MAX_PEEK = 250
"""Messages in one answer to peek."""


SENDING = frozenset(("schedule-message", "cancel-scheduled-message"))
"""Operations of a sender: they need the right to send. All others need the right to listen.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas (rights required for
operations). The table names receiving and settling; scheduling counts as a way to send.
"""


class Management:
    """The management node of one queue. Call it with a request.

    Args:
        refusal: why everything is refused at the moment, if it is.
        allowed: whether the client has a right, ``listen`` or ``send``, at the moment.
    """

    def __init__(
        self,
        queue: "Queue",
        *,
        refusal: "Callable[[], AmqpError | None]",
        allowed: "Callable[[str], bool]",
    ) -> None:
        self._queue = queue
        self._refusal = refusal
        self._allowed = allowed
        self._operations: dict[str, Callable[[dict[str, Any]], Reply]] = {
            "renew-lock": self._renew,
            "schedule-message": self._schedule,
            "cancel-scheduled-message": self._cancel,
            "peek-message": self._peek,
            "receive-by-sequence-number": self._receive,
            "update-disposition": self._settle,
        }

    def __call__(self, request: Request) -> Reply:
        """Do what is asked; refusals are replies too."""
        name = str(request.properties.get("operation", "")).removeprefix(VENDOR)
        refused = self._refused(name)
        return self._do(name, request.body) if refused is None else refused

    def _refused(self, name: str) -> Reply | None:
        if (refusal := self._refusal()) is not None:
            return _refuse(503, refusal.condition, refusal.description)
        right = "send" if name in SENDING else "listen"
        if not self._allowed(right):
            return _refuse(401, "amqp:unauthorized-access", claim_missing(self._queue.name, right))
        if name not in self._operations:
            return _refuse(501, "amqp:not-implemented", f"'{name}' is not an operation of this stand-in")
        return None

    def _do(self, name: str, body: Any) -> Reply:
        if not isinstance(body, dict):
            return _refuse(400, "amqp:invalid-field", f"{name} takes a map")
        try:
            return self._operations[name](body)
        except LockLostError as error:
            return _refuse(410, VENDOR + "message-lock-lost", str(error))
        except MessageNotFoundError as error:
            return _refuse(404, VENDOR + "message-not-found", str(error))
        except (BadMessageError, DecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            return _refuse(400, VENDOR + "argument-error", f"{name}: {error}")

    def _renew(self, body: dict[str, Any]) -> Reply:
        until = [self._queue.renew(_token(token)) for token in body["lock-tokens"]]
        return _ok({"expirations": Array(Timestamp, until)})

    def _schedule(self, body: dict[str, Any]) -> Reply:
        payloads = [read(each["message"]) for each in body["messages"]]
        return _ok({"sequence-numbers": Array(int, self._queue.send(payloads))})

    def _cancel(self, body: dict[str, Any]) -> Reply:
        self._queue.cancel(body["sequence-numbers"])
        return _ok({})

    def _peek(self, body: dict[str, Any]) -> Reply:
        count = min(int(body["message-count"]), MAX_PEEK)
        found = self._queue.peek(int(body["from-sequence-number"]), count)
        if not found:
            return Reply({"statusCode": Int(204), "statusDescription": "No messages."}, {})
        return _ok({"messages": [{"message": render(message)} for message in found]})

    def _receive(self, body: dict[str, Any]) -> Reply:
        deletes = body.get("receiver-settle-mode") == 0
        found = self._queue.receive_deferred(body["sequence-numbers"], deletes=deletes)
        return _ok(
            {
                "messages": [
                    {"message": render(message), "lock-token": UUID(bytes_le=token)}
                    for message, token in found
                ]
            }
        )

    def _settle(self, body: dict[str, Any]) -> Reply:
        tokens = [_token(token) for token in body["lock-tokens"]]
        reason, description = (str(body.get(f"deadletter-{key}") or "") for key in ("reason", "description"))
        settle: dict[str, Callable[[bytes], None]] = {
            "completed": self._queue.complete,
            "abandoned": self._queue.abandon,
            # The service's own spelling.
            "defered": self._queue.defer,
            "suspended": lambda token: self._queue.dead_letter(token, reason, description),
        }
        for token in tokens:
            settle[body["disposition-status"]](token)
        return _ok({})


def _token(value: Any) -> bytes:
    """The token as a delivery tag has it."""
    if not isinstance(value, UUID):
        raise TypeError(f"a lock token is a uuid, not {type(value).__name__}")
    return value.bytes_le


def _ok(body: dict[str, Any]) -> Reply:
    return Reply({"statusCode": Int(200), "statusDescription": "OK"}, body)


def _refuse(code: int, condition: str, description: str) -> Reply:
    return Reply(
        {
            "statusCode": Int(code),
            "statusDescription": description,
            "errorCondition": Symbol(condition),
        },
        {},
    )
