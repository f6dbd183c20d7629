"""The bot's settings: Slack's secrets, each from the environment or from a file."""

from pathlib import Path

import pytest

from bot.settings import BotSettings
from tests.unit.runtime.test_environment import COMPLETE, given, refused
from workers.runtime.environment import read_environment

HTTP = {"SLACK_SIGNING_SECRET": "topsecret"}


def test_secrets_come_from_files_where_files_are_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("bot", "app"):
        (tmp_path / name).write_text(f"{name}-topsecret\n")
    files = {f"SLACK_{name.upper()}_TOKEN_FILE": str(tmp_path / name) for name in ("bot", "app")}
    given(monkeypatch, **COMPLETE, **files)
    settings = read_environment(BotSettings)
    assert settings.slack_bot_token.get_secret_value() == "bot-topsecret"
    assert settings.slack_app_token is not None
    assert settings.slack_app_token.get_secret_value() == "app-topsecret"
    assert settings.slack_signing_secret is None


def test_a_token_and_its_file_together_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "bot").write_text("topsecret")
    both = {"SLACK_BOT_TOKEN": "topsecret", "SLACK_BOT_TOKEN_FILE": str(tmp_path / "bot")}
    given(monkeypatch, **COMPLETE, **HTTP, **both)
    (line,) = refused(capsys, BotSettings)
    assert "STARTGATE_SLACK_BOT_TOKEN is wrong: it is set together with its file" in line


@pytest.mark.parametrize(("content", "why"), [(None, "can't be read"), (" \n", "is empty")])
def test_a_file_without_a_secret_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    content: str | None,
    why: str,
) -> None:
    path = tmp_path / "bot"
    if content is not None:
        path.write_text(content)
    given(monkeypatch, **COMPLETE, **HTTP, SLACK_BOT_TOKEN_FILE=str(path))
    (line,) = refused(capsys, BotSettings)
    assert f"its file {path} {why}" in line


def test_without_any_token_it_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, **COMPLETE, **HTTP)
    (line,) = refused(capsys, BotSettings)
    assert "STARTGATE_SLACK_BOT_TOKEN is not set" in line
