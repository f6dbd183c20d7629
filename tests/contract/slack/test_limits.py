"""The Slack stand-in's rate limits, which are on unless a test says why not."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.slack.server import SlackServer
from deploy.sandbox.slack.state import Switches
from tests.contract.slack.rig import APPROVALS, OLIVIA, ONCALL, refused, seen


@pytest.fixture
def still(slack: SlackServer) -> list[float]:
    """The stand-in's clock, which stands: how long the calls take does not count."""
    at = [1000.0]
    slack.state.limiter.now = lambda: at[0]
    return at


async def test_a_channel_takes_a_short_burst_then_one_a_second(
    web: AsyncWebClient, still: list[float]
) -> None:
    for _ in range(3):
        await web.chat_postMessage(channel=APPROVALS, text="burst")
    with pytest.raises(SlackApiError) as caught:
        await web.chat_postMessage(channel=APPROVALS, text="one too many")
    response = caught.value.response
    assert (response.status_code, response["error"]) == (429, "ratelimited")
    assert response.headers["Retry-After"] == "1"
    await web.chat_postMessage(channel=ONCALL, text="another channel is free")
    still[0] += 1.0
    await web.chat_postMessage(channel=APPROVALS, text="a second later")


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize(
    ("method", "args", "a_minute"),
    [
        ("usergroups.list", {}, 20),
        ("conversations.list", {}, 20),
        ("users.lookupByEmail", {"email": "olivia@contoso.example"}, 50),
        ("users.info", {"user": OLIVIA}, 100),
    ],
)
async def test_a_method_is_counted_by_its_tier(
    web: AsyncWebClient, method: str, args: dict[str, str], a_minute: int
) -> None:
    for _ in range(a_minute):
        await web.api_call(method, params=args)
    with pytest.raises(SlackApiError) as caught:
        await web.api_call(method, params=args)
    assert caught.value.response.status_code == 429
    assert 1 <= int(caught.value.response.headers["Retry-After"]) <= 60
    await web.auth_test()


async def test_the_sdks_own_retry_waits_as_long_as_it_is_told(slack: SlackServer) -> None:
    patient = AsyncWebClient("xoxb-sandbox", base_url=slack.ready()["api_url"])
    patient.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=2))
    for number in range(5):
        await patient.chat_postMessage(channel=APPROVALS, text=str(number))
    refusals = [call for call in seen(slack, "api") if call.get("error") == "ratelimited"]
    assert len(refusals) == 2
    assert [entry["text"] for entry in seen(slack, "posted")] == list("01234")


@pytest.mark.usefixtures("still")
async def test_they_are_on_by_default_and_off_by_one_switch(
    web: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    assert Switches().tiers is True
    await http.put("/_limits", json={"tiers": False})
    for _ in range(21):
        await web.usergroups_list()
    await http.put("/_limits", json={"tiers": True})
    for _ in range(20):
        await web.usergroups_list()
    assert (await refused(web.usergroups_list()))["error"] == "ratelimited"
