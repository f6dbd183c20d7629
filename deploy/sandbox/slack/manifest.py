"""What the stand-in takes from an app manifest: slash commands, scopes, events, tabs, the name."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from deploy.sandbox.slack.state import ALL_SCOPES, SlashCommand, Tabs


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """The parts of a manifest that change how Slack behaves here.

    Attributes:
        scopes: the bot's scopes; all that the stand-in knows if the manifest lists none.
        events: its Events API subscriptions; ``None`` for all that the stand-in can send.
        tabs: what the app's page offers.
    """

    commands: list[SlashCommand] = field(default_factory=list)
    scopes: tuple[str, ...] = ALL_SCOPES
    events: list[str] | None = None
    tabs: Tabs = field(default_factory=Tabs)
    name: str = "Startgate"


def load_manifest(path: Path) -> Manifest:
    """Read a manifest in YAML, as Slack's own configuration page takes it.

    Raises:
        OSError: the file cannot be read.
        pydantic.ValidationError: a slash command has no ``command``.
    """
    manifest: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    home = _at(manifest, "features", "app_home") or {}
    return Manifest(
        commands=[SlashCommand.model_validate(c) for c in _at(manifest, "features", "slash_commands") or []],
        scopes=tuple(_at(manifest, "oauth_config", "scopes", "bot") or ALL_SCOPES),
        events=_at(manifest, "settings", "event_subscriptions", "bot_events") or [],
        tabs=Tabs(
            home=home.get("home_tab_enabled", False),
            messages=home.get("messages_tab_enabled", True),
            read_only=home.get("messages_tab_read_only_enabled", False),
        ),
        name=_at(manifest, "display_information", "name") or "Startgate",
    )


def _at(node: Any, *keys: str) -> Any:
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node
