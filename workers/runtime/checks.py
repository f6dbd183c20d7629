"""Checks that a ``doctor`` makes: side by side, each with a time limit, one row each with its remedy."""

import asyncio
import contextlib
import io
import shutil
import textwrap
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeVar

from pydantic_settings import BaseSettings

from workers.runtime.environment import MissingSettings, read_environment
from workers.runtime.secrets import redacted
from workers.runtime.terminal import safe_json, safe_line

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
    """It can't be found out from here, or is worth a look; says what to do. A warning, and not wrong."""


class State(StrEnum):
    """How it stands with what was looked at."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Found(NamedTuple):
    """What a check found. No text holds a secret, a control character or a line break.

    Attributes:
        remedy: what to do; empty if there is nothing to do, or ``what`` says it.
    """

    name: str
    state: State
    what: str
    remedy: str = ""


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


async def findings(checks: Sequence[Check], *, timeout_s: float = CHECK_TIMEOUT_S) -> list[Found]:
    """Make all checks at once; what each found, in their order.

    Args:
        checks: what to look at.
        timeout_s: seconds for each check.
    """
    return list(await asyncio.gather(*(_find(check, timeout_s) for check in checks)))


def wrong(found: Sequence[Found]) -> bool:
    """Whether anything fails."""
    return any(one.state is State.FAIL for one in found)


def report(found: Sequence[Found], tell: Callable[[str], object], *, as_json: bool) -> int:
    """Print a table, or JSON; the exit code: 1 if anything fails."""
    if as_json:
        rows = [
            {"name": one.name, "state": one.state.value, "what": one.what, "remedy": one.remedy}
            for one in found
        ]
        tell(safe_json({"ok": not wrong(found), "checks": rows}, indent=2))
        return int(wrong(found))
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        for row in _rows(one, width):
            tell(row)
    counts = {state: sum(one.state is state for one in found) for state in State}
    tell(", ".join(f"{count} {state}" for state, count in counts.items()))
    return int(wrong(found))


def _rows(found: Found, width: int) -> list[str]:
    """Its state, its name and what was found, wrapped to the terminal; then the remedy."""
    indent = " " * (_STATE_WIDTH + width + 2)
    room = max(_NARROWEST, shutil.get_terminal_size((_USUAL_WIDTH, 24)).columns - len(indent))
    texts = [
        *textwrap.wrap(found.what, room),
        *textwrap.wrap(f"→ {found.remedy}" if found.remedy else "", room),
    ]
    first = f"{found.state:<{_STATE_WIDTH}}{found.name:<{width}}  {texts[0] if texts else ''}"
    return [first.rstrip(), *(indent + text for text in texts[1:])]


_STATE_WIDTH, _NARROWEST, _USUAL_WIDTH = 6, 40, 110


def settings_of(kind: type[S]) -> tuple[S | None, list[Found]]:
    """The settings of a process, or ``None`` with a finding for each that is missing or wrong."""
    try:
        # It prints its lines for a process that can't start; here they are findings among others.
        with contextlib.redirect_stderr(io.StringIO()):
            settings = read_environment(kind)
    except MissingSettings as missing:
        return None, [finding("settings", State.FAIL, each.strip()) for each in missing.lines]
    return settings, [finding("settings", State.OK, "complete")]


def finding(name: str, state: State, what: str, remedy: str = "") -> Found:
    """What was found, without secrets and control characters."""
    return Found(name, state, safe_line(redacted(what)), safe_line(redacted(remedy)))


async def _find(check: Check, timeout_s: float) -> Found:
    try:
        async with asyncio.timeout(timeout_s):
            return finding(check.name, State.OK, await check.look())
    except CannotTell as unclear:
        return finding(check.name, State.WARN, str(unclear))
    except Failed as failed:
        return finding(check.name, State.FAIL, str(failed), failed.remedy or check.remedy)
    except TimeoutError:
        return finding(check.name, State.FAIL, f"no answer within {timeout_s:g} s", check.remedy)
    except Exception as error:
        what = str(error) or type(error).__name__
        return finding(check.name, State.FAIL, f"{type(error).__name__}: {what}", check.remedy)
