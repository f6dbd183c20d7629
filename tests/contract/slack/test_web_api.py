"""The Slack stand-in's Web API, called by the unmodified slack-sdk."""

import json
import statistics

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.faults import Fault
from deploy.sandbox.slack.identity import Identity
from deploy.sandbox.slack.server import SlackServer
from tests.contract.slack.rig import (
    APPROVALS,
    NADIA,
    OLIVIA,
    ONCALL,
    Acts,
    Json,
    button,
    card,
    plain,
    refused,
    seen,
    unlimited,
)


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


async def test_metadata_comes_back_page_by_page(slack: SlackServer, web: AsyncWebClient) -> None:
    unlimited(slack, "five posts into a channel take seconds at its pace, and pages are what this is about")
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


async def test_a_thread_is_read_from_its_parent_on(slack: SlackServer, web: AsyncWebClient) -> None:
    unlimited(slack, "four posts into a channel take longer than reading them, which this is about")
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
    zoe = {"key": "zoe", "usergroups": ["vm-oncall"]}
    joined = [(await (await http.post("/_people", json=zoe)).json())["id"] for _ in range(2)]
    assert (await web.usergroups_users_list(usergroup="S0ONCALL01"))["users"] == [NADIA, joined[0]]
    assert (await http.post("/_people", json=zoe | {"usergroups": ["nobody"]})).status == 400
    await http.put("/_limits", json={"usergroups_plan": False})
    assert (await refused(web.usergroups_list()))["error"] == "plan_upgrade_required"


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


@pytest.mark.quiet
async def test_calls_are_quick_and_their_tokens_off_the_record(
    slack: SlackServer, web: AsyncWebClient
) -> None:
    unlimited(slack, "how long a call takes, not how often it may be made")
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


async def test_a_file_is_on_record_with_all_that_any_message_has(
    slack: SlackServer, web: AsyncWebClient
) -> None:
    await web.chat_postMessage(channel=APPROVALS, text="hi", blocks=card())
    await web.files_upload_v2(channel=APPROVALS, content="vm,starts", filename="starts.csv")
    message, file = seen(slack, "posted")
    assert set(file) == set(message) | {"files"}
