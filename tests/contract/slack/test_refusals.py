"""The Slack stand-in refuses any method on demand, in Slack's words, as the unmodified slack-sdk hears it."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.slack.api.refusals import Refusal
from deploy.sandbox.slack.server import SlackServer
from tests.contract.slack.rig import APPROVALS, NADIA, OLIVIA, ONCALL, Json, refused


@pytest.mark.parametrize(
    "error",
    [
        "account_inactive",
        "channel_not_found",
        "ekm_access_denied",
        "is_archived",
        "msg_too_long",
        "not_in_channel",
        "org_login_required",
        "restricted_action",
        "team_access_not_granted",
        "token_revoked",
    ],
)
async def test_a_post_is_refused_with(
    slack: SlackServer, web: AsyncWebClient, http: aiohttp.ClientSession, error: str
) -> None:
    await http.put("/_refusals", json=[{"method": "chat.postMessage", "error": error, "times": 1}])
    assert await refused(web.chat_postMessage(channel=APPROVALS, text="hi")) == {"ok": False, "error": error}
    await web.chat_postMessage(channel=APPROVALS, text="hi")
    assert len(slack.state.workspace.channels[APPROVALS].messages) == 1


async def test_a_revoked_token_is_refused_everywhere(slack: SlackServer, web: AsyncWebClient) -> None:
    slack.state.refusals.put(Refusal(error="token_revoked"))
    for call in (
        web.auth_test(),
        web.users_info(user=OLIVIA),
        web.apps_connections_open(app_token="xapp-sandbox"),
    ):
        assert (await refused(call))["error"] == "token_revoked"


@pytest.mark.parametrize("error", ["cannot_dm_bot", "user_disabled", "user_not_found", "user_not_visible"])
async def test_one_person_is_refused_and_nobody_else(
    slack: SlackServer, web: AsyncWebClient, error: str
) -> None:
    slack.state.refusals.put(Refusal(method="conversations.open", error=error, person="olivia"))
    assert (await refused(web.conversations_open(users=OLIVIA)))["error"] == error
    assert (await refused(web.conversations_open(users=[NADIA, OLIVIA])))["error"] == error
    await web.conversations_open(users=NADIA)


async def test_a_person_is_refused_under_each_of_their_names(slack: SlackServer, web: AsyncWebClient) -> None:
    direct = (await web.conversations_open(users=OLIVIA))["channel"]["id"]
    slack.state.refusals.put(Refusal(method="chat.postMessage", error="restricted_action", person="olivia"))
    for channel in (OLIVIA, direct):
        answer = await refused(web.chat_postMessage(channel=channel, text="hi"))
        assert answer["error"] == "restricted_action"
    await web.chat_postMessage(channel=NADIA, text="hi")


@pytest.mark.parametrize("where", [{"channel": "vm-oncall"}, {"match": {"channel": ONCALL}}])
async def test_one_channel_is_refused_and_no_other(
    slack: SlackServer, web: AsyncWebClient, where: Json
) -> None:
    slack.state.refusals.put(Refusal(method="chat.postMessage", error="is_archived", **where))
    assert (await refused(web.chat_postMessage(channel=ONCALL, text="hi")))["error"] == "is_archived"
    await web.chat_postMessage(channel=APPROVALS, text="hi")


async def test_a_missing_scope_comes_with_what_is_needed_and_what_is_there(
    slack: SlackServer, web: AsyncWebClient
) -> None:
    refusal = Refusal(
        method="conversations.open", error="missing_scope", needed="im:write", provided="commands"
    )
    slack.state.refusals.put(refusal)
    answer = await refused(web.conversations_open(users=OLIVIA))
    assert (answer["needed"], answer["provided"]) == ("im:write", "commands")


async def test_one_channel_is_throttled_for_as_long_as_asked(slack: SlackServer, web: AsyncWebClient) -> None:
    slack.state.refusals.put(Refusal(method="chat.update", error="ratelimited", retry_after_s=7, times=1))
    with pytest.raises(SlackApiError) as caught:
        await web.chat_update(channel=APPROVALS, ts="1.000000", text="hi")
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "7")


async def test_an_error_that_slack_does_not_document_is_not_played(http: aiohttp.ClientSession) -> None:
    for order in ({"method": "chat.update", "error": "is_archived"}, {"error": "no_such_error"}):
        response = await http.put("/_refusals", json=[order])
        assert response.status == 400
        assert "documents no" in str(await response.json())
