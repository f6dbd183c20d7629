"""What the environment asks for and is not there is said at start, with the remedy."""

import pytest
from pydantic import SecretStr

from workers.runtime.environment import MissingSettings
from workers.telemetry.exporting import export


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"OTEL_METRICS_EXPORTER": "statsd"},
            "OTEL_METRICS_EXPORTER is wrong: statsd is none of none, otlp, pr",
        ),
        (
            {"OTEL_TRACES_EXPORTER": "otlp,zipkin"},
            "OTEL_TRACES_EXPORTER is wrong: zipkin is none of none, otlp",
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
            "OTEL_EXPORTER_OTLP_PROTOCOL is wrong: http/json is none of grpc, http/protobuf",
        ),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"},
            "pip install 'opentelemetry-exporter-otlp-proto-grpc'",
        ),
    ],
)
def test_a_wrong_variable_is_named_with_what_it_may_be(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(MissingSettings) as missing:
        export("workers", scraped=True)
    assert said in "\n".join(missing.value.lines)


def test_azure_monitor_without_its_package_says_how_to_install_it() -> None:
    with pytest.raises(MissingSettings) as missing:
        export("bot", scraped=False, azure_monitor=SecretStr("InstrumentationKey=00000000-0000-0000"))
    (line,) = missing.value.lines
    assert "STARTGATE_AZURE_MONITOR_CONNECTION needs a package that is not installed" in line
    assert "pip install 'startgate[azure-monitor]'" in line
    assert "InstrumentationKey" not in line
