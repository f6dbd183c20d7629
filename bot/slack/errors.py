"""Slack's failures: away or throttling (try later), or refused (trying again is pointless)."""

import contextlib
from collections.abc import Iterator

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from workers.domain.errors import DependencyAway, StartgateError

THROTTLING = frozenset({"ratelimited", "rate_limited"})
_PASSING = frozenset(
    {
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
    }
)
_TOKEN = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
    }
)
"""Slack does not take the token: no call works until somebody replaces it."""
_OK, _SERVER_ERROR = 200, 500
_ASKED_FOR_S = 1.0
"""How long to wait when Slack sends no ``Retry-After``."""

SLACK_AWAY = (DependencyAway, aiohttp.ClientError, TimeoutError, OSError)
"""What a call raises when Slack does not answer. A refusal is a ``SlackApiError``."""


class Throttled(DependencyAway):
    """One call too many of this method, or in this channel. It certainly had no effect.

    Other calls may go on.

    Attributes:
        wait_s: seconds until it may be tried again.
    """

    def __init__(self, message: str, *, wait_s: float) -> None:
        super().__init__("slack", message, retry_after_s=wait_s)
        self.wait_s = wait_s


class TokenRefused(DependencyAway):
    """Slack does not take our token, so nothing works until somebody replaces it.

    Attributes:
        code: Slack's error code, such as ``token_revoked``.
    """

    def __init__(self, code: str) -> None:
        super().__init__("slack", f"Slack does not take the token ({code}); install the app again")
        self.code = code


class Refused(StartgateError):
    """Slack refuses this one call, for good: it is about one person, channel or message.

    Attributes:
        code: Slack's error code, such as ``channel_not_found``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(f"Slack refuses it: {code}")
        self.code = code


@contextlib.contextmanager
def slack_away() -> Iterator[None]:
    """Turn lost connections, timeouts and 5xx into ``DependencyAway``, and 429 into ``Throttled``.

    ``Throttled`` is a ``DependencyAway``, and so is ``TokenRefused``. A refusal stays a ``SlackApiError``.
    """
    try:
        yield
    except SlackApiError as error:
        code, status = str(error.response.get("error", "")), int(error.response.status_code or 0)
        wait_s = _retry_after(error)
        if code in THROTTLING or status == 429:  # noqa: PLR2004 - too many requests
            raise Throttled(code or str(status), wait_s=_ASKED_FOR_S if wait_s is None else wait_s) from error
        if code in _TOKEN:
            raise TokenRefused(code) from error
        if code in _PASSING or status >= _SERVER_ERROR:
            raise DependencyAway("slack", code or str(status), retry_after_s=wait_s) from error
        raise
    except (aiohttp.ClientError, TimeoutError, OSError, SlackClientError) as error:
        raise DependencyAway("slack", type(error).__name__) from error


@contextlib.contextmanager
def slack_refuses() -> Iterator[None]:
    """Turn a lasting refusal into ``Refused``. What passes stays as it is, for ``slack_away`` around this."""
    try:
        yield
    except SlackApiError as error:
        code, status = str(error.response.get("error", "")), int(error.response.status_code or 0)
        passes = code in THROTTLING | _PASSING | _TOKEN or code.endswith("_error")
        if passes or status != _OK:
            raise
        raise Refused(code) from error


def _retry_after(error: SlackApiError) -> float | None:
    headers = error.response.headers or {}
    value = headers.get("Retry-After") or headers.get("retry-after")
    try:
        return float(value[0] if isinstance(value, list) else value) if value else None
    except ValueError:
        return None
