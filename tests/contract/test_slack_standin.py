"""The Slack stand-in, spoken to by the unmodified slack-bolt and slack-sdk over real sockets."""

import asyncio
import json
import statistics
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web as aioweb
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from deploy.sandbox.faults import Fault
from deploy.sandbox.slack.identity import Identity
from deploy.sandbox.slack.server import SlackServer
from deploy.sandbox.slack.state import SlashCommand
from deploy.sandbox.slack.tickets import TRIGGER_LIFE_S

Json = dict[str, Any]
Acts = Callable[..., Awaitable[Json]]

OLIVIA, COLIN, NADIA, SAM = "U0OLIVIA01", "U0COLIN002", "U0NADIA003", "U0SAM00004"
APPROVALS, ONCALL = "C0APPROVALS", "C0ONCALL001"
COMMANDS = [SlashCommand(command="/vm-lockdown", should_escape=True), SlashCommand(command="/slow")]
SURE = {part: {"type": "plain_text", "text": part} for part in ("title", "text", "confirm", "deny")}


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def button(action_id: str = "reject", **extra: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain("Reject"), "value": "a-1"} | extra


def card(*elements: Json) -> list[Json]:
    text = {"type": "mrkdwn", "text": "*web-01* was started"}
    return [
        {"type": "section", "text": text},
        {"type": "actions", "block_id": "ask", "elements": list(elements) or [button()]},
    ]


def dialog(*blocks: Json, **extra: Any) -> Json:
    why = {"type": "plain_text_input", "action_id": "text"}
    asked = {"type": "input", "block_id": "why", "label": plain("Why?"), "element": why}
    head = {"type": "modal", "callback_id": "why", "title": plain("Reject"), "submit": plain("Send")}
    return {**head, "private_metadata": "a-1", "blocks": list(blocks) or [asked], **extra}


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    server = SlackServer(commands=list(COMMANDS), event_retries_s=(0.05, 0.05))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def web(slack: SlackServer) -> AsyncWebClient:
    return AsyncWebClient("xoxb-sandbox", base_url=slack.ready()["api_url"])


@pytest.fixture
async def http(slack: SlackServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(slack.url) as session:
        yield session


@pytest.fixture
async def act(http: aiohttp.ClientSession) -> Acts:
    async def do(what: str, **fields: Any) -> Json:
        async with http.post(f"/_act/{what}", json=fields) as response:
            answer: Json = await response.json()
            return answer

    return do


@pytest.fixture
async def app(slack: SlackServer, web: AsyncWebClient) -> AsyncIterator[AsyncApp]:
    """A Bolt app connected over Socket Mode; tests add their listeners."""
    bolt = AsyncApp(client=web, signing_secret="unused")
    handler = AsyncSocketModeHandler(bolt, "xapp-sandbox", ping_interval=0.5)
    await handler.connect_async()
    await until(lambda: bool(slack.sockets.live))
    yield bolt
    await handler.close_async()


async def until(holds: Callable[[], bool], timeout_s: float = 15.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event to wait on
            await asyncio.sleep(0.005)


def seen(slack: SlackServer, kind: str) -> list[Json]:
    return [entry.data for entry in slack.record.since(kind=kind)]


async def refused(call: Awaitable[Any]) -> Json:
    with pytest.raises(SlackApiError) as caught:
        await call
    data: Json = caught.value.response.data
    return data


async def test_the_sdk_learns_who_it_is_and_what_it_may_do(web: AsyncWebClient) -> None:
    answer = await web.auth_test()
    assert answer["bot_id"] == Identity().bot_id
    assert "chat:write" in answer.headers["x-oauth-scopes"]


@pytest.mark.parametrize(
    ("token", "method", "error"),
    [
        ("", "auth.test", "not_authed"),
        ("xoxb-other", "auth.test", "invalid_auth"),
        ("xapp-sandbox", "auth.test", "not_allowed_token_type"),
        ("xoxb-sandbox", "apps.connections.open", "not_allowed_token_type"),
        ("xoxb-sandbox", "chat.postTelegram", "unknown_method"),
    ],
)
async def test_a_call_is_refused_by_its_token(
    slack: SlackServer, token: str, method: str, error: str
) -> None:
    client = AsyncWebClient(token, base_url=slack.ready()["api_url"])
    assert (await refused(client.api_call(method)))["error"] == error


async def test_a_missing_scope_is_named(web: AsyncWebClient, http: aiohttp.ClientSession) -> None:
    await http.put("/_limits", json={"scopes": ["users:read"]})
    answer = await refused(web.chat_postMessage(channel=APPROVALS, text="hi"))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "chat:write")


async def test_scopes_go_by_the_kind_of_conversation(
    web: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    dm = (await web.conversations_open(users=OLIVIA))["channel"]["id"]
    await http.put("/_limits", json={"scopes": ["im:history", "channels:read"]})
    await web.conversations_history(channel=dm)
    assert (await refused(web.conversations_history(channel=APPROVALS)))["needed"] == "channels:history"
    assert (await web.conversations_info(channel=APPROVALS))["channel"]["is_member"] is True
    assert (await refused(web.conversations_info(channel=dm)))["needed"] == "im:read"
    assert (await refused(web.conversations_open(users=OLIVIA)))["needed"] == "im:write"


async def test_every_encoding_slack_takes_is_taken(http: aiohttp.ClientSession) -> None:
    auth = {"Authorization": "Bearer xoxb-sandbox"}
    post = "/api/chat.postMessage"
    fields = {"channel": APPROVALS, "text": "hi", "blocks": json.dumps(card())}
    for sent in (
        http.post(post, json={**fields, "blocks": card()}, headers=auth),
        http.post(post, data=fields, headers=auth),
        http.post(post, data={**fields, "token": "xoxb-sandbox"}),
        http.get("/api/users.info", params={"user": OLIVIA}, headers=auth),
        http.post("/api/users.info", data={"user": OLIVIA}, headers=auth),
    ):
        assert (await (await sent).json())["ok"] is True
    unread = await http.post("/api/users.info", json={"user": OLIVIA}, headers=auth)
    assert (await unread.json())["error"] == "invalid_arguments"
    broken = await http.post(post, data="{", headers={**auth, "Content-Type": "application/json"})
    assert (await broken.json())["error"] == "invalid_json"


async def test_a_message_is_posted_answered_rewritten_and_deleted(web: AsyncWebClient) -> None:
    posted = await web.chat_postMessage(channel="#vm-approvals", text="hi", blocks=card())
    where: Json = {"channel": posted["channel"], "ts": posted["ts"]}
    reply = await web.chat_postMessage(
        channel=APPROVALS, text="step", thread_ts=where["ts"], reply_broadcast=True
    )
    kept = await web.chat_update(**where, text="only the text changes")
    assert len(kept["message"]["blocks"]) == 2
    assert kept["message"]["reply_count"] == 1
    emptied = await web.chat_update(**where, text="no blocks", blocks=[])
    assert "blocks" not in emptied["message"]
    link = await web.chat_getPermalink(channel=APPROVALS, message_ts=reply["ts"])
    assert f"thread_ts={where['ts']}" in link["permalink"]
    await web.chat_delete(channel=APPROVALS, ts=reply["ts"])
    await web.chat_delete(**where)
    assert (await refused(web.chat_update(**where, text="x")))["error"] == "message_not_found"


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({"channel": "C0NOWHERE00"}, "channel_not_found"),
        ({"text": None}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"blocks": {"type": "divider"}}, "invalid_blocks_format"),
        ({"blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"blocks": [{"type": "section", "text": plain("x" * 2700)}] * 5}, "msg_blocks_too_long"),
        ({"metadata": {"event_type": "card"}}, "invalid_metadata_format"),
        ({"thread_ts": "1.000000"}, "thread_not_found"),
        ({"markdown_text": "**x**"}, "markdown_text_conflict"),
    ],
)
async def test_a_message_is_refused(web: AsyncWebClient, args: Json, error: str) -> None:
    given = {"channel": APPROVALS, "text": "hi"} | args
    sent = {name: value for name, value in given.items() if value is not None}
    assert (await refused(web.api_call("chat.postMessage", json=sent)))["error"] == error


async def test_refused_blocks_come_with_the_place(web: AsyncWebClient) -> None:
    answer = await refused(
        web.chat_postMessage(channel=APPROVALS, text="hi", blocks=card(button(text=plain(""))))
    )
    place = "[json-pointer:/blocks/1/elements/0/text/text]"
    assert answer["response_metadata"]["messages"] == [f"[ERROR] must be more than 0 characters {place}"]


async def test_blocks_without_text_are_warned_about(web: AsyncWebClient) -> None:
    answer = await web.api_call("chat.postMessage", json={"channel": APPROVALS, "blocks": card()})
    assert answer["warning"] == "missing_text_in_message"


async def test_channels_refuse_who_is_not_in_them(slack: SlackServer, web: AsyncWebClient) -> None:
    slack.state.workspace.channels[ONCALL].archived = True
    assert (await refused(web.chat_postMessage(channel=ONCALL, text="hi")))["error"] == "is_archived"
    slack.state.workspace.channels[APPROVALS].members.discard(Identity().bot_user)
    slack.state.switches = slack.state.switches.model_copy(
        update={"scopes": ("chat:write", "channels:history")}
    )
    assert (await refused(web.chat_postMessage(channel=APPROVALS, text="hi")))["error"] == "not_in_channel"
    assert (await refused(web.conversations_history(channel=APPROVALS)))["error"] == "not_in_channel"


async def test_only_the_apps_own_messages_can_be_changed(web: AsyncWebClient, act: Acts) -> None:
    said = await act("message", user="sam", channel="vm-approvals", text="mine")
    where: Json = {"channel": APPROVALS, "ts": said["ts"]}
    assert (await refused(web.chat_update(**where, text="x")))["error"] == "cant_update_message"
    assert (await refused(web.chat_delete(**where)))["error"] == "cant_delete_message"


async def test_metadata_comes_back_page_by_page(web: AsyncWebClient) -> None:
    for number in range(5):
        metadata = {"event_type": "card", "event_payload": {"id": number}}
        await web.chat_postMessage(channel=APPROVALS, text=str(number), metadata=metadata)
    ids: list[int] = []
    pages = await web.conversations_history(channel=APPROVALS, limit=2, include_all_metadata=True)
    async for page in pages:
        ids += [message["metadata"]["event_payload"]["id"] for message in page["messages"]]
    assert ids == [4, 3, 2, 1, 0]
    bare = await web.conversations_history(channel=APPROVALS, limit=1)
    assert "metadata" not in bare["messages"][0]


async def test_a_thread_is_read_from_its_parent_on(web: AsyncWebClient) -> None:
    parent = await web.chat_postMessage(channel=APPROVALS, text="parent")
    for number in range(3):
        await web.chat_postMessage(channel=APPROVALS, text=f"reply {number}", thread_ts=parent["ts"])
    first = await web.conversations_replies(channel=APPROVALS, ts=parent["ts"], limit=2)
    assert [message["text"] for message in first["messages"]] == ["parent", "reply 0", "reply 1"]
    assert first["has_more"] is True
    history = await web.conversations_history(channel=APPROVALS)
    assert [message["text"] for message in history["messages"]] == ["parent"]


async def test_people_are_found_until_they_leave(web: AsyncWebClient, http: aiohttp.ClientSession) -> None:
    found = await web.users_lookupByEmail(email="OLIVIA@contoso.example")
    assert (found["user"]["id"], found["user"]["tz"]) == (OLIVIA, "Europe/Berlin")
    dm = await web.conversations_open(users=OLIVIA)
    assert (await web.conversations_open(users=OLIVIA))["already_open"] is True
    await http.post("/_people", json={"key": "olivia", "deleted": True})
    unknown = await refused(web.users_lookupByEmail(email="olivia@contoso.example"))
    assert unknown["error"] == "users_not_found"
    assert (await web.users_info(user=OLIVIA))["user"]["deleted"] is True
    assert (await refused(web.conversations_open(users=OLIVIA)))["error"] == "user_disabled"
    assert (await refused(web.users_info(user="U0NOBODY00")))["error"] == "user_not_found"
    assert OLIVIA in (await web.conversations_members(channel=dm["channel"]["id"]))["members"]
    added = await (await http.post("/_people", json={"key": "zoe", "email": "zoe@contoso.example"})).json()
    assert (await web.users_lookupByEmail(email="zoe@contoso.example"))["user"]["id"] == added["id"]


async def test_user_groups_need_a_paid_plan(web: AsyncWebClient, http: aiohttp.ClientSession) -> None:
    assert (await web.usergroups_users_list(usergroup="S0ONCALL01"))["users"] == [NADIA]
    assert (await web.usergroups_list(include_users=True))["usergroups"][0]["users"] == [NADIA]
    assert (await refused(web.usergroups_users_list(usergroup="S0NONE")))["error"] == "no_such_subteam"
    await http.put("/_limits", json={"usergroups_plan": False})
    assert (await refused(web.usergroups_list()))["error"] == "plan_upgrade_required"


async def test_rate_limits_say_when_to_come_back(web: AsyncWebClient, http: aiohttp.ClientSession) -> None:
    await http.put("/_limits", json={"tiers": True})
    for _ in range(3):
        await web.chat_postMessage(channel=APPROVALS, text="burst")
    with pytest.raises(SlackApiError) as caught:
        await web.chat_postMessage(channel=APPROVALS, text="one too many")
    response = caught.value.response
    assert (response.status_code, response["error"]) == (429, "ratelimited")
    assert response.headers["Retry-After"] == "1"
    await web.chat_postMessage(channel=ONCALL, text="another channel is free")
    for _ in range(20):
        await web.usergroups_list()
    assert (await refused(web.usergroups_list()))["error"] == "ratelimited"


async def test_only_real_mentions_are_on_record(slack: SlackServer, web: AsyncWebClient) -> None:
    hostile = {"type": "mrkdwn", "text": "vm &lt;!channel&gt; @here"}
    harmless = {"type": "plain_text", "text": "<!channel>"}
    blocks = [{"type": "section", "fields": [hostile, harmless]}]
    await web.chat_postMessage(channel=APPROVALS, text="&lt;@U0OLIVIA01&gt;", blocks=blocks)
    assert seen(slack, "mention") == []
    loud = [{"type": "context", "elements": [{"type": "mrkdwn", "text": "<!here> <!subteam^S0ONCALL01>"}]}]
    await web.chat_postMessage(channel=APPROVALS, text=f"<@{OLIVIA}>", blocks=loud)
    assert seen(slack, "posted")[-1]["mentions"] == [
        {"kind": "user", "id": OLIVIA, "at": "/text"},
        {"kind": "broadcast", "id": "here", "at": "/blocks/0/elements/0/text"},
        {"kind": "usergroup", "id": "S0ONCALL01", "at": "/blocks/0/elements/0/text"},
    ]


async def test_calls_are_quick_and_their_tokens_off_the_record(
    slack: SlackServer, web: AsyncWebClient
) -> None:
    for number in range(50):
        await web.chat_postMessage(channel=APPROVALS, text=str(number), blocks=card())
    await web.apps_connections_open(app_token="xapp-sandbox")
    calls = seen(slack, "api")
    assert statistics.median(call["duration_ms"] for call in calls) < 3
    assert "sandbox" not in json.dumps([call["args"] for call in calls])


async def test_a_fault_answers_in_slacks_words(slack: SlackServer, web: AsyncWebClient) -> None:
    slack.faults.put(Fault(path="chat.postMessage", status=429, retry_after_s=7, times=1))
    answer = await refused(web.chat_postMessage(channel=APPROVALS, text="hi"))
    assert answer == {"ok": False, "error": "ratelimited"}
    assert seen(slack, "fault")[0]["fault"]["status"] == 429
    await web.chat_postMessage(channel=APPROVALS, text="hi")


async def test_a_reaction_is_added_once(web: AsyncWebClient) -> None:
    posted = await web.chat_postMessage(channel=APPROVALS, text="hi")
    where: Json = {"channel": APPROVALS, "timestamp": posted["ts"], "name": "eyes"}
    await web.reactions_add(**where)
    assert (await refused(web.reactions_add(**where)))["error"] == "already_reacted"


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


@pytest.mark.parametrize(
    "trouble", [{"disconnect": "warning"}, {"disconnect": "refresh_requested"}, {"drop": True}]
)
async def test_the_app_reconnects_after(
    slack: SlackServer, app: AsyncApp, act: Acts, http: aiohttp.ClientSession, trouble: Json
) -> None:
    @app.command("/slow")
    async def quick(ack: Any) -> None:
        await ack()

    before = slack.sockets.live[0].number
    answer = await (await http.post("/_socket", json=trouble)).json()
    assert answer["touched"] == 1
    await until(lambda: any(c.number > before for c in slack.sockets.live))
    assert (await act("command", user="nadia", command="/slow"))["ok"] is True


async def test_nobody_connected_is_told_at_once(slack: SlackServer, act: Acts) -> None:
    answer = await act("command", user="nadia", command="/slow")
    assert answer == {"ok": False, "ack_ms": None, "error": "dispatch_failed"}
    assert seen(slack, "undelivered")


async def test_a_socket_address_is_good_once_and_not_when_refusing(
    slack: SlackServer, http: aiohttp.ClientSession
) -> None:
    url = slack.sockets.issue_url(slack.url)
    async with http.ws_connect(url) as socket:
        hello = await socket.receive_json()
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        await socket.ping(b"sdk-ping-pong:1")
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect(url)
    await http.post("/_socket", json={"refuse": True})
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect(slack.sockets.issue_url(slack.url))


async def test_ten_connections_share_the_work_and_the_eleventh_is_turned_away(
    slack: SlackServer, http: aiohttp.ClientSession, act: Acts
) -> None:
    sockets = [await http.ws_connect(slack.sockets.issue_url(slack.url)) for _ in range(11)]
    first = [await socket.receive_json() for socket in sockets]
    assert first[10]["reason"] == "too_many_websockets"

    async def serve(socket: aiohttp.ClientWebSocketResponse) -> int:
        served = 0
        async for message in socket:
            await socket.send_json({"envelope_id": message.json()["envelope_id"]})
            served += 1
        return served

    tasks = [asyncio.create_task(serve(socket)) for socket in sockets[:10]]
    for _ in range(20):
        assert (await act("command", user="nadia", command="/slow"))["ok"] is True
    for socket in sockets:
        await socket.close()
    assert await asyncio.gather(*tasks) == [2] * 10


async def test_the_sdks_own_client_stays_connected_by_pings(slack: SlackServer, web: AsyncWebClient) -> None:
    client = SocketModeClient(app_token="xapp-sandbox", web_client=web, ping_interval=0.05)
    await client.connect()
    await asyncio.sleep(0.5)
    assert await client.is_connected()
    assert len(seen(slack, "socket")) == 1
    await client.close()


@pytest.fixture
async def http_mode() -> AsyncIterator[tuple[SlackServer, AsyncApp]]:
    """A Bolt app behind a request URL."""
    bolt = AsyncApp(token="xoxb-sandbox", signing_secret=Identity().signing_secret)
    runner = aioweb.AppRunner(bolt.server(0, "/slack/events").web_app)
    await runner.setup()
    site = aioweb.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = SlackServer(
        request_url=f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events",
        commands=list(COMMANDS),
        event_retries_s=(),
    )
    await server.start()
    bolt.client.base_url = server.ready()["api_url"]
    yield server, bolt
    await server.stop()
    await runner.cleanup()


async def test_http_mode_carries_the_same_acts_signed(http_mode: tuple[SlackServer, AsyncApp]) -> None:
    server, bolt = http_mode

    @bolt.command("/vm-lockdown")
    async def lock(ack: Any, body: Json) -> None:
        await ack(f"looking for {body['text']}")

    @bolt.action("reject")
    async def take(ack: Any) -> None:
        await ack()

    @bolt.event("app_home_opened")
    async def home() -> None: ...

    posted = await bolt.client.chat_postMessage(channel=OLIVIA, text="x", blocks=card())
    async with aiohttp.ClientSession(server.url) as session:

        async def act(what: str, **fields: Any) -> Json:
            async with session.post(f"/_act/{what}", json=fields) as response:
                answer: Json = await response.json()
                return answer

        assert (await act("command", user="nadia", command="/vm-lockdown", text="web"))[
            "text"
        ] == "looking for web"
        click = {"user": "olivia", "channel": "app", "ts": posted["ts"], "action_id": "reject"}
        assert (await act("click", **click))["ok"] is True
        assert (await act("home", user="olivia"))["ok"] is True
        assert (await act("message", user="olivia", text="unheard"))["error"] == "http_status_404"
        for check in ("url_verification", "ssl_check"):
            async with session.post("/_http", json={"check": check}) as response:
                assert (await response.json())["ok"] is True
        assert server.request_url is not None
        server.request_url.signing_secret = "another"
        assert (await act("click", **click))["error"] == "http_status_401"


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


async def test_it_runs_as_a_process_with_the_commands_of_a_manifest(tmp_path: Any) -> None:
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(
        "oauth_config: {scopes: {bot: [commands, chat:write]}}\n"
        "features:\n"
        "  app_home: {home_tab_enabled: false, messages_tab_read_only_enabled: true}\n"
        "  slash_commands: [{command: /vm-audit, description: Who did what}]\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "deploy.sandbox.slack",
        "--manifest",
        str(manifest),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    ready = json.loads(await process.stdout.readline())
    async with aiohttp.ClientSession(ready["url"]) as session:
        commands = await (await session.get("/_commands")).json()
        assert [command["command"] for command in commands] == ["/vm-audit"]
        assert (await (await session.get("/_limits")).json())["scopes"] == ["commands", "chat:write"]
        for what, fields, error in (
            ("home", {}, "no_home_tab"),
            ("message", {"text": "hi"}, "messages_tab_read_only"),
        ):
            answer = await session.post(f"/_act/{what}", json={"user": "sam", **fields})
            assert (await answer.json())["error"] == error
    assert ready["api_url"] == ready["url"] + "/api/"
    process.terminate()
    assert await process.wait() == 0
