"""``auth.test``, ``bots.info`` and ``apps.connections.open``."""

from deploy.sandbox.slack.api.arguments import Args
from deploy.sandbox.slack.api.ratelimits import Tier
from deploy.sandbox.slack.api.webapi import method
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.messages import Json


@method("api.test", Tier.FOUR)
def api_test(_state: State, args: Args) -> Json:
    if "error" in args:
        raise SlackError(args.text("error"), args=args.values)
    return {"args": args.values}


@method("auth.test", Tier.HUNDREDS)
def auth_test(state: State, _args: Args) -> Json:
    me = state.identity
    organization = {"enterprise_id": me.enterprise_id} if me.enterprise_id else {}
    return {
        **organization,
        "url": f"https://{me.team_domain}.slack.com/",
        "team": me.team_name,
        "user": me.bot_handle,
        "team_id": me.team_id,
        "user_id": me.bot_user,
        "bot_id": me.bot_id,
        "is_enterprise_install": me.is_enterprise_install,
    }


@method("bots.info", Tier.THREE, scopes=("users:read",), takes_json=False)
def bots_info(state: State, args: Args) -> Json:
    me = state.identity
    if args.text("bot", me.bot_id) != me.bot_id:
        raise SlackError("bot_not_found")
    bot = {
        "id": me.bot_id,
        "deleted": False,
        "name": me.app_name,
        "updated": 0,
        "app_id": me.app_id,
        "user_id": me.bot_user,
        "icons": {},
    }
    return {"bot": bot}


@method("apps.connections.open", Tier.THREE, token="app")  # noqa: S106 - a kind of token
def connections_open(state: State, _args: Args) -> Json:
    return {"url": state.issue_socket_url()}
