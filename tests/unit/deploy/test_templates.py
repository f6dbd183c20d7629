"""Each Bicep file parses, and what it refers to is there."""

import json
from pathlib import Path

import pytest

from tests.unit.deploy.templates import AZURE, FILES, config, every_resource, parsed, variable, words
from workers.domain.policy.reading.file import load_policy
from workers.store.users.access import Who, access_string

MODULES = [
    (path, name, module) for path in FILES for name, module in (parsed(path).get("modules") or {}).items()
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_parses_and_every_parameter_and_variable_is_used(path: Path) -> None:
    found = parsed(path)
    declared = {*(found.get("parameters") or {}), *(found.get("variables") or {})}
    assert not declared - words(path)


@pytest.mark.parametrize(("path", "name", "module"), MODULES, ids=[name for _, name, _ in MODULES])
def test_a_module_is_given_what_it_takes(path: Path, name: str, module: dict[str, object]) -> None:
    target = (path.parent / str(module["detail"]["path"])).resolve()  # type: ignore[index]
    takes = parsed(target).get("parameters") or {}
    needs = {key for key, parameter in takes.items() if parameter.get("default") is None}
    given = set(config(module).get("params") or {})
    assert given <= set(takes), name
    assert needs <= given, name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_output_that_is_asked_for_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name, module in (parsed(path).get("modules") or {}).items():
        target = (path.parent / module["detail"]["path"]).resolve()
        outputs = set(parsed(target).get("outputs") or {})
        asked = {part.split(f"{name}.outputs.")[1] for part in _words_with_dots(text, f"{name}.outputs.")}
        assert asked <= outputs, (name, asked - outputs)


def _words_with_dots(text: str, begin: str) -> set[str]:
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")
    found = set()
    at = text.find(begin)
    while at >= 0:
        end = at
        while end < len(text) and text[end] in allowed:
            end += 1
        found.add(text[at:end])
        at = text.find(begin, end)
    return found


def test_every_module_is_used() -> None:
    used = {(path.parent / module["detail"]["path"]).resolve() for path, _, module in MODULES}
    entries = {AZURE / "main.bicep", AZURE / "management-group.bicep"}
    assert set(FILES) - used == entries


def test_every_parameter_of_the_entry_says_what_it_is() -> None:
    for name in ("main.bicep", "management-group.bicep"):
        for key, parameter in parsed(name)["parameters"].items():
            kinds = {decorator["type"] for decorator in parameter["decorators"]}
            assert "description" in kinds or key in {"location", "tags"}, key


def test_only_the_image_has_no_default() -> None:
    """An image can't be guessed; everything else has a sane one."""
    parameters = parsed("main.bicep")["parameters"]
    assert [key for key, one in parameters.items() if one.get("default") is None] == ["image"]


def test_a_secret_is_a_secure_parameter_wherever_it_passes() -> None:
    slack, pages = (
        {"slackBotToken", "slackAppToken", "slackSigningSecret"},
        {"pagerDutyRoutingKey", "pageWebhookSecret"},
    )
    wanted = {"main.bicep": slack | pages, "modules/secrets.bicep": slack, "modules/pages.bicep": pages}
    for name, expected in wanted.items():
        parameters = parsed(name)["parameters"].items()
        secure = {key for key, one in parameters if {"type": "secure"} in one["decorators"]}
        assert secure == expected, name


def test_the_policy_that_ships_is_valid_and_its_steps_are_those_of_the_role() -> None:
    policy = load_policy((AZURE / "policy.yaml").read_text(encoding="utf-8"))
    steps = parsed("main.bicep")["parameters"]["steps"]["default"]
    assert [str(step) for step in policy.lockdown.steps] == steps
    assert parsed("management-group.bicep")["parameters"]["steps"]["default"] == steps


def test_the_example_parameters_are_those_of_the_template() -> None:
    example = json.loads((AZURE / "main.parameters.json").read_text(encoding="utf-8"))
    assert set(example["parameters"]) <= set(parsed("main.bicep")["parameters"])
    assert "image" in example["parameters"]


CLOSED = {
    "Microsoft.Cache/redisEnterprise",
    "Microsoft.KeyVault/vaults",
    "Microsoft.ServiceBus/namespaces",
    "Microsoft.Storage/storageAccounts",
}


def test_no_key_opens_anything() -> None:
    """Entra ID alone: what takes keys has them turned off."""
    by_type = {one["type"]: one["properties"] for _, _, one in every_resource() if "properties" in one}
    accounts = [one for _, _, one in every_resource() if one["type"] == "Microsoft.Storage/storageAccounts"]
    vaults = [one for _, _, one in every_resource() if one["type"] == "Microsoft.KeyVault/vaults"]
    assert (len(accounts), len(vaults)) == (2, 2)
    assert all(one["properties"]["allowSharedKeyAccess"] is False for one in accounts)
    assert all(one["properties"]["enableRbacAuthorization"] is True for one in vaults)
    assert by_type["Microsoft.ServiceBus/namespaces"]["disableLocalAuth"] is True
    assert by_type["Microsoft.Cache/redisEnterprise/databases"]["accessKeysAuthentication"] == "Disabled"
    assert by_type["Microsoft.OperationalInsights/workspaces"]["features"]["disableLocalAuth"] is True
    assert set(by_type) >= CLOSED


def test_the_store_is_kept_on_disk_and_throws_nothing_away() -> None:
    by_type = {one["type"]: one["properties"] for _, _, one in every_resource() if "properties" in one}
    database = by_type["Microsoft.Cache/redisEnterprise/databases"]
    assert database["persistence"] == {"aofEnabled": True, "aofFrequency": "1s", "rdbEnabled": False}
    assert database["evictionPolicy"] == "NoEviction"
    assert database["clusteringPolicy"] == "OSSCluster"
    assert variable("modules/redis/rights.bicep", "botMay") == access_string(Who.BOT)
    assert variable("modules/redis/rights.bicep", "workersMay") == access_string(Who.WORKERS)
    outputs = parsed("modules/redis/redis.bicep")["outputs"]
    assert "rediss+cluster://" in str(outputs["url"])
