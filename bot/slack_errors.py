"""Slack's failures, told apart: away or throttling (try later), and refused (trying again is pointless)."""

import contextlib
from collections.abc import Iterator

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from workers.domain.errors import DependencyAway

_PASSING = frozenset(
    {
        "ratelimited",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
    }
)
_SERVER_ERROR = 500

SLACK_AWAY = (DependencyAway, aiohttp.ClientError, TimeoutError, OSError)
"""What a call raises when Slack is not there, beside the ``SlackApiError`` of a refusal."""


@contextlib.contextmanager
def slack_away() -> Iterator[None]:
    """Inside, lost connections, timeouts, 429 and 5xx become ``DependencyAway``; refusals stay."""
    try:
        yield
    except SlackApiError as error:
        code, status = str(error.response.get("error", "")), int(error.response.status_code or 0)
        if code in _PASSING or status >= _SERVER_ERROR or status == 429:  # noqa: PLR2004 - too many requests
            raise DependencyAway("slack", code or str(status), retry_after_s=_retry_after(error)) from error
        raise
    except (aiohttp.ClientError, TimeoutError, OSError, SlackClientError) as error:
        raise DependencyAway("slack", type(error).__name__) from error


def _retry_after(error: SlackApiError) -> float | None:
    headers = error.response.headers or {}
    value = headers.get("Retry-After") or headers.get("retry-after")
    try:
        return float(value[0] if isinstance(value, list) else value) if value else None
    except ValueError:
        return None
