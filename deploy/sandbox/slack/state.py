"""Everything a running stand-in remembers, in one place that can be reset."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from deploy.sandbox.record import Record
from deploy.sandbox.slack.api.ratelimits import Limiter
from deploy.sandbox.slack.api.refusals import Refusals
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.identity import Identity
from deploy.sandbox.slack.team.messages import Json
from deploy.sandbox.slack.team.tickets import Tickets
from deploy.sandbox.slack.team.views import Views
from deploy.sandbox.slack.team.workspace import Workspace
from deploy.sandbox.world import World

ALL_SCOPES = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "chat:write.public",
    "commands",
    "files:write",
    "groups:history",
    "groups:read",
    "dnd:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "mpim:write",
    "reactions:write",
    "usergroups:read",
    "users:read",
    "users:read.email",
)


class Switches(BaseModel):
    """What ``PUT /_limits`` sets.

    Attributes:
        tiers: enforce rate limits (by method tier, and about one message a second in a channel). Off only
            where a test has a reason to, which it gives.
        scopes: what the bot token may do.
        echoes: send the app the events of its own messages, too. Slack does; Bolt acknowledges and
            drops them, so they are off unless that is the point.
        usergroups_plan: whether the workspace's plan has user groups; without it they answer
            ``plan_upgrade_required``.
        email_finds_connected: users.lookupByEmail finds people of other workspaces who share a channel, too.
    """

    model_config = ConfigDict(extra="forbid")

    tiers: bool = True
    scopes: tuple[str, ...] = ALL_SCOPES
    usergroups_plan: bool = True
    echoes: bool = False
    email_finds_connected: bool = False


class SlashCommand(BaseModel):
    """A slash command of the app manifest."""

    model_config = ConfigDict(extra="ignore")

    command: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Tabs:
    """What the app's page has: a home tab, and a messages tab people may or may not write in."""

    home: bool = True
    messages: bool = True
    read_only: bool = False


@dataclass(kw_only=True, slots=True)
class Upload:
    """A file that the app uploads: announced, then sent, then shared."""

    id: str
    name: str
    length: int
    alt_text: str = ""
    content: bytes = b""

    def as_json(self, title: str) -> Json:
        """The file object, as far as anybody looks at it."""
        return {
            "id": self.id,
            "name": self.name,
            "title": title,
            "size": self.length,
            "alt_txt": self.alt_text,
            "mimetype": "image/png" if self.name.endswith(".png") else "text/csv",
            "url_private": f"/files/{self.id}",
        }


@dataclass(kw_only=True)
class State:
    """The workspace and all that hangs on it.

    Attributes:
        events: the Events API subscriptions; ``None`` takes every event the stand-in can send.
        base_url: the stand-in's own address, known once it listens.
        issue_socket_url: makes the one-time address for ``apps.connections.open``.
        refusals: what the Web API refuses on demand.
        publish: delivers an event payload without waiting for its acknowledgement.
    """

    world: World
    identity: Identity
    record: Record
    commands: list[SlashCommand] = field(default_factory=list)
    events: list[str] | None = None
    tabs: Tabs = field(default_factory=Tabs)
    switches: Switches = field(default_factory=Switches)
    refusals: Refusals = field(default_factory=Refusals)
    base_url: str = ""
    issue_socket_url: Callable[[], str] = str
    publish: Callable[[Json], None] = field(default=lambda _payload: None)

    def __post_init__(self) -> None:
        self.reset()

    def need(self, *scopes: str) -> None:
        """Refuse with ``missing_scope`` if the bot token lacks one of these."""
        missing = [scope for scope in scopes if scope not in self.switches.scopes]
        if missing:
            raise SlackError(
                "missing_scope", needed=",".join(missing), provided=",".join(self.switches.scopes)
            )

    def subscribed(self, event: str) -> bool:
        """Whether the app asked for events of this name, such as ``message.im``."""
        return self.events is None or event in self.events

    def reset(self) -> None:
        """Back to the world as it was seeded. Switches, refusals, commands and the record stay."""
        self.workspace = Workspace(self.world, self.identity)
        self.views = Views()
        self.tickets = Tickets()
        self.uploads: dict[str, Upload] = {}
        self.limiter = Limiter()
