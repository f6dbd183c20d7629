"""Everything a running stand-in remembers, in one place that can be reset."""

from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from deploy.sandbox.record import Record
from deploy.sandbox.slack.identity import Identity
from deploy.sandbox.slack.ratelimits import Limiter
from deploy.sandbox.slack.tickets import Tickets
from deploy.sandbox.slack.views import Views
from deploy.sandbox.slack.workspace import Workspace
from deploy.sandbox.world import World

ALL_SCOPES = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "chat:write.public",
    "commands",
    "groups:history",
    "groups:read",
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
        tiers: enforce rate limits (by method tier, and about one message a second in a channel).
        scopes: what the bot token may do.
        usergroups_plan: whether the workspace's plan has user groups; without it they answer
            ``plan_upgrade_required``.
    """

    model_config = ConfigDict(extra="forbid")

    tiers: bool = False
    scopes: tuple[str, ...] = ALL_SCOPES
    usergroups_plan: bool = True


class SlashCommand(BaseModel):
    """A slash command of the app manifest."""

    model_config = ConfigDict(extra="ignore")

    command: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = False


@dataclass(kw_only=True)
class State:
    """The workspace and all that hangs on it.

    Attributes:
        events: the Events API subscriptions; ``None`` takes every event the stand-in can send.
    """

    world: World
    identity: Identity
    record: Record
    commands: list[SlashCommand] = field(default_factory=list)
    events: list[str] | None = None
    switches: Switches = field(default_factory=Switches)
    base_url: str = ""

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Back to the world as it was seeded. Switches, commands and the record stay."""
        self.workspace = Workspace(self.world, self.identity)
        self.views = Views()
        self.tickets = Tickets()
        self.limiter = Limiter()
