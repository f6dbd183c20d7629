"""The bot's environment."""

from pydantic import SecretStr, field_validator, model_validator

from workers.runtime.addresses import checked_url
from workers.runtime.environment import CommonSettings


class BotSettings(CommonSettings):
    """Read with ``read_environment(BotSettings)``; see README, section Settings.

    Attributes:
        slack_bot_token: ``xoxb-…``.
        slack_app_token: ``xapp-…`` for Socket Mode, the default.
        slack_signing_secret: for HTTP mode, which is used when there is no app token.
        slack_api_url: ends in ``/api``; another one only for GovSlack, or on loopback.
        http_port: HTTP mode's port.
        receivers: connections on the queue ``notices``.
        concurrency: notices worked on at once per connection.
    """

    slack_bot_token: SecretStr
    slack_app_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_api_url: str = "https://slack.com/api"
    http_port: int = 3000
    receivers: int = 4
    concurrency: int = 16

    @field_validator("slack_api_url")
    @classmethod
    def _safe(cls, value: str) -> str:
        return checked_url(value)

    @model_validator(mode="after")
    def _one_doorway(self) -> "BotSettings":
        if self.slack_app_token is None and self.slack_signing_secret is None:
            raise ValueError("slack_app_token")
        return self

    def need_signing_secret(self) -> SecretStr:
        """The secret of HTTP mode, which is there where there is no app token."""
        if self.slack_signing_secret is None:
            raise ValueError("slack_signing_secret")
        return self.slack_signing_secret
