"""The workers' environment."""

from pydantic import SecretStr, field_validator, model_validator

from workers.runtime.environment import CommonSettings, checked_url, is_loopback


class WorkersSettings(CommonSettings):
    """Read with ``read_environment(WorkersSettings)``; design and defaults in README, section Settings.

    Attributes:
        arm_endpoint: Azure Resource Manager; other clouds have another one.
        arm_scope: token scope; by default the endpoint's ``/.default``.
        arm_token: a fixed token instead of azure-identity; on loopback only.
        facts_budget_s: an ask waits at most this long for facts.
        inventory_every_s: how often the VMs of each subscription are listed anew.
        resync_every_s: how often overdue documents are nudged again.
        receivers: connections per queue.
        concurrency: messages worked on at once per connection.
    """

    arm_endpoint: str = "https://management.azure.com"
    arm_scope: str | None = None
    arm_token: SecretStr | None = None
    facts_budget_s: float = 2.0
    inventory_every_s: float = 300.0
    resync_every_s: float = 30.0
    receivers: int = 2
    concurrency: int = 32

    @field_validator("arm_endpoint")
    @classmethod
    def _safe(cls, value: str) -> str:
        return checked_url(value)

    @model_validator(mode="after")
    def _token_on_loopback_only(self) -> "WorkersSettings":
        if self.arm_token is not None and not is_loopback(self.arm_endpoint):
            raise ValueError("arm_token is only allowed with an ARM endpoint on loopback")
        return self
