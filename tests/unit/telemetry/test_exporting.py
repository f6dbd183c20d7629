"""What the environment asks for and is not there is said at start, with the remedy."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.sandbox.processes import free_port
from workers.runtime.environment import MissingSettings
from workers.telemetry.exporting import export

ROOT = Path(__file__).parents[3]


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


def test_an_exporter_that_nobody_asks_for_is_not_imported() -> None:
    code = (
        "import sys, bot.wiring, workers.wiring\n"
        "from workers.telemetry.exporting import export\n"
        "export('bot', scraped=False)\n"
        "print([m for m in sys.modules if m.startswith(('opentelemetry.exporter', 'azure.monitor'))])"
    )
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=quiet, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_a_collector_that_is_away_holds_nothing_up() -> None:
    """Neither at the start nor at the end, where what was not sent is given up."""
    code = (
        "import atexit, time\n"
        "from workers.telemetry.exporting import export\n"
        "from workers.telemetry.spans import following\n"
        "begun = time.monotonic()\n"
        "atexit.register(lambda: print(time.monotonic() - begun))\n"
        "export('bot', scraped=False)\n"
        "with following('start', ''): pass"
    )
    away = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=away, capture_output=True, check=True)
    assert float(run.stdout.split()[-1]) < 20, "after the imports, which a busy machine may take long for"
