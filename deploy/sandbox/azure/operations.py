"""Long-running operations: accepted now, done later, asked about in between."""

import asyncio
import base64
import hashlib
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from deploy.sandbox.azure.errors import ArmError, error_body

KEEP_S = 2 * 3600
"""Seconds that an ended operation can still be asked about; Azure promises clients no more than a day."""

_CERTIFICATE = base64.urlsafe_b64encode(
    b"".join(hashlib.sha256(bytes([n])).digest() for n in range(88))
).decode()
"""Azure signs operation URLs and puts the certificate in them: clients have to take URLs of 4 KB."""

BadEnd = Literal["Failed", "Canceled", "Cancelled", "TimedOut"]
"""How an operation ends that did not succeed.

ARM knows Failed and Canceled, and lets providers add words of their own:
https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations#provisioningstate-values
Backup spells its jobs' end Cancelled; TimedOut is in no enumeration of the REST specification, but reported.
"""

Status = Literal["InProgress", "Succeeded"] | BadEnd


@dataclass(kw_only=True, slots=True, eq=False)
class Operation:
    """One long-running operation.

    Attributes:
        name: the verb, such as ``deallocate``.
        target: the id of the resource it works on.
        status_path: path of the status document.
        result_path: path that answers 202 until it ends, then 200 with the result.
        nominal_s: its duration in seconds at speed factor 1.
        failure: code and message if it is to fail.
        bad_end: the status it has then.
        hangs: it stays in progress until somebody ends it.
        wanted_end: an outcome for which a provider has words of its own, such as a job's.
        result: makes the body of ``result_path`` once it has succeeded.
        extra: further keys of the status document.
        polls: how often it was asked about.
    """

    name: str
    target: str
    status_path: str
    result_path: str
    nominal_s: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    failure: tuple[str, str] | None = None
    bad_end: BadEnd = "Failed"
    hangs: bool = False
    wanted_end: str = ""
    result: Callable[[], Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    status: Status = "InProgress"
    polls: int = 0
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended_at: datetime | None = None
    begun: float = field(default_factory=time.monotonic)
    duration_s: float = 0.0
    retry_after_s: int = 0
    timer: asyncio.TimerHandle | None = None

    @property
    def progress(self) -> float:
        """From 0 to 1, by the clock."""
        if self.status != "InProgress" or self.duration_s <= 0:
            return 1.0
        return min(1.0, (time.monotonic() - self.begun) / self.duration_s)

    def document(self) -> dict[str, Any]:
        """The status document. The first answer is always ``InProgress``: Azure is never done by then."""
        self.polls += 1
        body: dict[str, Any] = {
            "name": self.id,
            "status": "InProgress" if self.polls == 1 else self.status,
            "startTime": self.started_at.isoformat(),
        }
        if body["status"] != "InProgress" and self.ended_at is not None:
            body["endTime"] = self.ended_at.isoformat()
        if body["status"] not in ("InProgress", "Succeeded") and self.failure is not None:
            body |= error_body(*self.failure)
        return body | self.extra

    def headers(self, base_url: str, api_version: str) -> dict[str, str]:
        """``Azure-AsyncOperation``, ``Location`` and ``Retry-After`` of the answer that accepts it."""
        signed = f"t={int(self.started_at.timestamp())}&c={_CERTIFICATE}&s={self.id}"
        query = f"api-version={api_version}&{signed}"
        return {
            "Azure-AsyncOperation": f"{base_url}{self.status_path}/{self.id}?{query}",
            "Location": f"{base_url}{self.result_path}/{self.id}?monitor=true&{query}",
            "Retry-After": str(self.retry_after_s),
        }


class Operations:
    """All operations, running and ended; at most one that writes runs on a resource at a time.

    Args:
        changed: told the operation when it begins and when it ends.
        plan: told each new operation first; may set its ``failure``, or have it hang.
        speed: factor on every duration; 0 ends an operation at once.
    """

    def __init__(
        self,
        changed: Callable[[Operation], None],
        *,
        plan: Callable[[Operation], None] = lambda _: None,
        speed: float = 1.0,
    ) -> None:
        self._changed = changed
        self._plan = plan
        self._speed = speed
        self._all: dict[str, Operation] = {}
        self._running: dict[str, Operation] = {}
        self._ends: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {}

    @property
    def speed(self) -> float:
        return self._speed

    def running_on(self, target: str) -> Operation | None:
        """The operation that holds this resource now."""
        return self._running.get(target.lower())

    def check_free(self, target: str, code: str) -> None:
        """Raise 409 with ``code`` if an operation holds the resource."""
        running = self.running_on(target)
        if running is not None:
            raise ArmError(
                409,
                code,
                f"The request failed due to conflict with a concurrent request: '{running.name}' "
                f"(operation {running.id}) is in progress on '{target}'.",
            )

    def begin(
        self,
        operation: Operation,
        done: Callable[[], None],
        *,
        failed: Callable[[], None] = lambda: None,
        holds: bool = True,
    ) -> Operation:
        """Start the clock of an operation.

        Args:
            operation: the new operation; its status decides nothing yet.
            done: its effect, applied when the time is up.
            failed: applied instead if the operation is to fail.
            holds: whether other writes on the target are refused meanwhile.
        """
        self._forget_old()
        self._all[operation.id] = operation
        self._plan(operation)
        self._ends[operation.id] = (done, failed)
        if holds:
            self._running[operation.target.lower()] = operation
        self._schedule(operation, progress=0.0)
        operation.retry_after_s = int(max(1.0, min(10.0, operation.nominal_s / 4)) * self._speed)
        self._changed(operation)
        return operation

    def set_speed(self, factor: float) -> None:
        """Change the pace, also of what is running: it keeps its progress and goes on at the new pace."""
        self._speed = factor
        for operation_id in list(self._ends):
            operation = self._all[operation_id]
            self._schedule(operation, progress=operation.progress)

    def get(self, operation_id: str) -> Operation:
        """The operation; raises 404 for one that never was or is too old."""
        found = self._all.get(operation_id)
        if found is None:
            raise ArmError(404, "NotFound", f"The operation '{operation_id}' was not found.")
        return found

    def clear(self) -> None:
        """Drop everything; nothing that was running takes effect."""
        for operation in self._all.values():
            if operation.timer is not None:
                operation.timer.cancel()
        self._all.clear()
        self._running.clear()
        self._ends.clear()

    def _schedule(self, operation: Operation, *, progress: float) -> None:
        if operation.timer is not None:
            operation.timer.cancel()
        operation.duration_s = operation.nominal_s * self._speed
        operation.begun = time.monotonic() - progress * operation.duration_s
        if operation.hangs:
            return
        left = (1 - progress) * operation.duration_s
        operation.timer = asyncio.get_running_loop().call_later(left, self._end, operation)

    def end(self, operation: Operation, failure: tuple[str, str] | None, bad_end: BadEnd = "Failed") -> None:
        """End a running operation now, well if there is no ``failure``; nothing happens if it has ended."""
        if operation.id not in self._ends:
            return
        if operation.timer is not None:
            operation.timer.cancel()
        operation.failure, operation.bad_end = failure, bad_end
        self._end(operation)

    def running(self) -> list[Operation]:
        """The operations that have not ended."""
        return [self._all[operation_id] for operation_id in self._ends]

    def _end(self, operation: Operation) -> None:
        operation.status = operation.bad_end if operation.failure else "Succeeded"
        operation.ended_at = datetime.now(UTC)
        if self._running.get(operation.target.lower()) is operation:
            del self._running[operation.target.lower()]
        done, failed = self._ends.pop(operation.id)
        (failed if operation.failure else done)()
        self._changed(operation)

    def _forget_old(self) -> None:
        now = datetime.now(UTC)
        for operation in list(self._all.values()):
            if operation.ended_at is None or (now - operation.ended_at).total_seconds() < KEEP_S:
                break
            del self._all[operation.id]
