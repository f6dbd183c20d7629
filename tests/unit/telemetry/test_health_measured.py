"""What health says, metrics say, too."""

from tests.doubles import FakeClock
from tests.unit.telemetry.conftest import Measured
from workers.telemetry.health import Health
from workers.telemetry.instruments import DEPENDENCY, READY, SWEEP_AGE, SWEEP_OVERDUE
from workers.telemetry.measured_health import measure


def test_dependencies_readiness_and_sweeps_are_told(measured: Measured) -> None:
    health = Health("redis", "azure")
    measure(health)
    try:
        health.ok("redis")
        health.away("azure", "no answer")
        health.expect_sweep("resync", 30)
        assert measured("startgate.dependency.up") == {
            (("dependency", "redis"),): 1,
            (("dependency", "azure"),): 0,
        }
        assert measured("startgate.ready") == {(): 0}
        assert measured("startgate.sweep.overdue") == {(("sweep", "resync"),): 0}
        assert 0 <= measured("startgate.sweep.age")[(("sweep", "resync"),)] < 5
        health.ready()
        health.ok("azure")
        assert measured("startgate.ready") == {(): 1}
    finally:
        for reading in (DEPENDENCY, READY, SWEEP_AGE, SWEEP_OVERDUE):
            reading.ask(list)


def test_a_sweep_that_did_not_run_for_three_periods_is_overdue(measured: Measured) -> None:
    clock = FakeClock()
    health = Health(now=clock.now)
    health.expect_sweep("inventory", 300)
    clock.advance(901)
    measure(health)
    try:
        assert measured("startgate.sweep.overdue") == {(("sweep", "inventory"),): 1}
    finally:
        for reading in (DEPENDENCY, READY, SWEEP_AGE, SWEEP_OVERDUE):
            reading.ask(list)
