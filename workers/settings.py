"""The workers' environment."""

import re
from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from workers.runtime.addresses import checked_url, is_loopback
from workers.runtime.cloud import Cloud
from workers.runtime.environment import PREFIX, CommonSettings

_SHORTEST_SECRET = 32


class DeskSettings(BaseSettings):
    """Who may act at the command line; read with ``read_environment(DeskSettings)``, by those commands alone.

    Attributes:
        operator_tenant: the id of the tenant in Microsoft Entra ID whose people operate Startgate.
        operator_audience: the application that their tokens are for: ``api://`` and its client id. A token
            for Azure itself would not do: it is not ours to read, and its form may change.
            Source: https://learn.microsoft.com/entra/identity-platform/access-tokens
        entra_url: where tokens are checked instead of the cloud's own authority; on loopback only.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    cloud: Cloud = Cloud.PUBLIC
    operator_tenant: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    operator_audience: Annotated[str, Field(pattern=r"^api://\S+$")]
    entra_url: str = ""

    @field_validator("entra_url")
    @classmethod
    def _on_loopback_only(cls, value: str) -> str:
        if value and not is_loopback(value):
            raise ValueError(
                "only allowed on loopback; tokens are checked at the authority of STARTGATE_CLOUD"
            )
        return value.rstrip("/")


class WorkersSettings(CommonSettings):
    """Read with ``read_environment(WorkersSettings)``; design and defaults in README, section Settings.

    A period of 0 turns missed starts, event sources or the canary off.

    Attributes:
        arm_endpoint: Azure Resource Manager; by default that of the cloud.
        arm_scope: token scope; by default that of the cloud, or the endpoint's own ``/.default``.
        api_versions: what this cloud serves where it lags behind, such as
            ``Microsoft.Network=2025-05-01,Microsoft.Compute/disks=2025-01-02``; a type goes before its
            provider.
        arm_token: a fixed token instead of azure-identity; on loopback only.
        facts_budget_s: an ask waits at most this long for facts.
        inventory_every_s: how often the VMs of each subscription are listed anew.
        resync_every_s: how often overdue documents are nudged again.
        dead_letters_every_s: how often dead letters are looked at, to tell on-call of new ones.
        standing_every_s: how often containments that stand are re-read in Azure.
        missed_starts_every_s: how often starts are looked for that no event told of.
        missed_starts_after_s: how old such a start must be: its event may be on the way.
        event_sources_every_s: how often each subscription is asked whether Event Grid tells of it.
        pages_every_s: how often it is looked whether on-call has to be paged outside Slack.
        pagerduty_routing_key: the key of an integration *Events API V2*; without it, PagerDuty is not paged.
        pagerduty_url: where its events go; another one for accounts in the EU.
        page_webhook_url: a webhook that is paged, too; what it is sent, ``workers/outside/paging/webhook.py``
            describes.
        page_webhook_secret: signs that; at least 32 characters.
        archive_url: a container of Azure Blob Storage into which the audit is copied,
            ``https://ACCOUNT.blob.core.windows.net/CONTAINER``; without it, it is not.
        archive_key: a key instead of the identity; on loopback only.
        archive_every_s: how often.
        canary_every_s: how often a start that never was is sent through, to see that the way is open.
        receivers: connections per queue.
        concurrency: messages worked on at once per connection.
    """

    arm_endpoint: str = Field(default="", validate_default=True)
    arm_scope: str | None = Field(default=None, validate_default=True)
    arm_token: SecretStr | None = None
    api_versions: str = ""
    facts_budget_s: float = 2.0
    inventory_every_s: float = 300.0
    resync_every_s: float = 30.0
    standing_every_s: float = 300.0
    dead_letters_every_s: float = 60.0
    missed_starts_every_s: float = Field(default=600.0, ge=0)
    missed_starts_after_s: float = Field(default=300.0, ge=0)
    pages_every_s: float = 10.0
    pagerduty_routing_key: SecretStr | None = None
    pagerduty_url: str = "https://events.pagerduty.com"
    page_webhook_url: str | None = None
    page_webhook_secret: SecretStr | None = Field(default=None, validate_default=True)
    archive_url: str | None = None
    archive_key: SecretStr | None = None
    archive_every_s: float = 3600.0
    event_sources_every_s: float = Field(default=3600.0, ge=0)
    canary_every_s: float = Field(default=0.0, ge=0)
    receivers: int = 4
    concurrency: int = 64

    @field_validator("arm_endpoint")
    @classmethod
    def _safe(cls, value: str, info: ValidationInfo) -> str:
        cloud: Cloud = info.data.get("cloud", Cloud.PUBLIC)
        return checked_url(value or cloud.places.arm_endpoint)

    @field_validator("pagerduty_url", "page_webhook_url", "archive_url")
    @classmethod
    def _no_plain_text(cls, value: str | None) -> str | None:
        return checked_url(value) if value is not None else None

    @field_validator("archive_key")
    @classmethod
    def _key_on_loopback_only(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and not is_loopback(info.data.get("archive_url") or "https://elsewhere"):
            raise ValueError("only allowed with an archive on loopback; elsewhere the identity is shown")
        return value

    @field_validator("page_webhook_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if (
            info.data.get("page_webhook_url")
            and len(value.get_secret_value() if value else "") < _SHORTEST_SECRET
        ):
            raise ValueError(
                f"a webhook needs a secret of at least {_SHORTEST_SECRET} characters: `openssl rand -hex 32`"
            )
        return value

    @field_validator("arm_scope")
    @classmethod
    def _of_the_cloud(cls, value: str | None, info: ValidationInfo) -> str | None:
        cloud: Cloud = info.data.get("cloud", Cloud.PUBLIC)
        ours = info.data.get("arm_endpoint") == cloud.places.arm_endpoint
        return value or (cloud.places.arm_scope if ours else None)

    @field_validator("api_versions")
    @classmethod
    def _written_as_pairs(cls, value: str) -> str:
        for part in filter(None, (part.strip() for part in value.split(","))):
            if re.fullmatch(r"[\w.]+(/\w+)?=\d{4}-\d{2}-\d{2}(-preview)?", part) is None:
                raise ValueError(f"{part[:60]!r} is not like Microsoft.Network=2025-05-01")
        return value

    @property
    def versions(self) -> dict[str, str]:
        """Provider, or provider and type → api-version."""
        parts = filter(None, (part.strip() for part in self.api_versions.split(",")))
        return dict(part.split("=", 1) for part in parts)

    @field_validator("arm_token")
    @classmethod
    def _token_on_loopback_only(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and not is_loopback(info.data.get("arm_endpoint", "http://localhost")):
            raise ValueError("only allowed with an ARM endpoint on loopback")
        return value
