"""What the bot's own HTTP route makes of requests that Slack would never send, and of those it does."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web as aioweb
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp

from bot.slack.signed_requests import MOST_BYTES, SignedRequests
from deploy.sandbox.slack.delivery.forged import FORGERIES, FORM, command, payload, signed
from deploy.sandbox.slack.identity import Identity
from deploy.sandbox.slack.server import SlackServer
from tests.contract.slack.rig import COMMANDS, Json
from tests.doubles import FakeClock
from workers.domain.errors import DependencyAway
from workers.domain.ports.store import Commit
from workers.store.in_memory.store import MemoryStore

SECRET = Identity().signing_secret
UNSIGNED = [
    *(
        "unsigned",
        "wrongly signed",
        "signed for another body",
        "without its time",
        "with a time that is none",
    ),
    *("with an empty signature", "with a signature that is not ASCII", "old", "of the future"),
    *("malformed and unsigned", "not UTF-8 and unsigned", "deep and unsigned"),
    *("falsely compressed and unsigned", "not UTF-8"),
]
MALFORMED = [
    *("malformed", "malformed payload", "a list for a payload", "a text for a payload"),
    *("a payload of nothing", "deep", "deep payload", "falsely compressed", "empty"),
]
OVERSIZE = ["oversize", "oversize and unsigned"]
ANSWERED = ["without a user", "ssl_check", "url_verification"]
CUT = 0
"""No status: the connection was closed while the body was still coming."""


class Remembering(MemoryStore):
    """Counts what is asked of it, and can be away."""

    def __init__(self) -> None:
        super().__init__(FakeClock())
        self.asked = 0
        self.away = False

    async def commit(self, commit: Commit) -> bool:
        self.asked += 1
        if self.away:
            raise DependencyAway("redis", "no answer")
        return await super().commit(commit)


class Bot:
    """A Bolt app behind the bot's route, and what it did."""

    route: SignedRequests

    def __init__(self, secret: str = SECRET) -> None:
        self.app = AsyncApp(token="xoxb-sandbox", signing_secret=secret)
        self.store = Remembering()
        self.done: list[str] = []

        async def lock(ack: Any, body: Json) -> None:
            self.done.append(body["text"])
            await ack()

        self.app.command("/vm-lockdown")(lock)


@pytest.fixture
async def bot() -> Bot:
    return Bot()


@pytest.fixture
async def http_slack(bot: Bot) -> AsyncIterator[SlackServer]:
    bot.route = route = SignedRequests(bot.app, SecretStr(SECRET), bot.store)
    runner = aioweb.AppRunner(route.web_app(), auto_decompress=False)
    await runner.setup()
    await aioweb.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    server = SlackServer(request_url=url, commands=list(COMMANDS))
    await server.start()
    bot.app.client.base_url = server.ready()["api_url"]
    yield server
    await server.stop()
    await runner.cleanup()


async def forge(server: SlackServer, name: str) -> list[tuple[int, str]]:
    async with (
        aiohttp.ClientSession(server.url) as session,
        session.post("/_http", json={"forge": name}) as response,
    ):
        return [(status, text) for status, text in (await response.json())["answers"]]


async def post(server: SlackServer, body: bytes, content_type: str = FORM) -> int:
    assert server.request_url is not None
    forged = signed(SECRET, body, content_type)
    return (await server.request_url.raw(forged.body, forged.headers))[0]


@pytest.mark.parametrize(
    ("statuses", "name"),
    [
        *(((401,), name) for name in UNSIGNED),
        *(((400,), name) for name in MALFORMED),
        *(((413, CUT), name) for name in OVERSIZE),
        *(((200,), name) for name in ANSWERED),
    ],
)
async def test_it_is_answered_without_work_and_without_a_traceback(
    http_slack: SlackServer,
    bot: Bot,
    capsys: pytest.CaptureFixture[str],
    statuses: tuple[int, ...],
    name: str,
) -> None:
    [(status, text)] = await forge(http_slack, name)
    assert status in statuses
    assert bot.done == []
    assert "Traceback" not in capsys.readouterr().out
    assert text == "" or status in (200, 413, CUT)
    assert bot.store.asked == (name == "url_verification"), "the store is asked about good requests alone"


def test_the_table_above_is_complete() -> None:
    told = [*UNSIGNED, *MALFORMED, *OVERSIZE, *ANSWERED, "replayed", "genuine"]
    assert sorted(told) == sorted(FORGERIES)


async def test_what_slack_sends_is_done(http_slack: SlackServer, bot: Bot) -> None:
    [(status, _)] = await forge(http_slack, "genuine")
    assert (status, bot.done) == (200, ["web-01"])


async def test_slacks_own_checks_are_answered(http_slack: SlackServer) -> None:
    [(_, text)] = await forge(http_slack, "url_verification")
    assert json.loads(text) == {"challenge": "c-1"}


async def test_a_replayed_request_is_accepted_once(http_slack: SlackServer, bot: Bot) -> None:
    assert [status for status, _ in await forge(http_slack, "replayed")] == [200, 401]
    assert bot.done == ["web-01"]


async def test_the_same_words_typed_again_are_another_request(http_slack: SlackServer, bot: Bot) -> None:
    for _ in range(2):
        assert await post(http_slack, command("db-01")) == 200
    assert bot.done == ["db-01", "db-01"]


async def test_without_the_store_a_request_is_still_heard(http_slack: SlackServer, bot: Bot) -> None:
    bot.store.away = True
    assert await post(http_slack, command("db-01")) == 200
    assert bot.done == ["db-01"]


@pytest.mark.parametrize(
    "content",
    [
        {"type": "block_actions", "user": {}},
        {"type": "block_actions", "user": {"id": 7}},
        {"type": "view_submission", "user": {"id": ""}},
    ],
)
async def test_a_payload_that_names_nobody_is_answered(http_slack: SlackServer, content: Json) -> None:
    assert await post(http_slack, payload(content)) == 200


@pytest.mark.parametrize(
    "content",
    [
        {"type": "block_actions", "user": {"id": "U1"}, "team": [], "actions": "x"},
        {"type": "view_submission", "user": {"id": "U1"}, "view": 7},
        {"type": "block_actions", "user": []},
    ],
)
async def test_a_signed_payload_of_an_odd_shape_gives_no_traceback(
    http_slack: SlackServer, capsys: pytest.CaptureFixture[str], content: Json
) -> None:
    assert await post(http_slack, payload(content)) == 400
    assert "Traceback" not in capsys.readouterr().out


@pytest.mark.parametrize("bytes_", [b"command=x", b"text=x", b"a=1&" * 200, b"command=%FF%FE&user_id=U1"])
async def test_what_is_no_command_of_somebody_is_not_done(
    http_slack: SlackServer, bot: Bot, bytes_: bytes
) -> None:
    assert await post(http_slack, bytes_) in (200, 400)
    assert (bot.done, bot.store.asked) == ([], 0)


async def test_the_limit_leaves_room_for_the_largest_dialog(http_slack: SlackServer, bot: Bot) -> None:
    assert await post(http_slack, command("x" * 300_000)) == 200
    assert len(bot.done[0]) == 300_000
    assert await post(http_slack, command("x" * MOST_BYTES)) in (413, CUT)


async def test_with_another_secret_what_the_old_one_signed_is_refused(
    http_slack: SlackServer, bot: Bot
) -> None:
    renewed = Bot("another-secret")
    renewed.app.client.base_url = bot.app.client.base_url
    bot.route.renew(renewed.app, SecretStr("another-secret"))
    assert await post(http_slack, command("db-01")) == 401
    assert http_slack.request_url is not None
    forged = signed("another-secret", command("db-01"), FORM)
    assert (await http_slack.request_url.raw(forged.body, forged.headers))[0] == 200
    assert (bot.done, renewed.done) == ([], ["db-01"])
