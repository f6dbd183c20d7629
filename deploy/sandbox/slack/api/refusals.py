"""Refusals on demand: any method, in Slack's own words, for everybody or only about one person or channel."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from deploy.sandbox.slack.api.arguments import Args
from deploy.sandbox.slack.api.documented import documented
from deploy.sandbox.slack.errors import RateLimitedError, SlackError
from deploy.sandbox.slack.team.workspace import Workspace

EVERY = "*"
NAMES_OF_PEOPLE = ("user", "users", "user_id", "channel")
"""The arguments by which methods name a person."""


class Refusal(BaseModel):
    """One refusal. The first that matches a call is what the call gets, and nothing is done.

    Attributes:
        method: a method's name, or ``*`` for all, as when a token is revoked.
        error: one of the codes documented for the method.
        person: only calls about them, by id or key: asked for, written to directly, or named in ``users``.
        channel: only calls about this channel, by id or name.
        match: only calls with these arguments; a comma-separated list matches by any of its parts.
        times: how many calls; ``None`` until it is taken back.
        needed, provided: the fields that ``missing_scope`` comes with; ours by default.
        retry_after_s: what ``ratelimited`` says in its ``Retry-After``.
        extra: further fields of the answer.
    """

    model_config = ConfigDict(extra="forbid")

    method: str = EVERY
    error: str
    person: str = ""
    channel: str = ""
    match: dict[str, str] = {}
    times: int | None = None
    needed: str = ""
    provided: str = ""
    retry_after_s: int = 1
    extra: dict[str, Any] = {}

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not documented(self.method, self.error):
            raise ValueError(f"Slack documents no {self.error!r} for {self.method}; see api/documented.py")
        return self

    def matches(self, method: str, args: Args, workspace: Workspace) -> bool:
        """Whether a call is one of those."""
        if self.method not in (EVERY, method):
            return False
        wanted = [{name: {value}} for name, value in self.match.items()]
        if self.person:
            wanted.append(
                dict.fromkeys(("user", "users", "user_id", "channel"), _person(self.person, workspace))
            )
        if self.channel:
            found = workspace.channel(self.channel)
            named = {self.channel, *((found.id, found.name, f"#{found.name}") if found else ())}
            wanted.append({"channel": named})
        return all(
            any(values & {str(args.values.get(name)), *_parts(args, name)} for name, values in choice.items())
            for choice in wanted
        )

    def raise_it(self, scopes: tuple[str, ...]) -> None:
        """Raise the error it stands for; ``scopes`` are what the token has."""
        if self.error == "ratelimited":
            raise RateLimitedError(self.retry_after_s)
        extra = dict(self.extra)
        if self.error == "missing_scope":
            extra |= {"needed": self.needed or "chat:write", "provided": self.provided or ",".join(scopes)}
        raise SlackError(self.error, **extra)


class Refusals:
    """The refusals in force."""

    def __init__(self) -> None:
        self.kept: list[Refusal] = []

    def put(self, *refusals: Refusal) -> None:
        """Replace all by these."""
        self.kept = list(refusals)

    def check(self, method: str, args: Args, workspace: Workspace, scopes: tuple[str, ...]) -> None:
        """Count down and raise the first refusal that matches a call.

        Raises:
            SlackError: what the refusal says.
        """
        for refusal in self.kept:
            if not refusal.matches(method, args, workspace):
                continue
            if refusal.times is not None:
                refusal.times -= 1
                if refusal.times <= 0:
                    self.kept.remove(refusal)
            refusal.raise_it(scopes)


def _person(ref: str, workspace: Workspace) -> set[str]:
    """Their id, and the conversation of theirs with the app, under which calls name them."""
    member = workspace.person(ref)
    if member is None:
        return {ref}
    both = {member.id, workspace.identity.bot_user}
    direct = (c.id for c in workspace.channels.values() if c.kind == "im" and c.members == both)
    return {member.id, *direct}


def _parts(args: Args, name: str) -> list[str]:
    value = args.values.get(name)
    if isinstance(value, list):
        return [str(part) for part in value]
    return [part.strip() for part in str(value).split(",")] if value is not None else []
