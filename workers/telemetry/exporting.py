"""Where metrics and traces go: ``/metrics`` for Prometheus, OTLP by the standard variables, Azure Monitor.

What OpenTelemetry's specification says of the environment holds here, too: ``OTEL_SDK_DISABLED``,
``OTEL_METRICS_EXPORTER`` and ``OTEL_TRACES_EXPORTER`` (``otlp``, ``none``, for metrics ``prometheus``),
``OTEL_EXPORTER_OTLP_…``, ``OTEL_TRACES_SAMPLER``, ``OTEL_SERVICE_NAME``, ``OTEL_RESOURCE_ATTRIBUTES``. One
default differs: without an endpoint nothing is sent, since nobody would listen on this machine.
Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/

Exporters are imported only where they are asked for.
"""

import importlib
import os
from importlib import metadata
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from workers.runtime.environment import MissingSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import SpanProcessor

_PROMETHEUS, _OTLP, _NONE = "prometheus", "otlp", "none"
_PACKAGES = {"http/protobuf": "http", "grpc": "grpc"}
"""Values of ``OTEL_EXPORTER_OTLP_PROTOCOL`` → the exporter's package. The one for gRPC is not installed with
Startgate: grpcio alone weighs more than all the rest."""


def export(process: str, *, scraped: bool, azure_monitor: SecretStr | None = None) -> None:
    """Set up what the environment asks for, once, before the event loop runs. At the end, the rest is sent.

    Args:
        process: ``workers`` or ``bot``; the service's name is ``startgate-`` and this, unless
            ``OTEL_SERVICE_NAME`` says another.
        scraped: whether this process serves ``/metrics``.
        azure_monitor: connection string of an Application Insights resource.

    Raises:
        MissingSettings: a variable asks for what is not there; the message says the remedy.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    measured = _wanted("METRICS", {_OTLP, _PROMETHEUS}, by_default=(_PROMETHEUS,) if scraped else ())
    traced = _wanted("TRACES", {_OTLP}, by_default=())
    if not measured and not traced and azure_monitor is None:
        return
    os.environ.setdefault("OTEL_SERVICE_NAME", f"startgate-{process}")
    readers, processors = _readers(measured), _processors(traced)
    if azure_monitor is not None:
        _to_azure_monitor(azure_monitor, readers, processors)
        return
    from opentelemetry import metrics, trace  # noqa: PLC0415 - see the module's docstring
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

    resource = Resource.create({"service.version": metadata.version("startgate")})
    if readers:
        metrics.set_meter_provider(MeterProvider(metric_readers=readers, resource=resource))
    if processors:
        provider = TracerProvider(resource=resource)  # its sampler is the one of OTEL_TRACES_SAMPLER
        for processor in processors:
            provider.add_span_processor(processor)
        trace.set_tracer_provider(provider)


def _wanted(signal: str, known: set[str], *, by_default: tuple[str, ...]) -> set[str]:
    """The exporters of a signal, by ``OTEL_…_EXPORTER``; without it, OTLP where an endpoint is set."""
    variable = f"OTEL_{signal}_EXPORTER"
    named = {name.strip() for name in os.environ.get(variable, "").split(",")} - {""}
    if not named:
        endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        return {*by_default, *((_OTLP,) if any(os.environ.get(name) for name in endpoints) else ())}
    if wrong := named - known - {_NONE}:
        listed = ", ".join(sorted({*known, _NONE}))
        raise MissingSettings([f"  {variable} is wrong: {', '.join(sorted(wrong))} is none of {listed}"])
    return set() if _NONE in named else named


def _readers(wanted: set[str]) -> "list[MetricReader]":
    found: list[MetricReader] = []
    if _PROMETHEUS in wanted:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415

        found.append(PrometheusMetricReader(scope_info_enabled=False))
    if _OTLP in wanted:
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415

        found.append(PeriodicExportingMetricReader(_otlp("METRICS").OTLPMetricExporter()))
    return found


def _processors(wanted: set[str]) -> "list[SpanProcessor]":
    if not wanted:
        return []
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    return [BatchSpanProcessor(_otlp("TRACES").OTLPSpanExporter())]


def _otlp(signal: str) -> Any:
    """The module with the exporter of this signal, for the protocol that is set."""
    variables = (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    named = next((name for name in variables if os.environ.get(name)), variables[-1])
    protocol = os.environ.get(named, "").strip() or "http/protobuf"
    package = _PACKAGES.get(protocol)
    if package is None:
        listed = ", ".join(sorted(_PACKAGES))
        raise MissingSettings([f"  {named} is wrong: {protocol} is none of {listed}"])
    module = "trace_exporter" if signal == "TRACES" else "metric_exporter"
    return _imported(
        f"opentelemetry.exporter.otlp.proto.{package}.{module}",
        f"{named}={protocol}",
        f"opentelemetry-exporter-otlp-proto-{package}",
    )


def _to_azure_monitor(
    connection: SecretStr, readers: "list[MetricReader]", processors: "list[SpanProcessor]"
) -> None:
    """By the distribution that Microsoft keeps, with what we export already beside it.

    Without what it adds by itself: our spans and logs name what its instrumentations would name again, and
    the SDKs' own spans would quote the addresses of long-running operations, which carry signatures.
    Source: https://learn.microsoft.com/python/api/azure-monitor-opentelemetry
    """
    distribution = _imported(
        "azure.monitor.opentelemetry", "STARTGATE_AZURE_MONITOR_CONNECTION", "startgate[azure-monitor]"
    )
    os.environ.setdefault("OTEL_LOGS_EXPORTER", _NONE)  # logs go to standard error, and from there to Azure
    distribution.configure_azure_monitor(
        connection_string=connection.get_secret_value(),
        metric_readers=readers,
        span_processors=processors,
        instrumentation_options={name: {"enabled": False} for name in _INSTRUMENTATIONS},
        enable_live_metrics=False,
        enable_performance_counters=False,
    )


_INSTRUMENTATIONS = (
    *("azure_sdk", "django", "fastapi", "flask", "httpx", "httpx2", "psycopg2"),
    *("requests", "urllib", "urllib3"),
)
"""Those that the distribution turns on where it finds their library."""


def _imported(module: str, setting: str, package: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        remedy = f"needs a package that is not installed ({error.name}): pip install '{package}'"
        raise MissingSettings([f"  {setting} {remedy}"]) from None
