"""How this process and what it depends on are doing: adapters report, probes ask."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from workers.runtime.lifecycle import leave_if_cancelled
from workers.runtime.secrets import redacted

_LONGEST_REASON = 300
_OVERDUE_AFTER_PERIODS = 3
"""One run may fail and be made good by the next, and a run takes its own time."""


class Phase(StrEnum):
    """Where the process is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


class Condition(StrEnum):
    """How a dependency is doing. ``UNKNOWN`` until the first report."""

    UNKNOWN = "unknown"
    OK = "ok"
    AWAY = "away"
    THROTTLED = "throttled"


@dataclass(frozen=True, kw_only=True, slots=True)
class Dependency:
    """One dependency.

    Attributes:
        state: the last report.
        since: when the state became this; aware, UTC.
        last_error: the newest reason, kept after recovery; without secrets.
        last_error_at: when that was.
    """

    state: Condition
    since: datetime
    last_error: str = ""
    last_error_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepState:
    """How periodic work is doing.

    Attributes:
        period_s: seconds between two runs.
        expected_since: when it was first to run; aware, UTC.
        last_success: when it last ran to its end.
        last_error: the newest reason, kept after recovery; without secrets.
        last_error_at: when that was.
    """

    period_s: float
    expected_since: datetime
    last_success: datetime | None = None
    last_error: str = ""
    last_error_at: datetime | None = None

    def overdue(self, now: datetime) -> bool:
        """Whether it has not succeeded for so long that somebody should look: it failed, or hangs."""
        since = self.last_success or self.expected_since
        return now - since > timedelta(seconds=_OVERDUE_AFTER_PERIODS * self.period_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """Something that only people can mend, such as a channel that the bot was removed from.

    Attributes:
        reason: what it is; without secrets.
        since: when it was first met; aware, UTC.
    """

    reason: str
    since: datetime


class Health:
    """The registry. Reports cost a dictionary write, so every call may make one.

    Args:
        dependencies: ``redis``, ``servicebus``, ``slack``, ``azure``: those whose answer readiness waits for.
            Reports about others are shown too and count the same.
        now: the clock; aware, UTC.
    """

    def __init__(self, *dependencies: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now = now
        begun = now()
        self.phase = Phase.STARTING
        self._dependencies = {name: Dependency(state=Condition.UNKNOWN, since=begun) for name in dependencies}
        self._sweeps: dict[str, SweepState] = {}
        self._troubles: dict[str, Trouble] = {}
        self._policy: tuple[str, datetime] | None = None

    def ready(self) -> None:
        """Everything is open: work is taken from now on."""
        self.phase = Phase.RUNNING

    def stopping(self) -> None:
        """Nothing new is taken; the load balancer should look elsewhere."""
        self.phase = Phase.STOPPING

    def ok(self, name: str) -> None:
        """The dependency answered."""
        known = self._dependencies.get(name)
        if known is None or known.state is not Condition.OK:
            self._set(name, Condition.OK, known.last_error if known else "", None)

    def away(self, name: str, reason: str, *, retry_after_s: float | None = None) -> None:
        """It did not answer; with ``retry_after_s``, in seconds, it answered that we ask too often.

        Fits ``DependencyAway``: ``away(e.service, str(e), retry_after_s=e.retry_after_s)``.
        """
        state = Condition.AWAY if retry_after_s is None else Condition.THROTTLED
        self._set(name, state, redacted(reason)[:_LONGEST_REASON], self.now())

    def answers(self, name: str) -> bool:
        """Whether the last report of this dependency was that it answered."""
        known = self._dependencies.get(name)
        return known is not None and known.state is Condition.OK

    def expect_sweep(self, name: str, period_s: float) -> None:
        """This periodic work is to run from now on, every ``period_s`` seconds.

        It is shown, and readiness does not wait for it: what is late is made good, and the process can work.
        """
        self._sweeps[name] = SweepState(period_s=period_s, expected_since=self.now())

    def sweep_succeeded(self, name: str) -> None:
        """It ran to its end."""
        self._sweeps[name] = replace(self._sweeps[name], last_success=self.now())

    def sweep_failed(self, name: str, reason: str) -> None:
        """It failed, and will run again."""
        self._sweeps[name] = replace(
            self._sweeps[name], last_error=redacted(reason)[:_LONGEST_REASON], last_error_at=self.now()
        )

    def trouble(self, name: str, reason: str) -> None:
        """Show this until ``trouble_over``. Readiness does not wait for it: the process can do the rest."""
        known = self._troubles.get(name)
        self._troubles[name] = Trouble(
            reason=redacted(reason)[:_LONGEST_REASON], since=known.since if known else self.now()
        )

    def trouble_over(self, name: str) -> None:
        """It is mended; nothing happens if there was none."""
        self._troubles.pop(name, None)

    def policy(self, digest: str) -> None:
        """The policy of this digest is in force from now on."""
        if self._policy is None or self._policy[0] != digest:
            self._policy = (digest, self.now())

    @property
    def policy_digest(self) -> str:
        """The digest of the policy in force; empty before it is known."""
        return self._policy[0] if self._policy is not None else ""

    def _set(self, name: str, state: Condition, error: str, error_at: datetime | None) -> None:
        known = self._dependencies.get(name)
        self._dependencies[name] = Dependency(
            state=state,
            since=known.since if known and known.state is state else self.now(),
            last_error=error,
            last_error_at=error_at or (known.last_error_at if known else None),
        )

    @property
    def dependencies(self) -> Mapping[str, Dependency]:
        """What this process needs, by name."""
        return self._dependencies

    @property
    def sweeps(self) -> Mapping[str, SweepState]:
        """Its periodic work, by name."""
        return self._sweeps

    @property
    def is_ready(self) -> bool:
        """Running, and every dependency answers."""
        return self.phase is Phase.RUNNING and all(
            dependency.state is Condition.OK for dependency in self._dependencies.values()
        )

    def as_json(self) -> dict[str, Any]:
        """What ``/readyz`` answers; times are ISO 8601 in UTC."""
        return {
            "ready": self.is_ready,
            "phase": str(self.phase),
            "dependencies": {
                name: {
                    "state": str(dependency.state),
                    "since": _iso(dependency.since),
                    "last_error": dependency.last_error or None,
                    "last_error_at": _iso(dependency.last_error_at),
                }
                for name, dependency in self._dependencies.items()
            },
            "sweeps": {
                name: {
                    "period_s": sweep.period_s,
                    "last_success": _iso(sweep.last_success),
                    "last_error": sweep.last_error or None,
                    "last_error_at": _iso(sweep.last_error_at),
                    "overdue": sweep.overdue(self.now()),
                }
                for name, sweep in self._sweeps.items()
            },
            "policy": {"digest": self._policy[0], "since": _iso(self._policy[1])} if self._policy else None,
            "troubles": {
                name: {"reason": trouble.reason, "since": _iso(trouble.since)}
                for name, trouble in self._troubles.items()
            },
        }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds") if at else None


async def watch(health: Health, name: str, probe: Callable[[], Awaitable[object]], *, every_s: float) -> None:
    """Ask a dependency every so many seconds, for ever, and report.

    Adapters report what they meet in passing; this is for the quiet hours, in which nobody would notice that
    it went away or is back. A probe that takes longer than ``every_s`` counts as no answer.
    """
    while True:
        try:
            async with asyncio.timeout(every_s):
                await probe()
        except Exception as error:
            reason = str(error) or f"no answer within {every_s:g} s ({type(error).__name__})"
            health.away(name, reason, retry_after_s=getattr(error, "retry_after_s", None))
        else:
            health.ok(name)
        leave_if_cancelled()
        await asyncio.sleep(every_s)
