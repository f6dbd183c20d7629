"""Whether a message arrived whose posting was interrupted: looked for through the real client."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.cards import poster as module
from bot.cards.blocks.message import Message
from bot.cards.poster import Poster, Refused
from bot.slack.errors import Throttled
from bot.slack.pace import Pace
from deploy.sandbox.slack.server import SlackServer
from tests.contract.slack.rig import APPROVALS, card, unlimited
from workers.domain.asking.cards import Post
from workers.domain.ports.clock import SystemClock

SEARCHED = 3
MESSAGE = Message("web-01 was started", card())


@pytest.fixture
def poster(slack: SlackServer, web: AsyncWebClient, monkeypatch: pytest.MonkeyPatch) -> Poster:
    """One that reads few messages a page."""
    unlimited(slack, "a channel is filled first")
    monkeypatch.setattr(module, "_SEARCHED", SEARCHED)
    return Poster(web, Pace(SystemClock()))


def intended(intent: str = "ours", *, ago: timedelta = timedelta(0)) -> Post:
    return Post(intent=intent, intended_at=datetime.now(UTC) - ago)


async def put(poster: Poster, intent: str, thread_ts: str | None = None) -> str:
    return await poster.post(
        APPROVALS, MESSAGE, key=intent, card_id="a1", intent=intent, thread_ts=thread_ts, first=True
    )


@pytest.mark.parametrize("newer", [0, SEARCHED - 1, SEARCHED, 3 * SEARCHED + 1])
async def test_it_is_found_however_much_was_said_since(poster: Poster, newer: int) -> None:
    ts = await put(poster, "ours")
    for n in range(newer):
        await put(poster, f"another {n}")

    assert await poster.find(APPROVALS, intended(), key="k") == ts


@pytest.mark.parametrize("older", [0, SEARCHED, 3 * SEARCHED + 1])
async def test_so_is_a_reply_in_a_long_thread(poster: Poster, older: int) -> None:
    parent = await put(poster, "the card")
    for n in range(older):
        await put(poster, f"another {n}", parent)
    ts = await put(poster, "ours", parent)

    assert await poster.find(APPROVALS, intended(), key="k", thread_ts=parent) == ts


async def test_what_did_not_arrive_is_not_found_and_nobody_elses_is_taken_for_it(poster: Poster) -> None:
    parent = await put(poster, "the card")
    for n in range(2 * SEARCHED):
        await put(poster, f"another {n}")
        await put(poster, f"reply {n}", parent)

    assert await poster.find(APPROVALS, intended(), key="k") is None
    assert await poster.find(APPROVALS, intended(), key="k", thread_ts=parent) is None


async def test_a_clock_that_is_a_minute_ahead_hides_nothing(poster: Poster) -> None:
    ts = await put(poster, "ours")

    assert await poster.find(APPROVALS, intended(ago=timedelta(minutes=-1)), key="k") == ts


async def test_a_message_that_is_gone_is_to_be_posted_again(poster: Poster, web: AsyncWebClient) -> None:
    ts = await put(poster, "ours")
    assert await poster.edit(APPROVALS, ts, MESSAGE, key="k")
    await web.chat_delete(channel=APPROVALS, ts=ts)

    assert not await poster.edit(APPROVALS, ts, MESSAGE, key="k")


async def test_what_slack_never_takes_is_told_from_what_it_takes_later(web: AsyncWebClient) -> None:
    poster = Poster(web, Pace(SystemClock()))

    with pytest.raises(Refused, match="channel_not_found"):
        await poster.post("C0NOWHERE", MESSAGE, key="k", card_id="a1", intent="i")
    results = await asyncio.gather(*(put(poster, str(n)) for n in range(10)), return_exceptions=True)

    assert {type(result) for result in results} == {str, Throttled}
