"""``views.*``: dialogs and home tabs."""

from deploy.sandbox.slack.api.arguments import Args
from deploy.sandbox.slack.api.ratelimits import Tier
from deploy.sandbox.slack.api.webapi import method
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.messages import Json
from deploy.sandbox.slack.team.views import View, checked_view


@method("views.open", Tier.FOUR, needs=("trigger_id", "view"))
def open_view(state: State, args: Args) -> Json:
    definition = checked_view(args.structure("view", "invalid_arguments"), "modal")
    trigger = state.tickets.exchange(args.text("trigger_id"))
    team = state.workspace.members[trigger.user].team_id
    view = state.views.open(trigger.user, definition, team=team)
    trigger.spend(view.id)
    return _shown(state, view, "opened")


@method("views.push", Tier.FOUR, needs=("trigger_id", "view"))
def push(state: State, args: Args) -> Json:
    definition = checked_view(args.structure("view", "invalid_arguments"), "modal")
    trigger = state.tickets.exchange(args.text("trigger_id"))
    if trigger.from_view is None:
        raise SlackError("invalid_trigger_id")
    view = state.views.push(trigger.user, definition)
    trigger.spend(view.id)
    return _shown(state, view, "pushed")


@method("views.update", Tier.FOUR, needs=("view",))
def update(state: State, args: Args) -> Json:
    if "view_id" not in args and "external_id" not in args:
        raise SlackError("invalid_arguments", "missing required field: view_id or external_id")
    views = state.views
    if "view_id" in args:
        view = views.find(args.text("view_id"))
    else:
        view = views.by_external_id(args.text("external_id"))
    if view is None:
        raise SlackError("not_found")
    definition = checked_view(args.structure("view", "invalid_arguments"), view.surface)
    views.update(view, definition, expected_hash=args.text("hash"))
    return _shown(state, view, "updated")


@method("views.publish", Tier.FOUR, needs=("user_id", "view"))
def publish(state: State, args: Args) -> Json:
    if not state.tabs.home:
        raise SlackError("not_enabled")
    member = state.workspace.members.get(args.text("user_id"))
    if member is None:
        raise SlackError("user_not_found")
    if member.deleted:
        raise SlackError("user_disabled")
    definition = checked_view(args.structure("view", "invalid_arguments"), "home")
    view = state.views.publish(member.id, definition, expected_hash=args.text("hash"))
    return _shown(state, view, "published")


def _shown(state: State, view: View, what: str) -> Json:
    shown = view.as_json(state.identity)
    state.record.add("view", what=what, user=view.user, view_id=view.id, view=shown)
    return {"view": shown}
