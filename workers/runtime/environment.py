"""Settings from environment variables: read once, frozen, and every missing one named with its remedy."""

import sys
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from workers.runtime.addresses import is_loopback
from workers.runtime.cloud import REDIS_SCOPE, Cloud
from workers.runtime.credential import Credential, Identity, SignIn

PREFIX = "STARTGATE_"

REMEDIES = {
    "servicebus_connection": (
        "a connection string from `az servicebus namespace authorization-rule keys list`, "
        "or set STARTGATE_SERVICEBUS_NAMESPACE to use the managed identity"
    ),
    "redis_url": (
        "for example rediss://name.redis.cache.windows.net:6380/0, "
        "or rediss+cluster://name.region.redis.azure.net:10000 for a cluster, with STARTGATE_REDIS_AUTH=entra"
    ),
    "policy": "the path of the policy file; `startgate policy check FILE` checks it",
    "operator_tenant": "the tenant's id: `az account show --query tenantId`",
    "operator_audience": (
        "api:// and the client id of the application that is registered for the command line; "
        "deploy/README.md, section When Slack is away, says how"
    ),
    "slack_bot_token": "the bot token (xoxb-…) from the Slack app's page OAuth & Permissions",
    "slack_app_token": (
        "an app-level token (xapp-…) with connections:write for Socket Mode, "
        "or set STARTGATE_SLACK_SIGNING_SECRET and STARTGATE_HTTP_PORT for HTTP mode"
    ),
}
"""Setting → what to put there."""


class MissingSettings(SystemExit):
    """The environment is incomplete or wrong; exits with 78 (EX_CONFIG) after saying what to set."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        print("\n".join(["Startgate can't start:", *lines]), file=sys.stderr)  # noqa: T201 - before any logger
        super().__init__(78)


class CommonSettings(BaseSettings):
    """What bot and workers share. Environment only: no file, no argument configures a process.

    Attributes:
        credential: who the process is to Azure, Service Bus by namespace included. ``managed-identity``, the
            default: the identity that Azure gives this process where it runs, and with several of them the
            one whose client id is in ``AZURE_CLIENT_ID``. ``workload-identity``: a Kubernetes service account
            that Entra ID trusts. ``cli``: whoever is signed in to the Azure CLI, for trying things out.
            Nothing else is ever tried.
        cloud: which of Azure's clouds this is: ``public``, ``usgov`` or ``china``.
        redis_auth: ``url``, the default: as the URL says, by a password or not at all. ``entra``: by Entra
            ID, with the identity above; the URL then names neither user nor password.
        servicebus_quiet_s: a link to Service Bus that heard nothing for so long is opened anew; less than
            the ten minutes after which Service Bus ends it.
        retention_days: how long decided approvals, restored containments and audit records are kept.
        health_port: where ``/healthz``, ``/readyz`` and ``/metrics`` are served; 0 for nowhere.
        health_host: the address they listen at. Loopback by default, because they need no credential;
            Container Apps and Kubernetes probe from outside and need ``0.0.0.0``.
        azure_monitor_connection: connection string of an Application Insights resource, to which metrics and
            traces are sent; needs the extra ``startgate[azure-monitor]``.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    cloud: Cloud = Cloud.PUBLIC
    credential: Credential = Credential.MANAGED_IDENTITY
    servicebus_namespace: str | None = None
    servicebus_connection: SecretStr | None = None
    servicebus_quiet_s: float = Field(default=240.0, gt=0, lt=600)
    redis_url: SecretStr
    redis_auth: Literal["url", "entra"] = "url"
    policy: Path
    log: Literal["json", "text"] = "json"
    retention_days: float = Field(default=90.0, ge=1)
    health_port: int = Field(default=0, ge=0, le=65535)
    health_host: str = "127.0.0.1"
    azure_monitor_connection: SecretStr | None = None

    @field_validator("credential")
    @classmethod
    def _complete(cls, value: Credential) -> Credential:
        if value.missing:
            raise ValueError(
                f"{value} needs {', '.join(value.missing)}, which the webhook of Microsoft Entra Workload ID "
                "sets in pods labelled azure.workload.identity/use"
            )
        return value

    @property
    def identity(self) -> Identity:
        """Who this process is to Azure."""
        return Identity(self.credential, self.cloud)

    @property
    def redis_sign_in(self) -> SignIn | None:
        """How it signs in to Redis by Entra ID; ``None`` where the URL says how."""
        return SignIn(self.identity, REDIS_SCOPE) if self.redis_auth == "entra" else None

    # Validators of fields, not of the model: that one would only run once everything else is right.
    @field_validator("servicebus_namespace")
    @classmethod
    def _whole_host(cls, value: str | None, info: ValidationInfo) -> str | None:
        cloud: Cloud = info.data.get("cloud", Cloud.PUBLIC)
        return cloud.namespace_host(value) if value else value

    @field_validator("redis_auth")
    @classmethod
    def _tokens_travel_safely(cls, value: str, info: ValidationInfo) -> str:
        if value != "entra" or "redis_url" not in info.data:
            return value
        url = urlsplit(info.data["redis_url"].get_secret_value())
        if url.username or url.password:
            raise ValueError("by Entra ID, STARTGATE_REDIS_URL must hold neither user nor password")
        if not url.scheme.startswith("rediss") and not is_loopback(url.geturl()):
            raise ValueError("by Entra ID, STARTGATE_REDIS_URL must be rediss:// or rediss+cluster://")
        return value

    @field_validator("servicebus_connection")
    @classmethod
    def _one_bus(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None and info.data.get("servicebus_namespace") is None:
            raise PydanticCustomError("missing", "no bus is set")
        return value

    @field_validator("servicebus_connection")
    @classmethod
    def _emulator_on_loopback_only(cls, value: SecretStr | None) -> SecretStr | None:
        """The client takes the keys in any case, and the last one of a kind."""
        if value is None:
            return None
        parts = [part.partition("=") for part in value.get_secret_value().split(";")]
        emulator = any(
            k.strip().lower() == "usedevelopmentemulator" and v.strip() == "true" for k, _, v in parts
        )
        hosts = [v for k, _, v in parts if k.strip().lower() in ("endpoint", "hostname")]
        if emulator and not (hosts and all(map(is_loopback, hosts))):
            raise ValueError("UseDevelopmentEmulator=true turns TLS off; it is only allowed on loopback")
        return value


S = TypeVar("S", bound=BaseSettings)


def read_environment(kind: type[S]) -> S:
    """The settings of a process.

    Raises:
        MissingSettings: with one line for each setting that is missing or wrong. Values are never shown:
            they may be secrets.
    """
    try:
        return kind()
    except ValidationError as error:
        raise MissingSettings([_line(dict(item)) for item in error.errors()]) from None


def _line(error: dict[str, Any]) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    name = str(error["loc"][0]) if error["loc"] else message
    variable = f"{PREFIX}{name}".upper()
    remedy = f": {REMEDIES[name]}" if name in REMEDIES else ""
    if error["type"] == "missing" or not error["loc"]:
        return f"  {variable} is not set{remedy}"
    return f"  {variable} is wrong: {message}"
