"""Submitting and closing dialogs."""

from dataclasses import dataclass
from typing import Any

from deploy.sandbox.slack.acts.entry import EntryError, entered, is_empty
from deploy.sandbox.slack.acts.people import Act, seen_view, who
from deploy.sandbox.slack.delivery import payloads
from deploy.sandbox.slack.delivery.deliver import Ack, Courier
from deploy.sandbox.slack.errors import RefusedActError, SlackError
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.inputs import initial_value
from deploy.sandbox.slack.team.members import Member
from deploy.sandbox.slack.team.messages import Json
from deploy.sandbox.slack.team.views import View, checked_view


class Submit(Act):
    """Pressing the submit button, with ``values`` entered before, by block_id or action_id."""

    view_id: str
    values: dict[str, Any] = {}


class Close(Act):
    """Closing the top view; ``all`` closes the whole stack, as the cross of a stacked dialog does."""

    view_id: str
    all: bool = False


@dataclass(frozen=True, slots=True)
class Dialogs:
    """Acts on dialogs."""

    state: State
    courier: Courier

    async def submit(self, act: Submit) -> Json:
        """Submit; answers ``closed``, and ``errors`` by block or ``view_id`` of what shows next."""
        person = who(self.state, act.user)
        view = seen_view(self.state, person, act.view_id)
        if not view.definition.get("submit"):
            raise RefusedActError("no_submit_button", "this view has nothing to submit")
        errors = self._fill(view, act.values)
        if errors:
            raise RefusedActError("invalid_entry", "the dialog marks its inputs", errors=errors, closed=False)
        trigger = self.state.tickets.trigger(self.state.identity.team_id, person.id, view.id)
        ack = await self.courier.interactive(payloads.view_submission(self.state, person, view, trigger))
        if ack.error:
            return ack.as_json() | {"closed": False}
        try:
            return ack.as_json() | self._follow(person, view, ack)
        except SlackError as refusal:
            self.state.record.add("refused", what="response_action", **refusal.body(), answer=ack.payload)
            messages = list(refusal.messages)
            return ack.as_json() | {
                "ok": False,
                "error": refusal.error,
                "messages": messages,
                "closed": False,
            }

    async def close(self, act: Close) -> Json:
        """Close; the app hears of it only if the view says ``notify_on_close``."""
        person = who(self.state, act.user)
        view = seen_view(self.state, person, act.view_id)
        if view.surface == "home":
            raise RefusedActError("not_a_dialog", "a home tab cannot be closed")
        cleared = act.all or bool(view.definition.get("clear_on_close"))
        stack = self.state.views.stacks[person.id]
        closed = list(reversed(stack)) if cleared else [view]
        self.state.views.close(stack[0] if cleared else view)
        ack = Ack()
        for gone in closed:
            self.state.record.add("view", what="closed", user=person.id, view_id=gone.id)
            if gone.definition.get("notify_on_close"):
                payload = payloads.view_closed(self.state, person, gone, is_cleared=cleared)
                ack = await self.courier.interactive(payload)
        return ack.as_json() | {"closed": True}

    def _fill(self, view: View, values: dict[str, Any]) -> dict[str, str]:
        """Enter the values; what Slack's client objects to, by block."""
        inputs = {block["block_id"]: block for block in view.blocks if block["type"] == "input"}
        by_action = {block["element"]["action_id"]: block_id for block_id, block in inputs.items()}
        errors: dict[str, str] = {}
        for name, value in values.items():
            block_id = name if name in inputs else by_action.get(name)
            if block_id is None:
                raise RefusedActError("no_such_input", f"the view has no input {name!r}")
            element = inputs[block_id]["element"]
            try:
                kept = entered(self.state, element, value)
            except EntryError as error:
                errors[block_id] = str(error)
            else:
                view.entered.setdefault(block_id, {})[element["action_id"]] = kept
        for block_id, block in inputs.items():
            element = block["element"]
            held = view.entered.get(block_id, {}).get(element["action_id"]) or initial_value(element)
            if not block.get("optional") and is_empty(held):
                errors.setdefault(block_id, "Please complete this required field.")
        return errors

    def _follow(self, person: Member, view: View, ack: Ack) -> Json:
        """Do what the app's ``response_action`` says.

        Raises:
            SlackError: Slack could not; the person sees that something went wrong.
        """
        answer = ack.payload or {}
        views = self.state.views
        match answer.get("response_action"):
            case None:
                views.close(view)
                return self._note(person, view, "submitted") | {"closed": True}
            case "clear":
                views.clear(person.id)
                return self._note(person, view, "submitted") | {"closed": True}
            case "errors":
                return {"closed": False, "errors": _checked_errors(view, answer.get("errors"))}
            case "update":
                views.update(view, checked_view(answer.get("view"), "modal"))
                return self._note(person, view, "updated") | {"closed": False, "view_id": view.id}
            case "push":
                pushed = views.push(person.id, checked_view(answer.get("view"), "modal"))
                return self._note(person, pushed, "pushed") | {"closed": False, "view_id": pushed.id}
            case other:
                raise SlackError("invalid_response_action", f"unknown response_action: {other}")

    def _note(self, person: Member, view: View, what: str) -> Json:
        shown = view.as_json(self.state.identity)
        self.state.record.add("view", what=what, user=person.id, view_id=view.id, view=shown)
        return {}


def _checked_errors(view: View, errors: object) -> dict[str, str]:
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors:
        raise SlackError("invalid_response_action", "missing required field: errors")
    strange = [f"no input block {name!r}" for name in errors if name not in inputs]
    strange += [
        f"empty error for {name!r}" for name, text in errors.items() if not isinstance(text, str) or not text
    ]
    if strange:
        raise SlackError("invalid_response_action", *strange)
    return dict(errors)
