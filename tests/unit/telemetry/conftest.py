"""What this process measures, read from OpenTelemetry's own reader in memory."""

from collections.abc import Callable, Mapping

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader

Points = dict[tuple[tuple[str, str], ...], float]
Measured = Callable[[str], Points]


@pytest.fixture(scope="session")
def _reader() -> InMemoryMetricReader:
    """A process has one provider for good."""
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider(metric_readers=[reader], shutdown_on_exit=False))
    return reader


@pytest.fixture
def measured(_reader: InMemoryMetricReader) -> Measured:
    """Name of an instrument → what came since the test began: labels → count or sum of seconds."""

    def read(name: str) -> Points:
        data = _reader.get_metrics_data()
        points: Points = {}
        for scope in (s for r in (data.resource_metrics if data else ()) for s in r.scope_metrics):
            for metric in (m for m in scope.metrics if m.name == name):
                for point in metric.data.data_points:
                    value = point.sum if isinstance(point, HistogramDataPoint) else point.value
                    points[_key(point.attributes or {})] = value
        return points

    before = {name: read(name) for name in _names(_reader)}

    def since(name: str) -> Points:
        was = before.get(name, {})
        return {
            key: round(value - was.get(key, 0), 6)
            for key, value in read(name).items()
            if value != was.get(key)
        }

    return since


def _key(attributes: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, str(value)) for name, value in attributes.items()))


def _names(reader: InMemoryMetricReader) -> set[str]:
    data = reader.get_metrics_data()
    resources = data.resource_metrics if data else ()
    return {metric.name for r in resources for scope in r.scope_metrics for metric in scope.metrics}
