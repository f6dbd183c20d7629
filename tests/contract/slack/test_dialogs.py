"""The Slack stand-in's dialogs, answered by the unmodified slack-bolt."""

from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.slack.server import SlackServer
from deploy.sandbox.slack.team.tickets import TRIGGER_LIFE_S
from tests.contract.slack.rig import OLIVIA, Acts, Json, card, dialog, plain, refused


async def test_a_click_opens_a_dialog_that_is_refused_then_sent(
    slack: SlackServer, web: AsyncWebClient, app: AsyncApp, act: Acts
) -> None:
    bodies: list[Json] = []

    @app.action("reject")
    async def open_dialog(ack: Any, body: Json, client: AsyncWebClient) -> None:
        bodies.append(body)
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=dialog())

    @app.view("why")
    async def take(ack: Any, view: Json) -> None:
        value = view["state"]["values"]["why"]["text"]
        assert value["type"] == "plain_text_input"
        if value["value"] == "dunno":
            await ack(response_action="errors", errors={"why": "Say more"})
        else:
            await ack()

    posted = await web.chat_postMessage(channel=OLIVIA, text="started", blocks=card())
    where = {"user": "olivia", "channel": "app", "ts": posted["ts"]}
    clicked = await act("click", **where, action_id="reject", wait_view_ms=1000)
    assert clicked["ok"] is True
    assert bodies[0]["actions"][0]["value"] == "a-1"
    assert bodies[0]["message"]["ts"] == bodies[0]["container"]["message_ts"] == posted["ts"]

    send = {"user": "olivia", "view_id": clicked["view_id"]}
    unfilled = await act("submit", **send)
    assert (unfilled["ok"], list(unfilled["errors"])) == (False, ["why"])
    weak = await act("submit", **send, values={"why": "dunno"})
    assert (weak["ok"], weak["closed"], weak["errors"]) == (True, False, {"why": "Say more"})
    sent = await act("submit", **send, values={"text": "not me"})
    assert (sent["ok"], sent["closed"]) == (True, True)
    assert slack.state.views.find(clicked["view_id"]) is None


async def test_a_trigger_opens_one_dialog_within_three_seconds(
    slack: SlackServer, web: AsyncWebClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = slack.state.tickets.trigger("T0", OLIVIA)
    await web.views_open(trigger_id=trigger.id, view=dialog())
    again = await refused(web.views_open(trigger_id=trigger.id, view=dialog()))
    assert again["error"] == "exchanged_trigger_id"
    late = slack.state.tickets.trigger("T0", OLIVIA)
    monkeypatch.setattr(late, "issued", late.issued - TRIGGER_LIFE_S)
    assert (await refused(web.views_open(trigger_id=late.id, view=dialog())))["error"] == "expired_trigger_id"
    assert (await refused(web.views_open(trigger_id="1.2.3", view=dialog())))["error"] == "invalid_trigger_id"


async def test_views_are_stacked_three_high_and_guarded_by_their_hash(
    slack: SlackServer, web: AsyncWebClient
) -> None:
    opened = await web.views_open(trigger_id=slack.state.tickets.trigger("T0", OLIVIA).id, view=dialog())
    first = opened["view"]
    for _ in range(2):
        trigger = slack.state.tickets.trigger("T0", OLIVIA, first["id"])
        pushed = await web.views_push(trigger_id=trigger.id, view=dialog())
        assert pushed["view"]["root_view_id"] == first["id"]
    trigger = slack.state.tickets.trigger("T0", OLIVIA, first["id"])
    assert (await refused(web.views_push(trigger_id=trigger.id, view=dialog())))[
        "error"
    ] == "push_limit_reached"
    await web.views_update(view_id=first["id"], hash=first["hash"], view=dialog())
    stale = await refused(web.views_update(view_id=first["id"], hash=first["hash"], view=dialog()))
    assert stale["error"] == "hash_conflict"
    assert (await refused(web.views_update(view_id="V0", view=dialog())))["error"] == "not_found"
    untitled = await refused(web.views_open(trigger_id="1.2.3", view=dialog() | {"title": plain("")}))
    assert untitled["response_metadata"]["messages"] == [
        "[ERROR] must be more than 0 characters [json-pointer:/view/title/text]"
    ]


@pytest.mark.parametrize("action", ["update", "push", "clear"])
async def test_a_submission_is_followed_by(
    slack: SlackServer, web: AsyncWebClient, app: AsyncApp, act: Acts, action: str
) -> None:
    @app.view("why")
    async def take(ack: Any) -> None:
        following = {"view": dialog(callback_id="next")} if action != "clear" else {}
        await ack(response_action=action, **following)

    opened = await web.views_open(trigger_id=slack.state.tickets.trigger("T0", OLIVIA).id, view=dialog())
    sent = await act("submit", user="olivia", view_id=opened["view"]["id"], values={"why": "because"})
    stack = slack.state.views.stacks.get(OLIVIA, [])
    shown = [view.definition["callback_id"] for view in stack]
    assert shown == {"update": ["next"], "push": ["why", "next"], "clear": []}[action]
    assert sent.get("view_id") == (stack[-1].id if stack else None)


async def test_a_response_slack_would_refuse_is_told_and_keeps_the_dialog(
    slack: SlackServer, web: AsyncWebClient, app: AsyncApp, act: Acts
) -> None:
    @app.view("why")
    async def take(ack: Any) -> None:
        await ack(response_action="errors", errors={"no-such-block": "x"})

    opened = await web.views_open(trigger_id=slack.state.tickets.trigger("T0", OLIVIA).id, view=dialog())
    sent = await act("submit", user="olivia", view_id=opened["view"]["id"], values={"why": "x"})
    assert (sent["ok"], sent["error"]) == (False, "invalid_response_action")
    assert slack.state.views.find(opened["view"]["id"]) is not None


async def test_closing_is_told_only_to_who_asked_for_it(
    slack: SlackServer, web: AsyncWebClient, app: AsyncApp, act: Acts
) -> None:
    closed: list[bool] = []

    @app.view_closed("why")
    async def note(ack: Any, body: Json) -> None:
        closed.append(body["is_cleared"])
        await ack()

    for notify in (False, True):
        trigger = slack.state.tickets.trigger("T0", OLIVIA)
        opened = await web.views_open(trigger_id=trigger.id, view=dialog(notify_on_close=notify))
        assert (await act("close", user="olivia", view_id=opened["view"]["id"]))["closed"] is True
    assert closed == [False]
