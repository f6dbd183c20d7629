"""Records in the audit which process ran, when, and with which settings."""

import asyncio
import contextlib
import hashlib
import platform
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import structlog
from pydantic import SecretStr

from workers.domain.audit import AuditRecord
from workers.domain.errors import DependencyAway
from workers.domain.ids import partition_of_vm
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Store
from workers.runtime.environment import CommonSettings
from workers.runtime.lifecycle import leave_if_cancelled

log = structlog.get_logger(__name__)

_AGAIN_S = 5.0
_GOODBYE_S = 3.0


@contextlib.asynccontextmanager
async def noted(store: Store, clock: Clock, process: str, settings: CommonSettings) -> AsyncIterator[None]:
    """While inside, the audit says that this process runs.

    ``process.started`` is written in the background, and tried again until Redis takes it, so that the
    process does not wait for it. ``process.stopped`` follows at an orderly end, ``process.failed`` with the
    kinds of the errors at any other; without Redis, that one is only logged.

    Args:
        store: takes the records, all of one process and host in one partition.
        clock: tells their times.
        process: ``workers`` or ``bot``.
        settings: recorded without secrets; for a secret, only whether it is set.
    """
    host = socket.gethostname()
    about = {"process": process, "host": host}
    started = _Noting(store, partition_of_vm(f"{process}@{host}"))
    record = AuditRecord(kind="process.started", at=clock.now(), details={**about, **described(settings)})
    writing = asyncio.create_task(started.until_written(record))
    kind, errors = "process.stopped", ""
    try:
        yield
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        kind, errors = "process.failed", ", ".join(sorted(_names(error)))
        raise
    finally:
        writing.cancel()
        details = {**about, "errors": errors} if errors else about
        await started.once(AuditRecord(kind=kind, at=clock.now(), details=details))


def noting_renewal(store: Store, clock: Clock, process: str) -> Callable[[str], Awaitable[None]]:
    """Puts on record that a secret was replaced while the process ran, by the name of its setting."""
    host = socket.gethostname()

    async def note(setting: str) -> None:
        details = {"process": process, "host": host, "setting": setting}
        noting = _Noting(store, partition_of_vm(f"{process}@{host}"))
        await noting.once(AuditRecord(kind="secret.renewed", at=clock.now(), details=details))

    return note


def described(settings: CommonSettings) -> dict[str, Any]:
    """The settings, the policy's digest and the versions: JSON-ready, without secrets."""
    return {
        "settings": {name: _shown(getattr(settings, name)) for name in type(settings).model_fields},
        "policy_sha256": _digest(settings.policy),
        "startgate": metadata.version("startgate"),
        "python": platform.python_version(),
    }


def _shown(value: object) -> object:
    if isinstance(value, SecretStr):
        return "set" if value.get_secret_value() else "not set"
    if value is None:
        return "not set"
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"can't be read: {type(error).__name__}"


def _names(error: BaseException) -> set[str]:
    if isinstance(error, BaseExceptionGroup):
        return {name for inner in error.exceptions for name in _names(inner)}
    return {type(error).__name__}


class _Noting:
    def __init__(self, store: Store, partition: int) -> None:
        self._store = store
        self._partition = partition

    async def until_written(self, record: AuditRecord) -> None:
        while True:
            try:
                await self._write(record)
            except DependencyAway as away:
                log.warning(
                    "not noted yet; trying again", kind=record.kind, error=str(away), again_in_s=_AGAIN_S
                )
                leave_if_cancelled()
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    async def once(self, record: AuditRecord) -> None:
        try:
            async with asyncio.timeout(_GOODBYE_S):
                await self._write(record)
        except (DependencyAway, TimeoutError) as error:
            log.warning("not noted", kind=record.kind, error=str(error))

    async def _write(self, record: AuditRecord) -> None:
        await self._store.commit(Commit(partition=self._partition, audit=(record,)))
