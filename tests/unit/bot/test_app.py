"""The app lets requests in, whatever Slack answers just then."""

import pytest
from slack_sdk.errors import SlackApiError

from bot.app import _authorizing


class Slack:
    """Answers who we are, but not at first."""

    token = "xoxb-1"

    def __init__(self, failure: Exception) -> None:
        self._failures = [failure]

    async def auth_test(self) -> dict[str, str]:
        if self._failures:
            raise self._failures.pop()
        return {"bot_id": "B1", "user_id": "UBOT"}


@pytest.mark.parametrize("failure", [TimeoutError(), SlackApiError("x", {"error": "ratelimited"})])
async def test_a_click_is_let_in_while_auth_test_fails(failure: Exception) -> None:
    authorize = _authorizing(Slack(failure))  # type: ignore[arg-type]  # what it reads of a client

    first = await authorize(None, "T1", "U1")
    second = await authorize(None, "T1", "U1")

    assert (first.bot_token, first.bot_id) == ("xoxb-1", None)
    assert (second.bot_token, second.bot_id) == ("xoxb-1", "B1")
