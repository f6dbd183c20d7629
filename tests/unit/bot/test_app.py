"""The app lets requests in, whatever Slack answers just then."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from slack_sdk.errors import SlackApiError

from bot.app import _authorizing
from bot.slack.installation import Installation

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

THROTTLED = SlackApiError("x", SimpleNamespace(get={"error": "ratelimited"}.get, status_code=429, headers={}))


class Slack:
    """Answers who we are, but not at first."""

    token = "xoxb-1"

    def __init__(self, failure: Exception) -> None:
        self._failures = [failure]

    async def auth_test(self) -> dict[str, str]:
        if self._failures:
            raise self._failures.pop()
        return {"bot_id": "B1", "user_id": "UBOT"}


@pytest.mark.parametrize("failure", [TimeoutError(), THROTTLED])
async def test_a_click_is_let_in_while_auth_test_fails(failure: Exception) -> None:
    slack = cast("AsyncWebClient", Slack(failure))
    authorize = _authorizing(slack, Installation(slack))

    first = await authorize(None, "T1", "U1")
    second = await authorize(None, "T1", "U1")

    assert (first.bot_token, first.bot_id) == ("xoxb-1", None)
    assert (second.bot_token, second.bot_id) == ("xoxb-1", "B1")
