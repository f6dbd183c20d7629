"""Whoever clicks is told what came of it, even when Slack throttles just then."""

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from bot.slack import private
from bot.slack.errors import Refused
from bot.slack.private import answer_click, send_direct

BODY = {"channel": {"id": "C0APPROVALS"}, "user": {"id": "U0OLIVIA01"}}


class Answer(dict[str, Any]):
    """As the SDK answers: a mapping with a status and headers."""

    def __init__(self, status_code: int, **content: Any) -> None:
        super().__init__(content)
        self.status_code = status_code
        self.headers: dict[str, str] = {}


class Slack:
    """Fails as told, one failure a call, then answers."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self.calls = 0

    async def chat_postEphemeral(self, **_: Any) -> None:  # noqa: N802 - the SDK's name
        self.calls += 1
        if self._failures:
            raise self._failures.pop(0)


THROTTLED = SlackApiError("x", Answer(429, error="ratelimited"))
REFUSED = SlackApiError("x", Answer(200, error="not_in_channel"))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "_PAUSES_S", (0.0, 0.0))


@pytest.mark.parametrize("trouble", [THROTTLED, aiohttp.ServerDisconnectedError(), TimeoutError()])
async def test_an_answer_is_said_again_while_slack_is_away(trouble: Exception) -> None:
    slack = Slack(trouble, trouble)

    await answer_click(slack, BODY, "Confirmed", [])  # type: ignore[arg-type]  # the one call of a client that it makes

    assert slack.calls == 3


async def test_an_answer_is_given_up_in_the_end() -> None:
    slack = Slack(*[THROTTLED] * 9)

    await answer_click(slack, BODY, "Confirmed", [])  # type: ignore[arg-type]  # as above

    assert slack.calls == 3


async def test_a_refused_answer_is_not_repeated() -> None:
    slack = Slack(REFUSED)

    await answer_click(slack, BODY, "Confirmed", [])  # type: ignore[arg-type]  # as above

    assert slack.calls == 1


class Directly(Slack):
    """Slack when one writes to a person."""

    async def chat_postMessage(self, **_: Any) -> None:  # noqa: N802 - the SDK's name
        await self.chat_postEphemeral()


@pytest.mark.parametrize("trouble", [THROTTLED, aiohttp.ServerDisconnectedError(), TimeoutError()])
async def test_what_follows_a_dialog_is_said_again_wherever_slack_failed(trouble: Exception) -> None:
    slack, opening = Directly(trouble), Slack(trouble)

    async def conversation(_user: str) -> str:
        await opening.chat_postEphemeral()
        return "D1"

    await send_direct(slack, conversation, "U0OLIVIA01", "Locking down", [])  # type: ignore[arg-type]  # as above

    assert (opening.calls, slack.calls) == (3, 2)


async def test_a_person_whom_slack_refuses_is_written_to_once() -> None:
    slack, tries = Directly(), []

    async def conversation(user: str) -> str:
        tries.append(user)
        raise Refused("user_disabled")

    await send_direct(slack, conversation, "U0OLIVIA01", "Locking down", [])  # type: ignore[arg-type]  # as above

    assert (tries, slack.calls) == (["U0OLIVIA01"], 0)
