"""How Slack says no."""

from typing import Any


class SlackError(Exception):
    """A refusal in Slack's own words.

    Args:
        error: the code, such as ``channel_not_found``.
        messages: what exactly is wrong, without the ``[ERROR] `` that Slack puts before each.
        extra: further top-level fields of the answer, such as ``needed`` of ``missing_scope``.
    """

    def __init__(self, error: str, *messages: str, **extra: Any) -> None:
        super().__init__(f"{error}: {'; '.join(messages)}" if messages else error)
        self.error = error
        self.messages = messages
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """The JSON answer. Slack says the messages twice, in ``errors`` and ``response_metadata``."""
        body: dict[str, Any] = {"ok": False, "error": self.error, **self.extra}
        if self.messages:
            body["errors"] = list(self.messages)
            body["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in self.messages]}
        return body


class RateLimitedError(SlackError):
    """429: too many calls. ``retry_after_s`` is what the ``Retry-After`` header says, in whole seconds."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("ratelimited")
        self.retry_after_s = retry_after_s


class RefusedActError(Exception):
    """Slack's own client would not let this person do that, so the app never hears of it.

    Args:
        error: a code, such as ``no_such_element`` or ``not_supported_in_threads``.
        message: the sentence shown to the person.
        extra: further fields of the answer.
    """

    def __init__(self, error: str, message: str = "", **extra: Any) -> None:
        super().__init__(message or error)
        self.error = error
        self.message = message
        self.extra = extra

    def body(self) -> dict[str, Any]:
        return {"ok": False, "error": self.error, "message": self.message, "ack_ms": None, **self.extra}
