"""``usergroups.*``: groups of people, on paid plans."""

from deploy.sandbox.slack.api.arguments import Args
from deploy.sandbox.slack.api.ratelimits import Tier
from deploy.sandbox.slack.api.webapi import method
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.messages import Json

READ = ("usergroups:read",)


@method("usergroups.list", Tier.TWO, scopes=READ, takes_json=False)
def list_groups(state: State, args: Args) -> Json:
    _need_plan(state)
    with_users, with_disabled = args.flag("include_users"), args.flag("include_disabled")
    groups = [g for g in state.workspace.groups.values() if with_disabled or not g.disabled]
    return {"usergroups": [g.as_json(state.identity, with_users=with_users) for g in groups]}


@method("usergroups.users.list", Tier.TWO, scopes=READ, needs=("usergroup",), takes_json=False)
def list_users(state: State, args: Args) -> Json:
    """Deactivated members are left out, as in Slack."""
    _need_plan(state)
    group = state.workspace.groups.get(args.text("usergroup"))
    if group is None or (group.disabled and not args.flag("include_disabled")):
        raise SlackError("no_such_subteam")
    members = state.workspace.members
    return {"users": [user for user in group.users if user in members and not members[user].deleted]}


def _need_plan(state: State) -> None:
    if not state.switches.usergroups_plan:
        raise SlackError("plan_upgrade_required")
