"""How what people do reaches the app: over a socket or as a signed request, acknowledged within 3 s."""

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.record import Record
from deploy.sandbox.slack.delivery.http_mode import HttpStatusError, RequestUrl
from deploy.sandbox.slack.delivery.sockets import Sockets
from deploy.sandbox.slack.team.messages import Json

ACK_S = 3.0
_APART_S = 1.1
"""So that its signature is another one: it is over the second in which it is sent."""
EVENT_RETRIES_S = (0.0, 60.0, 300.0)
"""Events are sent again nearly at once, after a minute and after five; acts of a person never are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ack:
    """What came of one delivery.

    Attributes:
        ms: how long the acknowledgement took; ``None`` without one.
        payload: what the app answered with it.
        error: ``operation_timeout``, ``dispatch_failed`` or ``http_status_…``; empty if acknowledged.
    """

    ms: float | None = None
    payload: Json | None = None
    error: str = ""

    def as_json(self) -> Json:
        told: Json = {"ok": not self.error, "ack_ms": self.ms}
        return told | ({"error": self.error} if self.error else {})


@dataclass(kw_only=True, slots=True)
class Courier:
    """Delivers payloads, by HTTP if a request URL is set, else over Socket Mode.

    Args:
        event_retries_s: waits before an unacknowledged event is sent again, in seconds.
        event_copies: how often each event is sent, though it was acknowledged: an acknowledgement may be lost
            on its way. https://docs.slack.dev/apis/events-api/#retries
    """

    sockets: Sockets
    record: Record
    request_url: RequestUrl | None = None
    ack_s: float = ACK_S
    event_retries_s: tuple[float, ...] = EVENT_RETRIES_S
    event_copies: int = 1
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def interactive(self, payload: Json) -> Ack:
        """A click, a dialog, a search in a menu."""
        return await self._deliver("interactive", payload, takes_answer=True)

    async def command(self, payload: Json) -> Ack:
        """A slash command."""
        return await self._deliver("slash_commands", payload, takes_answer=True)

    async def event(self, payload: Json) -> Ack:
        """An event. Unacknowledged, it is sent again in the background, marked as a retry."""
        ack = await self._deliver("events_api", payload)
        if ack.error and self.event_retries_s:
            self._keep(asyncio.create_task(self._redeliver(payload, ack)))
        for attempt in range(1, self.event_copies):
            await asyncio.sleep(_APART_S)
            await self._deliver("events_api", payload, retry=(attempt, "timeout"))
        return ack

    def publish(self, payload: Json) -> None:
        """Deliver an event in the background."""
        self._keep(asyncio.create_task(self._publish(payload)))

    async def _publish(self, payload: Json) -> None:
        await self.event(payload)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Give up what is still to be delivered."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _redeliver(self, payload: Json, ack: Ack) -> None:
        for attempt, wait_s in enumerate(self.event_retries_s, start=1):
            await asyncio.sleep(wait_s)
            reason = "timeout" if ack.error == "operation_timeout" else "http_error"
            ack = await self._deliver("events_api", payload, retry=(attempt, reason))
            if not ack.error:
                return

    async def _deliver(
        self, kind: str, payload: Json, *, takes_answer: bool = False, retry: tuple[int, str] | None = None
    ) -> Ack:
        envelope: Json = {
            "envelope_id": str(uuid.uuid4()),
            "type": kind,
            "payload": payload,
            "accepts_response_payload": takes_answer,
        }
        if kind == "events_api":
            # Slack counts from nought, and says so on the first attempt, too.
            envelope |= {"retry_attempt": retry[0] if retry else 0, "retry_reason": retry[1] if retry else ""}
        self.record.add("delivered", over="http" if self.request_url else "socket", envelope=envelope)
        began = time.perf_counter()
        what = {"envelope_id": envelope["envelope_id"], "type": kind}
        try:
            answer = await self._send(envelope, retry)
        except TimeoutError:
            self.record.add("timeout", **what)
            return Ack(error="operation_timeout")
        except ConnectionError as error:
            self.record.add("undelivered", **what, error=str(error))
            return Ack(error="dispatch_failed")
        except HttpStatusError as error:
            self.record.add("undelivered", **what, error=str(error))
            return Ack(error=f"http_status_{error.status}")
        ms = round((time.perf_counter() - began) * 1000, 3)
        payload_of_ack = answer if isinstance(answer, dict) else ({"text": answer} if answer else None)
        self.record.add("acked", **what, ack_ms=ms, payload=payload_of_ack)
        return Ack(ms=ms, payload=payload_of_ack)

    async def _send(self, envelope: Json, retry: tuple[int, str] | None) -> Any:
        if self.request_url is None:
            return await self.sockets.send(envelope, self.ack_s)
        marks = {"X-Slack-Retry-Num": str(retry[0]), "X-Slack-Retry-Reason": retry[1]} if retry else {}
        return await self.request_url.send(envelope["type"], envelope["payload"], marks, self.ack_s)
