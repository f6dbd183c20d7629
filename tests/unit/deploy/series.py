"""Prints every series that the code can tell Prometheus of. A process of its own, which has one provider."""

from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Histogram
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import REGISTRY, generate_latest

from workers.telemetry.instruments import DECLARED, Reading


def main() -> None:
    metrics.set_meter_provider(
        MeterProvider(metric_readers=[PrometheusMetricReader(scope_info_enabled=False)])
    )
    for one in DECLARED.values():
        labels = dict.fromkeys(one.labels, "any")
        if isinstance(one.instrument, Reading):
            one.instrument.set(1, **labels)
        elif isinstance(one.instrument, Histogram):
            one.instrument.record(1, labels)
        else:
            one.instrument.add(1, labels)
    print(generate_latest(REGISTRY).decode())  # noqa: T201 - that is its output


main()
