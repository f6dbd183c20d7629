"""The workers' environment."""

from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from workers.runtime.addresses import checked_url, is_loopback
from workers.runtime.cloud import Cloud
from workers.runtime.environment import PREFIX, CommonSettings


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
        arm_token: a fixed token instead of azure-identity; on loopback only.
        facts_budget_s: an ask waits at most this long for facts.
        inventory_every_s: how often the VMs of each subscription are listed anew.
        resync_every_s: how often overdue documents are nudged again.
        dead_letters_every_s: how often dead letters are looked at, to tell on-call of new ones.
        standing_every_s: how often containments that stand are re-read in Azure.
        missed_starts_every_s: how often starts are looked for that no event told of.
        missed_starts_after_s: how old such a start must be: its event may be on the way.
        event_sources_every_s: how often each subscription is asked whether Event Grid tells of it.
        canary_every_s: how often a start that never was is sent through, to see that the way is open.
        receivers: connections per queue.
        concurrency: messages worked on at once per connection.
    """

    arm_endpoint: str = Field(default="", validate_default=True)
    arm_scope: str | None = Field(default=None, validate_default=True)
    arm_token: SecretStr | None = None
    facts_budget_s: float = 2.0
    inventory_every_s: float = 300.0
    resync_every_s: float = 30.0
    standing_every_s: float = 300.0
    dead_letters_every_s: float = 60.0
    missed_starts_every_s: float = Field(default=600.0, ge=0)
    missed_starts_after_s: float = Field(default=300.0, ge=0)
    event_sources_every_s: float = Field(default=3600.0, ge=0)
    canary_every_s: float = Field(default=0.0, ge=0)
    receivers: int = 4
    concurrency: int = 64

    @field_validator("arm_endpoint")
    @classmethod
    def _safe(cls, value: str, info: ValidationInfo) -> str:
        cloud: Cloud = info.data.get("cloud", Cloud.PUBLIC)
        return checked_url(value or cloud.places.arm_endpoint)

    @field_validator("arm_scope")
    @classmethod
    def _of_the_cloud(cls, value: str | None, info: ValidationInfo) -> str | None:
        cloud: Cloud = info.data.get("cloud", Cloud.PUBLIC)
        ours = info.data.get("arm_endpoint") == cloud.places.arm_endpoint
        return value or (cloud.places.arm_scope if ours else None)

    @field_validator("arm_token")
    @classmethod
    def _token_on_loopback_only(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and not is_loopback(info.data.get("arm_endpoint", "http://localhost")):
            raise ValueError("only allowed with an ARM endpoint on loopback")
        return value
