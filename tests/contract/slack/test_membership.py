"""The Slack stand-in's channels: which are named, which can be written to, what becomes of threads."""

import time

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.slack.server import SlackServer
from tests.contract.slack.rig import APPROVALS, NADIA, ONCALL, SAM, Acts, Json, refused, unlimited

MANY = 4600


async def channels(http: aiohttp.ClientSession, **order: object) -> list[str]:
    async with http.post("/_channels", json=order) as response:
        assert response.status == 200, await response.text()
        ids: list[str] = (await response.json())["ids"]
        return ids


async def test_public_channels_are_named_though_the_app_is_in_none_of_them(
    web: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    [joined] = await channels(http, name="joined", bot_is_member=True)
    [other] = await channels(http, name="other")
    [secret] = await channels(http, name="secret", private=True)
    [ours] = await channels(http, name="ours", private=True, bot_is_member=True)
    listed = (await web.conversations_list(types="public_channel,private_channel"))["channels"]
    member = {channel["id"]: channel["is_member"] for channel in listed}
    assert (member[joined], member[other], member[ours], secret in member) == (True, False, True, False)
    assert (await web.conversations_info(channel=other))["channel"]["is_member"] is False
    assert (await refused(web.conversations_info(channel=secret)))["error"] == "channel_not_found"
    public = (await web.conversations_list())["channels"]
    assert ours not in {channel["id"] for channel in public}


async def test_thousands_of_channels_come_in_short_pages_by_a_cursor_that_a_429_leaves_alone(
    slack: SlackServer, web: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    began = time.process_time()
    await channels(http, name="old", count=2000, archived=True)
    await channels(http, name="team", count=MANY - 2000)
    assert time.process_time() - began < 1, "however busy the machine is"
    found: list[str] = []
    sizes, cursor = [], ""
    while True:
        page = await web.conversations_list(limit=200, exclude_archived=True, cursor=cursor)
        sizes.append(len(page["channels"]))
        found += [channel["name"] for channel in page["channels"]]
        cursor = page["response_metadata"]["next_cursor"]
        if not cursor or len(sizes) == 20:
            break
    assert 0 in sizes[:-1], "what is archived is left out of a page, and nothing takes its place"
    assert cursor, "twenty pages of 200 are not enough"
    with pytest.raises(SlackApiError) as caught:
        await web.conversations_list(limit=200, exclude_archived=True, cursor=cursor)
    assert caught.value.response.status_code == 429
    unlimited(slack, "a minute later")
    while cursor:
        page = await web.conversations_list(limit=1000, exclude_archived=True, cursor=cursor)
        found += [channel["name"] for channel in page["channels"]]
        cursor = page["response_metadata"]["next_cursor"]
    teams = [name for name in found if name.startswith("team-")]
    assert len(teams) == len(set(teams)) == MANY - 2000


async def test_limits_beyond_a_thousand_are_refused(web: AsyncWebClient) -> None:
    await web.conversations_list(limit=1000)
    assert (await refused(web.conversations_list(limit=1001)))["error"] == "invalid_limit"


async def test_who_is_not_in_a_channel_cannot_post_into_it(
    slack: SlackServer, web: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    posted = await web.chat_postMessage(channel=APPROVALS, text="while it was in")
    scopes = [scope for scope in slack.state.switches.scopes if scope != "chat:write.public"]
    await http.put("/_limits", json={"scopes": scopes})
    await channels(http, name="vm-approvals", bot_is_member=False)
    assert (await refused(web.chat_postMessage(channel=APPROVALS, text="hi")))["error"] == "not_in_channel"
    answer = await refused(web.conversations_replies(channel=APPROVALS, ts=posted["ts"]))
    assert answer["error"] == "not_in_channel"
    await channels(http, name="vm-approvals", private=True)
    assert (await refused(web.chat_postMessage(channel=APPROVALS, text="hi")))["error"] == "channel_not_found"
    await channels(http, name="vm-approvals", private=False, bot_is_member=True)
    await web.chat_postMessage(channel=APPROVALS, text="hi")


async def test_an_archived_channel_takes_nothing(web: AsyncWebClient, http: aiohttp.ClientSession) -> None:
    posted = await web.chat_postMessage(channel=ONCALL, text="before")
    await channels(http, name="vm-oncall", archived=True)
    assert (await refused(web.chat_postMessage(channel=ONCALL, text="hi")))["error"] == "is_archived"
    update = web.chat_update(channel=ONCALL, ts=posted["ts"], text="hi")
    assert (await refused(update))["error"] == "is_inactive"


async def test_an_ephemeral_message_needs_its_reader_in_the_channel(web: AsyncWebClient) -> None:
    await web.chat_postEphemeral(channel=ONCALL, user=NADIA, text="hi")
    answer = await refused(web.chat_postEphemeral(channel=ONCALL, user=SAM, text="hi"))
    assert answer["error"] == "user_not_in_channel"


@pytest.mark.parametrize("replies", [0, 1])
async def test_a_reply_to_a_deleted_parent_becomes_a_message_of_its_own(
    web: AsyncWebClient, act: Acts, replies: int
) -> None:
    parent = await web.chat_postMessage(channel=APPROVALS, text="card")
    where: Json = {"channel": APPROVALS, "ts": parent["ts"]}
    for _ in range(replies):
        threaded = await web.chat_postMessage(channel=APPROVALS, text="step", thread_ts=parent["ts"])
        assert threaded["message"]["thread_ts"] == parent["ts"]
    assert (await act("delete", user="sam", **where))["ok"] is True
    reply = await web.chat_postMessage(channel=APPROVALS, text="lost", thread_ts=parent["ts"])
    assert "thread_ts" not in reply["message"]
    history = await web.conversations_history(channel=APPROVALS)
    assert history["messages"][0]["text"] == "lost"
    assert (await refused(web.chat_update(**where, text="x")))["error"] == "message_not_found"
    thread = web.conversations_replies(**where)
    if replies:
        told = (await thread)["messages"]
        assert [(message.get("subtype"), message["text"]) for message in told] == [
            ("tombstone", "This message was deleted."),
            (None, "step"),
        ]
    else:
        assert (await refused(thread))["error"] == "thread_not_found"


async def test_nobody_deletes_what_they_do_not_see(web: AsyncWebClient, act: Acts) -> None:
    posted = await web.chat_postMessage(channel=ONCALL, text="hi")
    assert (await act("delete", user="sam", channel=ONCALL, ts=posted["ts"]))["error"] == "cannot_see_channel"
    assert (await act("delete", user="nadia", channel=ONCALL, ts="1.0"))["error"] == "no_such_message"


async def test_an_order_about_nobody_changes_nothing(slack: SlackServer, http: aiohttp.ClientSession) -> None:
    assert (await http.post("/_channels", json={"name": "new", "join": ["nobody"]})).status == 400
    assert (await http.post("/_people", json={"key": "zoe", "channels": ["nowhere"]})).status == 400
    assert slack.state.workspace.channel("new") is None
    assert slack.state.workspace.person("zoe") is None
