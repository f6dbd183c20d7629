"""The payloads Slack sends to an app, in Slack's own shapes."""

import time

from deploy.sandbox.slack.state import SlashCommand, State
from deploy.sandbox.slack.team.inputs import Placed, state_values
from deploy.sandbox.slack.team.members import Member
from deploy.sandbox.slack.team.messages import Channel, Json, Message
from deploy.sandbox.slack.team.tickets import Trigger
from deploy.sandbox.slack.team.views import View
from deploy.sandbox.slack.team.workspace import new_id


def message_events(channel: Channel) -> str:
    """What to subscribe to for the messages of a channel, such as ``message.channels``."""
    return f"message.{channel.family}"


def _interactive(state: State, kind: str, who: Member) -> Json:
    """What all interactive payloads begin with.

    ``user.team_id`` is the clicker's own workspace, or their organization; ``team`` is the workspace that
    the app is installed in, by which Bolt finds the app's token (slack_bolt ``extract_team_id``).
    """
    me = state.identity
    user = {"id": who.id, "username": who.handle, "name": who.handle, "team_id": who.actor_team(me)}
    return {
        "type": kind,
        "user": user,
        "api_app_id": me.app_id,
        "token": me.verification_token,
        "team": me.team(),
        "enterprise": me.enterprise(),
        "is_enterprise_install": me.is_enterprise_install,
    }


def _from_view(state: State, kind: str, who: Member, view: View) -> Json:
    """What payloads from a view begin with.

    A dialog that somebody of another workspace opened is of theirs, with ``view.app_installed_team_id``
    ours; installed in a whole organization, an app finds no ``team`` (both: slack_bolt ``extract_team_id``).
    """
    shown = view.as_json(state.identity)
    payload = {**_interactive(state, kind, who), "view": shown}
    if who.foreign:
        return payload | {"team": {"id": who.team_id, "domain": who.team_id.lower()}, "enterprise": None}
    return payload | ({"team": None} if state.identity.is_enterprise_install else {})


def _message_container(message: Message) -> Json:
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.ephemeral_for is not None,
    }
    return container | ({"thread_ts": message.thread_ts} if message.thread_ts else {})


def _channel(channel: Channel) -> Json:
    return {"id": channel.id, "name": channel.name}


def message_action(
    state: State, who: Member, channel: Channel, message: Message, *, action: Json, trigger: Trigger
) -> Json:
    """``block_actions`` from a message. An ephemeral message is not part of its payload, as with Slack."""
    url = state.tickets.response_url(
        "actions",
        state.identity.team_id,
        user=who.id,
        channel=channel.id,
        ts=message.ts,
        thread_ts=message.thread_ts,
    )
    shown = {} if message.ephemeral_for else {"message": channel.tell(message)}
    return {
        **_interactive(state, "block_actions", who),
        "container": _message_container(message),
        "trigger_id": trigger.id,
        "channel": _channel(channel),
        **shown,
        "state": {"values": state_values(message.layout, message.entered)},
        "response_url": state.base_url + url.path,
        "actions": [action],
    }


def view_action(state: State, who: Member, view: View, action: Json, trigger: Trigger) -> Json:
    """``block_actions`` from a modal or a home tab."""
    return {
        **_from_view(state, "block_actions", who, view),
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": trigger.id,
        "actions": [action],
    }


def view_submission(state: State, who: Member, view: View, trigger: Trigger) -> Json:
    return {
        **_from_view(state, "view_submission", who, view),
        "trigger_id": trigger.id,
        "response_urls": _response_urls(state, who, view),
    }


def _response_urls(state: State, who: Member, view: View) -> list[Json]:
    """One for each conversation chosen in an input with ``response_url_enabled``."""
    urls = []
    for block in view.blocks:
        element = block.get("element", {})
        if not element.get("response_url_enabled"):
            continue
        chosen = view.values()[block["block_id"]][element["action_id"]]
        channel = chosen.get("selected_conversation") or chosen.get("selected_channel")
        if channel:
            url = state.tickets.response_url(
                "app", state.identity.team_id, user=who.id, channel=channel, ts=None, thread_ts=None
            )
            where = {"block_id": block["block_id"], "action_id": element["action_id"]}
            urls.append({**where, "channel_id": channel, "response_url": state.base_url + url.path})
    return urls


def view_closed(state: State, who: Member, view: View, *, is_cleared: bool) -> Json:
    return {**_from_view(state, "view_closed", who, view), "is_cleared": is_cleared}


def block_suggestion(
    state: State, who: Member, placed: Placed, query: str, source: View | tuple[Channel, Message]
) -> Json:
    """What an external menu asks while somebody types into it."""
    kind = "block_suggestion"
    asked = {"action_id": placed.action_id, "block_id": placed.block_id, "value": query}
    if isinstance(source, View):
        container = {"type": "view", "view_id": source.id}
        return {**_from_view(state, kind, who, source), **asked, "container": container}
    channel, message = source
    shown = {} if message.ephemeral_for else {"message": channel.tell(message)}
    place = {"container": _message_container(message), "channel": _channel(channel)}
    return {**_interactive(state, kind, who), **asked, **place, **shown}


def slash_command(
    state: State, who: Member, channel: Channel, command: SlashCommand, *, text: str, trigger: Trigger
) -> Json:
    """A slash command's form fields; over Socket Mode Slack sends the same names as JSON.

    ``team_id`` is the app's workspace whoever types, since an app's token is found by it: it does not tell
    where the person is from. https://docs.slack.dev/interactivity/implementing-slash-commands
    """
    me = state.identity
    organization = {"enterprise_id": me.enterprise_id, "enterprise_name": me.enterprise_name}
    url = state.tickets.response_url(
        "commands", me.team_id, user=who.id, channel=channel.id, ts=None, thread_ts=None
    )
    return {
        "token": me.verification_token,
        "team_id": me.team_id,
        "team_domain": me.team_domain,
        **(organization if me.enterprise_id else {}),
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": who.id,
        "user_name": who.handle,
        "command": command.command,
        "text": text,
        "api_app_id": me.app_id,
        "is_enterprise_install": str(me.is_enterprise_install).lower(),
        "response_url": state.base_url + url.path,
        "trigger_id": trigger.id,
    }


def event_callback(state: State, event: Json, *, who: Member | None = None, shared: bool = False) -> Json:
    """The Events API envelope around an event.

    In a channel that is ``shared`` with another workspace, ``team_id`` is that of ``who`` caused it and
    ``context_team_id`` the app's. An ``app_mention`` has them the other way about, and ``user_team`` in the
    event. Shapes: tests/slack_bolt/request/test_internals.py of https://github.com/slackapi/bolt-python
    """
    me = state.identity
    ours = {"team_id": me.team_id, "enterprise_id": me.enterprise_id or None}
    theirs = ours
    if who is not None and who.foreign:
        actor = who.actor_team(me)
        if event["type"] == "app_mention":
            event = {**event, "team": me.team_id, "user_team": actor, "source_team": actor}
        else:
            theirs = {"team_id": who.team_id, "enterprise_id": who.enterprise_id or None}
    authorization = {
        **ours,
        "user_id": me.bot_user,
        "is_bot": True,
        "is_enterprise_install": me.is_enterprise_install,
    }
    return {
        "token": me.verification_token,
        "team_id": theirs["team_id"],
        **({"enterprise_id": theirs["enterprise_id"]} if theirs["enterprise_id"] else {}),
        "context_team_id": me.team_id,
        "context_enterprise_id": me.enterprise_id or None,
        "api_app_id": me.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": new_id("Ev", 11),
        "event_time": int(time.time()),
        "authorizations": [authorization],
        "is_ext_shared_channel": shared,
        "event_context": "4-" + new_id("", 40),
    }


def home_opened(state: State, who: Member, channel: Channel, tab: str) -> Json:
    event = {
        "type": "app_home_opened",
        "user": who.id,
        "channel": channel.id,
        "event_ts": state.workspace.ts(),
        "tab": tab,
    }
    home = state.views.homes.get(who.id)
    return event | ({"view": home.as_json(state.identity)} if home and tab == "home" else {})


def message_event(channel: Channel, message: Message) -> Json:
    """``message`` for a channel or a direct message."""
    event = message.as_json() | _place(channel, message.ts)
    if message.is_reply and message.thread_ts in channel.messages:
        event["parent_user_id"] = channel.messages[message.thread_ts].user
    return event


def message_changed_event(channel: Channel, message: Message, before: Json, ts: str) -> Json:
    """What an edit sends: the message as it is, and as it was."""
    told = {"subtype": "message_changed", "message": channel.tell(message), "previous_message": before}
    return {"type": "message", "hidden": True, "ts": ts, **told, **_place(channel, ts)}


def message_deleted_event(channel: Channel, before: Json, ts: str) -> Json:
    """What a deletion sends."""
    told = {"subtype": "message_deleted", "previous_message": before, "deleted_ts": before["ts"]}
    return {"type": "message", "hidden": True, "ts": ts, **told, **_place(channel, ts)}


def _place(channel: Channel, event_ts: str) -> Json:
    kind = "group" if channel.family == "groups" else channel.kind
    return {"channel": channel.id, "event_ts": event_ts, "channel_type": kind}
