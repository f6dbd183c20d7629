"""The containers: settings, identities, probes and scaling fit the code."""

from typing import Any

import pytest

from bot.settings import BotSettings
from tests.unit.deploy.templates import AZURE, entries, parsed, resource, resources, variable
from workers.bus.connection import STARTS, WORK
from workers.runtime.cloud import Cloud
from workers.runtime.environment import PREFIX, CommonSettings
from workers.settings import WorkersSettings

APPS: dict[str, type[CommonSettings]] = {"workers": WorkersSettings, "bot": BotSettings}
NOT_OURS = {"AZURE_CLIENT_ID"}
"""azure-identity's own; credential.py reads it."""


def app(who: str) -> Any:
    return resource(f"modules/{who}.bicep", "app")["properties"]


def container(who: str) -> Any:
    (only,) = app(who)["template"]["containers"]
    return only


def environment(who: str) -> dict[str, Any]:
    """Name → its entry; a name that depends on a parameter is there with both values."""
    named = {}
    for entry in entries(f"modules/{who}.bicep", container(who)["env"]):
        if isinstance(entry["name"], str):
            named[entry["name"]] = entry
        else:
            branches = entry["name"]["operator"]["operands"]
            named |= {branches["true_value"]: entry, branches["false_value"]: entry}
    return named


def secrets_of(who: str) -> list[Any]:
    return entries(f"modules/{who}.bicep", app(who)["configuration"]["secrets"])


@pytest.mark.parametrize("who", APPS)
def test_every_variable_is_a_setting_of_that_process(who: str) -> None:
    ours = {f"{PREFIX}{name}".upper() for name in APPS[who].model_fields}
    assert set(environment(who)) - NOT_OURS <= ours


LEFT_AS_THEY_ARE = {
    "servicebus_connection": "in Azure by managed identity: there is no key",
    "servicebus_quiet_s": "less than what Service Bus itself ends a link after, everywhere",
    "arm_endpoint": "by the cloud",
    "arm_scope": "by the cloud",
    "arm_token": "on loopback only",
    "facts_budget_s": "measured",
    "inventory_every_s": "measured; deploy/README.md says when to raise it",
    "resync_every_s": "measured",
    "standing_every_s": "measured",
    "dead_letters_every_s": "measured",
    "missed_starts_every_s": "as often as the Activity Log is worth reading",
    "missed_starts_after_s": "as late as Event Grid usually is",
    "event_sources_every_s": "subscriptions come and go by the day",
    "azure_monitor_connection": "Log Analytics has the logs; traces are whoever wants them's to turn on",
    **dict.fromkeys(
        ("slack_bot_token_file", "slack_app_token_file", "slack_signing_secret_file"),
        "Key Vault's references put the secrets into the environment, and a new one restarts the bot",
    ),
    "slack_api_url": "another one only for GovSlack",
    "archive_key": "on loopback only",
    "archive_every_s": "an hour of the audit is what may be lost; less makes more blobs",
    "pages_every_s": "on-call is called within seconds, and reading the audit costs next to nothing",
    "receivers": "measured",
    "concurrency": "measured",
}
"""Settings that the deployment does not give: why the code's default is right in Azure."""


def test_the_deployment_gives_every_setting_or_says_why_it_does_not() -> None:
    fields = {name for kind in APPS.values() for name in kind.model_fields}
    given = {name.removeprefix(PREFIX).lower() for who in APPS for name in environment(who)}
    unknown = sorted(fields - given - set(LEFT_AS_THEY_ARE))
    assert not unknown, f"give these in modules/workers.bicep or bot.bicep, or say why not: {unknown}"
    stale = sorted(set(LEFT_AS_THEY_ARE) - (fields - given))
    assert not stale, f"these are given, or are no settings any more: {stale}"


@pytest.mark.parametrize("who", APPS)
def test_the_settings_that_are_given_are_enough_to_start(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "STARTGATE_CLOUD": "public",
        "STARTGATE_SERVICEBUS_NAMESPACE": "sb.servicebus.windows.net",
        "STARTGATE_REDIS_URL": "rediss+cluster://redis.westeurope.redis.azure.net:10000",
        "STARTGATE_SLACK_BOT_TOKEN": "xoxb-1",
        "STARTGATE_SLACK_APP_TOKEN": "xapp-1",
        "STARTGATE_SLACK_SIGNING_SECRET": "s",
        "STARTGATE_HEALTH_PORT": str(variable(f"modules/{who}.bicep", "port")),
        "STARTGATE_HTTP_PORT": "3000",
        "STARTGATE_CANARY_EVERY_S": "3600",
        "STARTGATE_RETENTION_DAYS": "90",
        "STARTGATE_ARCHIVE_URL": "",
        "STARTGATE_API_VERSIONS": "",
        "STARTGATE_PAGERDUTY_ROUTING_KEY": "R0",
        "STARTGATE_PAGERDUTY_URL": "https://events.pagerduty.com",
        "STARTGATE_PAGE_WEBHOOK_URL": "https://pages.example.com/startgate",
        "STARTGATE_PAGE_WEBHOOK_SECRET": "s" * 32,
    }
    for name, entry in environment(who).items():
        literal = entry.get("value")
        given = values.get(name, literal if isinstance(literal, str) else None)
        assert given is not None, name
        monkeypatch.setenv(name, given)
    settings = APPS[who]()
    assert settings.health_port == variable(f"modules/{who}.bicep", "port")
    assert settings.log == "json"


@pytest.mark.parametrize("who", APPS)
def test_redis_is_signed_in_to_by_entra_id(who: str) -> None:
    assert environment(who)["STARTGATE_REDIS_AUTH"]["value"] == "entra"


def test_every_cloud_of_the_code_is_one_of_azures() -> None:
    assert variable("main.bicep", "clouds") == {
        "AzureCloud": Cloud.PUBLIC,
        "AzureUSGovernment": Cloud.USGOV,
        "AzureChinaCloud": Cloud.CHINA,
    }


@pytest.mark.parametrize("who", APPS)
def test_probes_ask_what_the_process_serves(who: str) -> None:
    served = (AZURE.parents[1] / "workers/telemetry/health_server.py").read_text(encoding="utf-8")
    probes = {probe["type"]: probe for probe in container(who)["probes"]}
    assert set(probes) == {"Startup", "Liveness", "Readiness"}
    assert probes["Liveness"]["httpGet"]["path"] == probes["Startup"]["httpGet"]["path"] == "/healthz"
    assert probes["Readiness"]["httpGet"]["path"] == "/readyz"
    for probe in probes.values():
        assert f'"{probe["httpGet"]["path"]}"' in served
        assert probe["httpGet"]["port"] == "port"  # the variable that STARTGATE_HEALTH_PORT is set from
    # Loopback, the default, is not reached by a probe.
    assert environment(who)["STARTGATE_HEALTH_HOST"]["value"] == "0.0.0.0"  # noqa: S104 - the address that is tested


@pytest.mark.parametrize(
    ("who", "command"), [("workers", ["startgate", "workers"]), ("bot", ["startgate-bot", "run"])]
)
def test_each_container_runs_its_role(who: str, command: list[str]) -> None:
    assert [*container(who)["command"], *container(who)["args"]] == command


@pytest.mark.parametrize("who", APPS)
def test_the_policy_is_mounted_where_the_process_looks(who: str) -> None:
    (volume,) = app(who)["template"]["volumes"]
    (file,) = volume["secrets"]
    (mount,) = container(who)["volumeMounts"]
    assert volume["storageType"] == "Secret"
    assert mount["volumeName"] == volume["name"]
    assert file["secretRef"] in {secret["name"] for secret in secrets_of(who)}
    assert environment(who)["STARTGATE_POLICY"]["value"] == f"{mount['mountPath']}/{file['path']}"


@pytest.mark.parametrize("who", APPS)
def test_a_container_has_limits_and_more_time_to_end_than_it_needs(who: str) -> None:
    assert {"cpu", "memory"} == set(container(who)["resources"])
    assert app(who)["template"]["terminationGracePeriodSeconds"] >= 30


def test_the_bot_has_no_identity_of_the_workers_and_no_scaler() -> None:
    (identity,) = resource("modules/bot.bicep", "app")["identity"]["userAssignedIdentities"]
    assert "identityId" in identity
    module = parsed("main.bicep")["modules"]["bot"]["config"]["params"]
    text = str(module["identityId"])
    assert "botId" in text
    assert "STARTGATE_SLACK_BOT_TOKEN" in environment("bot")
    assert not [name for name in environment("workers") if "SLACK" in name]
    assert not [name for name in environment("bot") if "ARM" in name]


def test_no_container_gets_a_token_of_the_scaler() -> None:
    settings = {
        one["identity"]: one["lifecycle"] for one in app("workers")["configuration"]["identitySettings"]
    }
    assert settings == {"identityId": "Main", "scalerIdentityId": "None"}


def test_workers_scale_by_the_queues_that_they_receive() -> None:
    scale = app("workers")["template"]["scale"]
    assert scale["minReplicas"] == 1  # sweeps always run
    rules = {rule["name"]: rule["custom"] for rule in scale["rules"]}
    assert {rule["metadata"]["queueName"] for rule in rules.values()} == {STARTS, WORK}
    assert {rule["type"] for rule in rules.values()} == {"azure-servicebus"}
    assert {rule["identity"] for rule in rules.values()} == {"scalerIdentityId"}


def test_the_bot_is_reached_from_outside_only_in_http_mode() -> None:
    ingress = app("bot")["configuration"]["ingress"]["operator"]["operands"]
    assert ingress["false_value"] is None
    assert ingress["true_value"]["targetPort"] == "slackPort"
    assert "ingress" not in app("workers")["configuration"]


def test_slack_secrets_come_from_the_vault_by_the_identity_of_the_bot() -> None:
    kept = {
        config["name"]
        for config in resources("modules/secrets.bicep", "Microsoft.KeyVault/vaults/secrets").values()
    }
    assert kept == {"slack-bot-token", "slack-app-token", "slack-signing-secret"}
    secrets = [one for one in secrets_of("bot") if one["name"] != "policy"]
    assert all(one["identity"] == "identityId" and "keyVaultUrl" in one for one in secrets)


def test_secrets_of_pages_come_from_a_vault_of_the_workers() -> None:
    """A bot that is taken over can neither call on-call nor end a call."""
    kept = {
        config["name"]
        for config in resources("modules/pages.bicep", "Microsoft.KeyVault/vaults/secrets").values()
    }
    secrets = [one for one in secrets_of("workers") if one["name"] != "policy"]
    assert {one["name"] for one in secrets} == kept
    assert all(one["identity"] == "identityId" and "pagesVaultUri" in one["keyVaultUrl"] for one in secrets)
    named = {one["secretRef"] for one in environment("workers").values() if "secretRef" in one}
    assert named == kept
    right = resource("modules/pages.bicep", "right")["properties"]
    assert right["principalId"] == "workersPrincipalId"


def test_a_copy_of_the_audit_is_neither_overwritten_nor_deleted() -> None:
    unchanged = resource("modules/archive.bicep", "unchanged")["properties"]
    assert unchanged == {"immutabilityPeriodSinceCreationInDays": "days", "allowProtectedAppendWrites": False}
    assert parsed("main.bicep")["parameters"]["archiveDays"]["default"] >= 90  # what Redis keeps
    assert resource("modules/archive.bicep", "right")["properties"]["principalId"] == "workersPrincipalId"
