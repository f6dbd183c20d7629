"""What ``/readyz`` tells people, told to metrics as well."""

from collections.abc import Iterable

from workers.telemetry.health import Condition, Health
from workers.telemetry.instruments import DEPENDENCY, POLICY, READY, SWEEP_AGE, SWEEP_OVERDUE, Labels


def measure(health: Health) -> None:
    """Have exporters ask this registry from now on."""

    def dependencies() -> Iterable[tuple[float, Labels]]:
        for name, one in health.dependencies.items():
            yield float(one.state is Condition.OK), {"dependency": name}

    def ages() -> Iterable[tuple[float, Labels]]:
        now = health.now()
        for name, sweep in health.sweeps.items():
            since = sweep.last_success or sweep.expected_since
            yield (now - since).total_seconds(), {"sweep": name}

    def overdue() -> Iterable[tuple[float, Labels]]:
        now = health.now()
        for name, sweep in health.sweeps.items():
            yield float(sweep.overdue(now)), {"sweep": name}

    DEPENDENCY.ask(dependencies)
    SWEEP_AGE.ask(ages)
    SWEEP_OVERDUE.ask(overdue)
    POLICY.ask(lambda: [(1.0, {"sha256": health.policy_digest})] if health.policy_digest else [])
    READY.ask(lambda: [(float(health.is_ready), {})])
