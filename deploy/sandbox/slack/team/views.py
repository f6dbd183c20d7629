"""Dialogs and home tabs: what is open in front of whom."""

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from deploy.sandbox.slack.blockkit import check_view, completed_view
from deploy.sandbox.slack.blockkit.report import Surface
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.identity import Identity
from deploy.sandbox.slack.team.inputs import state_values
from deploy.sandbox.slack.team.messages import Json
from deploy.sandbox.slack.team.workspace import new_id

STACK_DEPTH = 3
"""A person sees at most three views of one app on top of each other."""

VIEW_BYTES_MAX = 250_000


def checked_view(definition: object, surface: Surface) -> Json:
    """The view with Slack's ids added.

    Raises:
        SlackError: ``invalid_arguments`` with every problem, or ``view_too_large``.
    """
    if not isinstance(definition, dict):
        raise SlackError("invalid_arguments", "must provide an object [json-pointer:/view]")
    problems = check_view(definition, surface)
    if problems:
        raise SlackError("invalid_arguments", *map(str, problems))
    if len(json.dumps(definition).encode()) > VIEW_BYTES_MAX:
        raise SlackError("view_too_large")
    return completed_view(definition)


@dataclass(kw_only=True, slots=True)
class View:
    """An open modal, or a home tab.

    Attributes:
        definition: what the app sent, with the ids that Slack adds.
        team: the workspace of a person of another one, whose dialog it is; empty for our own.
        entered: what the person entered so far, by block_id and action_id, as state values.
    """

    id: str
    user: str
    definition: Json
    root: str
    previous: str | None = None
    team: str = ""
    hash: str = ""
    entered: dict[str, dict[str, Json]] = field(default_factory=dict)

    @property
    def blocks(self) -> list[Json]:
        blocks: list[Json] = self.definition["blocks"]
        return blocks

    @property
    def surface(self) -> Surface:
        return "home" if self.definition["type"] == "home" else "modal"

    def define(self, definition: Json) -> None:
        """Replace its content. What was entered stays where block_id and action_id stay, as in Slack."""
        self.definition = definition
        self.hash = f"{int(time.time())}.{secrets.token_hex(4)}"
        kept = {block["block_id"] for block in definition["blocks"]}
        self.entered = {block: values for block, values in self.entered.items() if block in kept}

    def values(self) -> dict[str, dict[str, Json]]:
        """``state.values`` as Slack sends it."""
        return state_values(self.blocks, self.entered)

    def as_json(self, identity: Identity) -> Json:
        """The view object of answers and payloads."""
        given = self.definition
        return {
            "id": self.id,
            "team_id": self.team or identity.team_id,
            "type": given["type"],
            "blocks": self.blocks,
            "private_metadata": given.get("private_metadata", ""),
            "callback_id": given.get("callback_id", ""),
            "state": {"values": self.values()},
            "hash": self.hash,
            "title": given.get("title", {"type": "plain_text", "text": "View Title", "emoji": True}),
            "clear_on_close": given.get("clear_on_close", False),
            "notify_on_close": given.get("notify_on_close", False),
            "close": given.get("close"),
            "submit": given.get("submit"),
            "previous_view_id": self.previous,
            "root_view_id": self.root,
            "app_id": identity.app_id,
            "external_id": given.get("external_id", ""),
            "app_installed_team_id": identity.team_id,
            "bot_id": identity.bot_id,
        }


class Views:
    """Each person's stack of modals, the top one last, and their home tab."""

    def __init__(self) -> None:
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}

    def find(self, view_id: str) -> View | None:
        """An open modal or a home tab, by id."""
        return next((view for view in self if view.id == view_id), None)

    def by_external_id(self, external_id: str) -> View | None:
        return next((view for view in self if view.definition.get("external_id") == external_id), None)

    def __iter__(self) -> Iterator[View]:
        for stack in self.stacks.values():
            yield from stack
        yield from self.homes.values()

    def open(self, user: str, definition: Json, *, team: str = "") -> View:
        """Begin a new stack. A dialog that was open gives way, as in Slack's client."""
        self._claim_external_id(definition)
        view = self._new(user, definition, previous=None, team=team)
        self.stacks[user] = [view]
        return view

    def push(self, user: str, definition: Json) -> View:
        """Put a view on the stack.

        Raises:
            SlackError: ``not_found`` if nothing is open, ``push_limit_reached`` above three.
        """
        stack = self.stacks.get(user, [])
        if not stack:
            raise SlackError("not_found")
        if len(stack) >= STACK_DEPTH:
            raise SlackError("push_limit_reached")
        self._claim_external_id(definition)
        view = self._new(user, definition, previous=stack[-1])
        stack.append(view)
        return view

    def update(self, view: View, definition: Json, *, expected_hash: str | None = None) -> View:
        """Replace a view's content.

        Raises:
            SlackError: ``hash_conflict`` if it changed since ``expected_hash``.
        """
        if expected_hash and expected_hash != view.hash:
            raise SlackError("hash_conflict")
        self._claim_external_id(definition, holder=view)
        view.define(definition)
        return view

    def publish(self, user: str, definition: Json, *, expected_hash: str | None = None) -> View:
        """Set a person's home tab."""
        home = self.homes.get(user)
        if home is not None:
            return self.update(home, definition, expected_hash=expected_hash)
        home = self._new(user, definition, previous=None)
        self.homes[user] = home
        return home

    def close(self, view: View) -> None:
        """Close this view and what lies on top of it; the one below shows again."""
        stack = self.stacks.get(view.user, [])
        if view in stack:
            del stack[stack.index(view) :]

    def clear(self, user: str) -> None:
        """Close all of a person's views."""
        self.stacks.pop(user, None)

    def _new(self, user: str, definition: Json, *, previous: View | None, team: str = "") -> View:
        view_id = new_id("V")
        view = View(
            id=view_id,
            user=user,
            definition=definition,
            root=previous.root if previous else view_id,
            previous=previous.id if previous else None,
            team=previous.team if previous else team,
        )
        view.define(definition)
        return view

    def _claim_external_id(self, definition: Json, *, holder: View | None = None) -> None:
        external_id = definition.get("external_id")
        if external_id and self.by_external_id(external_id) not in (None, holder):
            raise SlackError("duplicate_external_id")
