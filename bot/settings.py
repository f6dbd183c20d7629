"""The bot's environment."""

from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from workers.runtime.addresses import checked_url
from workers.runtime.environment import CommonSettings


def read_secret(path: Path) -> SecretStr:
    """The secret in a file, without white space around it.

    Raises:
        ValueError: there is none; what the file holds is not in the message.
    """
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"its file {path} can't be read: {type(error).__name__}") from None
    if not secret:
        raise ValueError(f"its file {path} is empty")
    return SecretStr(secret)


class BotSettings(CommonSettings):
    """Read with ``read_environment(BotSettings)``; see README, section Settings.

    Attributes:
        slack_bot_token_file: a file that holds the bot token, read anew when it changes; instead of it.
        slack_app_token_file: the same for the app token.
        slack_signing_secret_file: the same for the signing secret.
        slack_bot_token: ``xoxb-…``; that of the file where one is given.
        slack_app_token: ``xapp-…`` for Socket Mode, the default; as above.
        slack_signing_secret: for HTTP mode, which is used when there is no app token; as above.
        slack_api_url: ends in ``/api``; another one only for GovSlack, or on loopback.
        http_port: HTTP mode's port.
        receivers: connections on the queue ``notices``.
        concurrency: notices worked on at once per connection.
    """

    slack_bot_token_file: Path | None = None
    slack_app_token_file: Path | None = None
    slack_signing_secret_file: Path | None = None
    slack_bot_token: SecretStr = Field(default=SecretStr(""), validate_default=True)
    slack_app_token: SecretStr | None = Field(default=None, validate_default=True)
    slack_signing_secret: SecretStr | None = Field(default=None, validate_default=True)
    slack_api_url: str = "https://slack.com/api"
    http_port: int = 3000
    receivers: int = 4
    concurrency: int = 16

    @field_validator("slack_bot_token", "slack_app_token", "slack_signing_secret")
    @classmethod
    def _from_file(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        path: Path | None = info.data.get(f"{info.field_name}_file")
        given = value is not None and value.get_secret_value() != ""
        if path is None:
            if not given and info.field_name == "slack_bot_token":
                raise PydanticCustomError("missing", "no token is set")
            return value
        if given:
            raise ValueError("it is set together with its file; set one of the two")
        return read_secret(path)

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
