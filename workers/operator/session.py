"""What the commands share: connections made from the environment, exit codes, and who is at the keyboard."""

import asyncio
import contextlib
import getpass
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any, NamedTuple, NoReturn

import typer

from workers.domain.errors import StartgateError
from workers.domain.ports.clock import SystemClock
from workers.runtime.environment import read_environment
from workers.runtime.secrets import redacted
from workers.settings import WorkersSettings
from workers.store.audit.log import AuditLog
from workers.store.connection import connect
from workers.store.inventory import RedisInventory
from workers.store.redis_store import RedisStore

FINE, BROKEN, UNREACHABLE = 0, 1, 2
"""Exit codes: all is well; something is wrong, and said; it could not be found out."""


class Session(NamedTuple):
    """Connections of one command."""

    settings: WorkersSettings
    store: RedisStore
    audit: AuditLog
    inventory: RedisInventory
    clock: SystemClock


@contextlib.asynccontextmanager
async def session() -> AsyncIterator[Session]:
    """Redis by the environment's settings, closed at the end. Connects at first use."""
    settings = read_environment(WorkersSettings)
    try:
        client = connect(settings.redis_url, settings.redis_sign_in)
    except ValueError as error:
        fail(UNREACHABLE, str(error))
    async with client:
        yield Session(settings, RedisStore(client), AuditLog(client), RedisInventory(client), SystemClock())


def run(work: Coroutine[Any, Any, int]) -> NoReturn:
    """Run a command to its exit code; what is away or not found ends with 2 and one line."""
    try:
        code = asyncio.run(work)
    except StartgateError as error:
        fail(UNREACHABLE, error.diagnostics())
    raise typer.Exit(code)


def fail(code: int, message: str) -> NoReturn:
    """Say it on standard error, without secrets, and exit."""
    typer.echo(redacted(message), err=True)
    raise typer.Exit(code)


def operator() -> str:
    """Who types: the account and the host, for the audit. Nothing proves it."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"
    return f"operator {name}@{socket.gethostname()}"
