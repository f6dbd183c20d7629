"""Checks that a ``doctor`` makes: side by side, each with a time limit, one line each with its remedy."""

import asyncio
import contextlib
import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic_settings import BaseSettings

from workers.runtime.environment import MissingSettings, read_environment
from workers.runtime.secrets import redacted
from workers.runtime.terminal import safe_line

CHECK_TIMEOUT_S = 15.0

S = TypeVar("S", bound=BaseSettings)


class Failed(Exception):
    """It is not as it should be.

    Attributes:
        remedy: what to do; empty takes the check's own.
    """

    def __init__(self, what: str, *, remedy: str = "") -> None:
        super().__init__(what)
        self.remedy = remedy


class CannotTell(Exception):
    """It can't be found out from here; says how else. Counts neither as fine nor as wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing to look at.

    Attributes:
        name: what, such as ``Redis persistence``.
        look: answers what was found; raises ``Failed``, ``CannotTell``, or anything, which is a failure.
        remedy: what to do when it fails without a remedy of its own.
    """

    name: str
    look: Callable[[], Awaitable[str]]
    remedy: str


async def make(
    checks: Sequence[Check], tell: Callable[[str], object], *, timeout_s: float = CHECK_TIMEOUT_S
) -> bool:
    """Make all checks at once and tell a line for each, in their order.

    ✓ fine, ✗ wrong, ? can't be told from here. No line holds a secret or a control character.

    Args:
        checks: what to look at.
        tell: prints a line.
        timeout_s: seconds for each check.

    Returns:
        Whether nothing is wrong.
    """
    tasks = [asyncio.create_task(_line(check, timeout_s)) for check in checks]
    fine = True
    try:
        for task in tasks:
            good, line = await task
            fine = fine and good
            tell(line)
    finally:
        for task in tasks:
            task.cancel()
    return fine


def settings_of(kind: type[S], tell: Callable[[str], object]) -> S | None:
    """The settings of a process; ``None`` once every line about what is missing or wrong has been told."""
    try:
        # It prints its lines for a process that can't start; here they are findings among others.
        with contextlib.redirect_stderr(io.StringIO()):
            settings = read_environment(kind)
    except MissingSettings as missing:
        for each in missing.lines:
            tell(line("✗", "settings", each.strip()))
        return None
    tell(line("✓", "settings", "complete"))
    return settings


def line(mark: str, name: str, what: str, remedy: str = "") -> str:
    """One line of a doctor's report, without secrets and control characters."""
    return safe_line(redacted(f"{mark} {name}: {what}" + (f" → {remedy}" if remedy else "")))


async def _line(check: Check, timeout_s: float) -> tuple[bool, str]:
    try:
        async with asyncio.timeout(timeout_s):
            return True, line("✓", check.name, await check.look())
    except CannotTell as unclear:
        return True, line("?", check.name, str(unclear))
    except Failed as failed:
        return False, line("✗", check.name, str(failed), failed.remedy or check.remedy)
    except TimeoutError:
        return False, line("✗", check.name, f"no answer within {timeout_s:g} s", check.remedy)
    except Exception as error:
        what = str(error) or type(error).__name__
        return False, line("✗", check.name, f"{type(error).__name__}: {what}", check.remedy)
