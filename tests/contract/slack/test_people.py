"""What people do in the Slack stand-in, as the unmodified slack-bolt hears of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from deploy.sandbox.slack.identity import Identity
from deploy.sandbox.slack.server import SlackServer
from deploy.sandbox.slack.team.tickets import RESPONSE_URL_LIFE_S
from tests.contract.slack.rig import (
    APPROVALS,
    NADIA,
    OLIVIA,
    ONCALL,
    SAM,
    SURE,
    Acts,
    Json,
    button,
    card,
    dialog,
    plain,
    seen,
    until,
)


async def test_what_a_person_cannot_do_the_app_never_hears_of(
    slack: SlackServer, web: AsyncWebClient, app: AsyncApp, act: Acts
) -> None:
    assert app.client is web
    posted = await web.chat_postMessage(channel=OLIVIA, text="x", blocks=card(button(confirm=SURE)))
    where = {"channel": posted["channel"], "ts": posted["ts"], "action_id": "reject"}
    attempts = [
        (act("click", user="sam", **where), "cannot_see_channel"),
        (act("click", user="olivia", **where), "needs_confirm"),
        (act("click", user="olivia", **where | {"action_id": "gone"}), "no_such_element"),
        (act("click", user="olivia", **where, value="a-2"), "no_such_element"),
        (act("click", user="olivia", **where | {"ts": "1.0"}), "no_such_message"),
        (act("click", user="nobody", **where), "no_such_person"),
        (act("command", user="sam", channel=ONCALL, command="/slow"), "cannot_see_channel"),
        (act("command", user="sam", command="/vm-unknown"), "invalid_command"),
        (act("command", user="sam", command="/slow", thread_ts="1.0"), "not_supported_in_threads"),
        (act("submit", user="sam", view_id="V0"), "no_such_view"),
        (act("click", user="sam"), "bad_request"),
    ]
    for attempt, error in attempts:
        assert (await attempt)["error"] == error
    assert seen(slack, "delivered") == []


async def test_a_menu_in_a_message_carries_its_choice_and_its_state(
    web: AsyncWebClient, app: AsyncApp, act: Acts
) -> None:
    bodies: list[Json] = []

    @app.action("pick")
    async def pick(ack: Any, body: Json) -> None:
        bodies.append(body)
        await ack()

    options = [{"text": plain(word), "value": word} for word in ("all", "none")]
    menu = {"type": "static_select", "action_id": "pick", "options": options}
    person = {"type": "users_select", "action_id": "who"}
    posted = await web.chat_postMessage(channel=APPROVALS, text="x", blocks=card(menu, person))
    where = {"user": "sam", "channel": APPROVALS, "ts": posted["ts"], "action_id": "pick"}
    assert (await act("click", **where, selected_option="some"))["error"] == "invalid_entry"
    assert (await act("click", **where, confirmed=True, selected_option="none"))["ok"] is True
    assert bodies[0]["actions"][0]["selected_option"]["value"] == "none"
    assert bodies[0]["state"]["values"]["ask"]["pick"]["selected_option"]["value"] == "none"
    assert bodies[0]["state"]["values"]["ask"]["who"] == {"type": "users_select", "selected_user": None}


async def test_an_external_menu_asks_the_app(
    slack: SlackServer, web: AsyncWebClient, app: AsyncApp, act: Acts
) -> None:
    @app.options("vm")
    async def offer(ack: Any, payload: Json) -> None:
        name = payload["value"]
        await ack(options=[{"text": plain(name * 80 if name == "web" else name), "value": name}])

    menu = {"type": "external_select", "action_id": "vm", "min_query_length": 2}
    asked = {"type": "input", "block_id": "vm", "label": plain("VM"), "element": menu}
    trigger = slack.state.tickets.trigger("T0", NADIA)
    opened = await web.views_open(trigger_id=trigger.id, view=dialog(asked))
    typed = {"user": "nadia", "view_id": opened["view"]["id"], "action_id": "vm"}
    assert (await act("options", **typed, query="d"))["error"] == "query_too_short"
    assert (await act("options", **typed, query="db"))["options"][0]["value"] == "db"
    assert (await act("options", **typed, query="web"))["error"] == "invalid_options"


async def test_a_late_acknowledgement_is_a_timeout_for_the_person(
    slack: SlackServer, app: AsyncApp, act: Acts
) -> None:
    @app.command("/slow")
    async def slow(ack: Any) -> None:
        await asyncio.sleep(0.5)
        await ack()

    slack.courier.ack_s = 0.3
    answer = await act("command", user="nadia", channel="vm-oncall", command="/slow")
    assert answer == {"ok": False, "ack_ms": None, "error": "operation_timeout"}
    await until(lambda: bool(seen(slack, "late_ack")))
    assert len(seen(slack, "delivered")) == 1


async def test_an_event_nobody_acknowledges_is_sent_again(
    slack: SlackServer, app: AsyncApp, act: Acts
) -> None:
    tries: list[Any] = []

    async def flaky(body: Json, request: Any, next_: Callable[[], Awaitable[Any]]) -> None:
        tries.append((body["event_id"], request.headers.get("x-slack-retry-num")))
        if len(tries) < 3:
            await asyncio.sleep(0.6)
        await next_()

    app.use(flaky)

    @app.event("app_home_opened")
    async def home() -> None: ...

    slack.courier.ack_s = 0.3
    opened = await act("home", user="sam")
    assert opened["error"] == "operation_timeout"
    await until(lambda: len(tries) == 2)
    slack.courier.ack_s = 3.0
    await until(lambda: len(tries) == 3)
    assert [number for _, number in tries] == [["0"], ["1"], ["2"]]
    assert len({event_id for event_id, _ in tries}) == 1
    await until(lambda: bool(seen(slack, "acked")))


async def test_a_command_is_answered_at_once_and_five_times_later(
    slack: SlackServer, app: AsyncApp, act: Acts
) -> None:
    bodies: list[Json] = []

    @app.command("/vm-lockdown")
    async def lock(ack: Any, body: Json) -> None:
        bodies.append(body)
        await ack("looking")

    answer = await act("command", user="nadia", channel=ONCALL, command="/vm-lockdown", text="web & @olivia")
    assert answer["text"] == "looking"
    assert bodies[0]["text"] == f"web &amp; <@{OLIVIA}|olivia>"
    assert (bodies[0]["channel_name"], bodies[0]["user_id"]) == ("vm-oncall", NADIA)
    hook = AsyncWebhookClient(bodies[0]["response_url"])
    for number in range(5):
        assert (await hook.send(text=str(number), response_type="in_channel")).body == "ok"
    used = await hook.send(text="6")
    assert (used.status_code, json.loads(used.body)["error"]) == (404, "used_url")
    assert [m.text for m in slack.state.workspace.channels[ONCALL].messages.values()] == list("01234")


async def test_a_response_url_is_good_for_half_an_hour(
    slack: SlackServer, app: AsyncApp, act: Acts, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls: list[str] = []

    @app.command("/slow")
    async def take(ack: Any, body: Json) -> None:
        urls.append(body["response_url"])
        await ack()

    await act("command", user="nadia", channel=ONCALL, command="/slow")
    url = slack.state.tickets.peek(urls[0].removeprefix(slack.url))
    hook = AsyncWebhookClient(urls[0])
    monkeypatch.setattr(url, "issued", url.issued - RESPONSE_URL_LIFE_S + 5)
    assert (await hook.send(text="just in time")).status_code == 200
    monkeypatch.setattr(url, "issued", url.issued - 5)
    late = await hook.send(text="too late")
    assert (late.status_code, json.loads(late.body)["error"]) == (404, "expired_url")


async def test_a_response_url_replaces_and_deletes_what_was_clicked(
    slack: SlackServer, web: AsyncWebClient, app: AsyncApp, act: Acts
) -> None:
    bodies: list[Json] = []

    @app.action("reject")
    async def take(ack: Any, body: Json, respond: Any) -> None:
        bodies.append(body)
        await ack()
        await respond(text="done", replace_original=True, blocks=card(button("undo")))

    @app.action("undo")
    async def undo(ack: Any, respond: Any) -> None:
        await ack()
        await respond(delete_original=True)

    private = await web.chat_postEphemeral(channel=APPROVALS, user=SAM, text="x", blocks=card())
    where = {"user": "sam", "channel": APPROVALS, "ts": private["message_ts"]}
    assert (await act("click", **where, action_id="reject"))["ok"] is True
    assert "message" not in bodies[0]
    assert bodies[0]["container"]["is_ephemeral"] is True
    kept = slack.state.workspace.channels[APPROVALS].ephemerals
    await until(lambda: kept[private["message_ts"]].text == "done")
    assert (await act("click", **where, action_id="undo"))["ok"] is True
    await until(lambda: not kept)
    assert (await act("click", **where | {"user": "olivia"}, action_id="undo"))["error"] == "no_such_message"


async def test_people_talk_with_the_app(web: AsyncWebClient, app: AsyncApp, act: Acts) -> None:
    events: list[Json] = []

    @app.event("message")
    async def message(event: Json) -> None:
        events.append(event)

    @app.event("app_mention")
    async def mention(event: Json) -> None:
        events.append(event)

    parent = await web.chat_postMessage(channel=APPROVALS, text="parent")
    await act("message", user="sam", text="hello")
    await act("message", user="sam", channel="vm-approvals", text="@startgate <why>", thread_ts=parent["ts"])
    await until(lambda: len(events) == 3)
    direct, threaded, mentioned = events
    assert (direct["channel_type"], direct["text"]) == ("im", "hello")
    assert (threaded["thread_ts"], threaded["parent_user_id"]) == (parent["ts"], Identity().bot_user)
    assert mentioned["type"] == "app_mention"
    assert mentioned["text"] == f"<@{Identity().bot_user}> &lt;why&gt;"


async def test_bolt_drops_the_echo_of_its_own_messages(
    slack: SlackServer, web: AsyncWebClient, app: AsyncApp, http: aiohttp.ClientSession
) -> None:
    heard: list[Json] = []

    @app.event("message")
    async def message(event: Json) -> None:
        heard.append(event)

    await http.put("/_limits", json={"echoes": True})
    posted = await web.chat_postMessage(channel=OLIVIA, text="first")
    where: Json = {"channel": posted["channel"], "ts": posted["ts"]}
    await web.chat_update(**where, text="second")
    await web.chat_delete(**where)
    await until(lambda: len(seen(slack, "acked")) == 3)
    events = [entry["envelope"]["payload"]["event"] for entry in seen(slack, "delivered")]
    assert [event.get("subtype") for event in events] == [None, "message_changed", "message_deleted"]
    assert events[1]["previous_message"]["text"] == "first"
    assert heard == []


async def test_a_home_tab_is_published_and_used(slack: SlackServer, app: AsyncApp, act: Acts) -> None:
    views: list[Any] = []

    @app.event("app_home_opened")
    async def show(event: Json, client: AsyncWebClient) -> None:
        views.append(event.get("view"))
        await client.views_publish(
            user_id=event["user"], view={"type": "home", "blocks": card(button("mute"))}
        )

    @app.action("mute")
    async def mute(ack: Any, body: Json) -> None:
        views.append(body["view"])
        await ack()

    opened = await act("home", user="sam", wait_view_ms=5000)
    view_id = opened["view"]["id"]
    assert slack.state.views.homes[SAM].id == view_id
    assert (await act("view-action", user="sam", view_id=view_id, action_id="mute"))["ok"] is True
    assert (views[0], views[1]["type"], views[1]["id"]) == (None, "home", view_id)
    assert (await act("home", user="sam"))["view"]["id"] == view_id


async def test_a_person_sees_their_own_and_reset_forgets_all(
    slack: SlackServer, web: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    await web.chat_postMessage(channel=OLIVIA, text="private")
    await web.chat_postEphemeral(channel=APPROVALS, user=SAM, text="only sam")

    async def texts(user: str) -> list[str]:
        async with http.get("/_state", params={"user": user}) as response:
            state = await response.json()
        return [message["text"] for channel in state["channels"] for message in channel["messages"]]

    assert await texts("olivia") == ["private"]
    assert await texts("sam") == ["only sam"]
    await http.post("/_reset")
    assert await texts("sam") == []
    assert seen(slack, "ephemeral")[0]["user"] == SAM
