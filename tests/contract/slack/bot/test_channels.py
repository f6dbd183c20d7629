"""The policy's channels by name, in a workspace of thousands, with Slack's limits on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.channels import Channels
from bot.slack.installation import Installation
from deploy.sandbox.slack.server import SlackServer
from tests.contract.slack.rig import APPROVALS, ONCALL, until
from workers.domain.errors import DependencyAway, NotFound
from workers.store.in_memory.channel_book import MemoryChannelBook
from workers.telemetry.health import Health

LIST = "conversations.list"
Calls = Callable[[str], list[dict[str, str]]]


class Waits:
    """Keeps what was waited for, and waits for little of it; minutes are a tenth of a second."""

    def __init__(self) -> None:
        self.s: list[float] = []

    async def __call__(self, s: float) -> None:
        self.s.append(s)
        await asyncio.sleep(0.1 if s > 60 else 0.01)


class Lookup:
    """One process that looks for its policy's channels."""

    def __init__(self, web: AsyncWebClient, book: MemoryChannelBook, *names: str) -> None:
        self.waits, self.health = Waits(), Health()
        self.channels = Channels(web, lambda: names, book, Installation(web), self.health, sleep=self.waits)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Lookup"]:
        task = asyncio.create_task(self.channels.run())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def known(self, name: str) -> bool:
        with contextlib.suppress(DependencyAway, NotFound):
            return bool(self.channels.id_of(name))
        return False

    def unknown(self, name: str) -> bool:
        """Whether it is known that there is none."""
        try:
            self.channels.id_of(name)
        except NotFound:
            return True
        except DependencyAway:
            pass
        return False


@pytest.fixture
def book() -> MemoryChannelBook:
    return MemoryChannelBook()


@pytest.fixture
def calls(slack: SlackServer) -> Calls:
    """The calls of a method of the Web API, with their arguments."""
    return lambda method: [
        entry.data for entry in slack.record.since(kind="api") if entry.data.get("method") == method
    ]


async def many(http: aiohttp.ClientSession, count: int) -> None:
    await http.post("/_channels", json={"name": "team", "count": count})
    await http.post("/_channels", json={"name": "zz-last"})


async def test_a_name_among_thousands_is_found_through_a_429_without_beginning_again(
    web: AsyncWebClient, http: aiohttp.ClientSession, book: MemoryChannelBook, calls: Calls
) -> None:
    await many(http, 4600)
    refusal = {"method": LIST, "error": "ratelimited", "retry_after_s": 30, "times": 1}
    await http.put("/_refusals", json=[{**refusal, "match": {"cursor": "bmV4dDozMDAw"}}])
    async with Lookup(web, book, "#vm-approvals", "#zz-last").running() as lookup:
        await until(lambda: lookup.known("#zz-last"))
    assert lookup.waits.s[0] == 30.0, "as long as Slack asks for"
    assert len(calls(LIST)) == 6, "five pages, and one of them twice"
    assert lookup.channels.id_of("#vm-approvals") == APPROVALS


async def test_a_restart_costs_no_list(web: AsyncWebClient, book: MemoryChannelBook, calls: Calls) -> None:
    async with Lookup(web, book, "#vm-approvals", "#vm-oncall").running() as first:
        await until(lambda: first.known("#vm-oncall"))
    before = len(calls(LIST))
    async with Lookup(web, book, "#vm-approvals", "#vm-oncall").running() as second:
        await until(lambda: second.known("#vm-approvals") and second.known("#vm-oncall"))
    assert len(calls(LIST)) == before
    assert second.channels.id_of("#vm-oncall") == ONCALL


@pytest.mark.parametrize("change", ["renamed", "archived", "gone"])
async def test_what_was_kept_and_is_not_so_any_more_is_looked_for_again(
    slack: SlackServer, web: AsyncWebClient, http: aiohttp.ClientSession, book: MemoryChannelBook, change: str
) -> None:
    async with Lookup(web, book, "#vm-approvals").running() as first:
        await until(lambda: first.known("#vm-approvals"))
    channels = slack.state.workspace.channels
    if change == "renamed":
        channels[APPROVALS].name = "vm-approvals-old"
    elif change == "archived":
        channels[APPROVALS].archived, channels[APPROVALS].name = True, "vm-approvals"
    else:
        del channels[APPROVALS]
    if change != "archived":
        await http.post("/_channels", json={"name": "vm-approvals"})
    async with Lookup(web, book, "#vm-approvals").running() as second:
        if change == "archived":
            await until(lambda: second.unknown("#vm-approvals"))
        else:
            await until(lambda: second.known("#vm-approvals"))
            assert second.channels.id_of("#vm-approvals") != APPROVALS


async def test_what_is_not_there_shows_in_health_and_is_found_once_somebody_invites_the_bot(
    web: AsyncWebClient, http: aiohttp.ClientSession, book: MemoryChannelBook
) -> None:
    lookup = Lookup(web, book, "#secret")
    assert not lookup.unknown("#secret"), "it is not known yet"
    async with lookup.running():
        await until(lambda: lookup.unknown("#secret"))
        assert list(lookup.health.as_json()["troubles"]) == ["slack channel #secret"]
        await http.post("/_channels", json={"name": "secret", "private": True, "bot_is_member": True})
        await until(lambda: lookup.known("#secret"))
    assert lookup.health.as_json()["troubles"] == {}
    assert set(lookup.waits.s) == {300.0}


async def test_ids_cost_no_list(web: AsyncWebClient, book: MemoryChannelBook, calls: Calls) -> None:
    async with Lookup(web, book, APPROVALS, ONCALL).running() as lookup:
        assert lookup.channels.id_of(APPROVALS) == APPROVALS
        await until(lambda: len(calls("conversations.info")) >= 2)
    assert calls(LIST) == calls("auth.test") == []


@pytest.mark.parametrize("named", [ONCALL, "#vm-oncall"])
async def test_a_channel_that_the_bot_can_not_post_in_shows_before_any_card(
    web: AsyncWebClient, http: aiohttp.ClientSession, book: MemoryChannelBook, named: str
) -> None:
    lookup, trouble = Lookup(web, book, named), f"slack channel {ONCALL}"

    def reason() -> str:
        troubles = lookup.health.as_json()["troubles"]
        return str(troubles[trouble]["reason"]) if trouble in troubles else ""

    await http.post("/_channels", json={"name": "vm-oncall", "bot_is_member": False})
    async with lookup.running():
        await until(lambda: reason() == "the bot is not in it; invite it there")
        await http.post("/_channels", json={"name": "vm-oncall", "bot_is_member": True, "archived": True})
        await until(lambda: reason() == "it is archived")
        await http.post("/_channels", json={"name": "vm-oncall", "archived": False})
        await until(lambda: not reason())
