"""Requests to a request URL that Slack never sends, or rarely: what an attacker or a broken proxy would.

What is right and wrong about them: https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from deploy.sandbox.slack.delivery.http_mode import USER_AGENT, signature

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
OLD_S = 6 * 60
"""Beyond the five minutes after which a request is to be taken for a replay."""
OVERSIZE = 8 * 1024 * 1024
DEPTH = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Forged:
    """One request as it goes over the wire; ``times`` is how often, unchanged."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1


def signed(
    secret: str, body: bytes, content_type: str = FORM, *, age_s: float = 0, times: int = 1, **extra: str
) -> Forged:
    """A body with the signature that this secret gives it, ``age_s`` seconds ago."""
    timestamp = str(int(time.time() - age_s))
    headers = _plain(content_type) | {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature(secret, timestamp, body),
    }
    return Forged(body=body, headers=headers | extra, times=times)


def unsigned(body: bytes, content_type: str = FORM) -> Forged:
    """A body without a signature."""
    return Forged(body=body, headers=_plain(content_type))


def command(text: str = "web-01", user: str = "U0NADIA003") -> bytes:
    """A slash command, as a form."""
    fields = {"command": "/vm-lockdown", "text": text, "user_id": user, "team_id": "T0SANDBOX1"}
    address = {"response_url": "http://127.0.0.1:9/commands", "trigger_id": f"1.2.{secrets.token_hex(8)}"}
    return urlencode({**fields, **address, "channel_id": "C0ONCALL001", "token": "x"}).encode()


def payload(content: object) -> bytes:
    """An interactive payload, as the form field it comes in."""
    return urlencode({"payload": json.dumps(content)}).encode()


def _plain(content_type: str) -> dict[str, str]:
    return {"Content-Type": content_type, "User-Agent": USER_AGENT}


def _without(forged: Forged, header: str) -> Forged:
    headers = {name: value for name, value in forged.headers.items() if name != header}
    return Forged(body=forged.body, headers=headers)


def _with(forged: Forged, **headers: str) -> Forged:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Forged(body=forged.body, headers=forged.headers | named)


FORGERIES: dict[str, Callable[[str], Forged]] = {
    # Not from Slack: 401, and nothing is done.
    "unsigned": lambda _: unsigned(command()),
    "wrongly signed": lambda _: signed("another secret", command()),
    "signed for another body": lambda s: Forged(body=command("web-02"), headers=signed(s, command()).headers),
    "without its time": lambda s: _without(signed(s, command()), "X-Slack-Request-Timestamp"),
    "with a time that is none": lambda s: _with(signed(s, command()), X_Slack_Request_Timestamp="soon"),
    "with an empty signature": lambda s: _with(signed(s, command()), X_Slack_Signature=""),
    "with a signature that is not ASCII": lambda s: _with(signed(s, command()), X_Slack_Signature="v0=é"),
    "old": lambda s: signed(s, command(), age_s=OLD_S),
    "of the future": lambda s: signed(s, command(), age_s=-OLD_S),
    "malformed and unsigned": lambda _: unsigned(b"{", JSON),
    "not UTF-8 and unsigned": lambda _: unsigned(b"payload=\xff\xfe"),
    "deep and unsigned": lambda _: unsigned(b"[" * DEPTH, JSON),
    "oversize and unsigned": lambda _: unsigned(b"text=" + b"x" * OVERSIZE),
    "falsely compressed and unsigned": lambda _: _with(unsigned(command()), Content_Encoding="gzip"),
    # Rightly signed, as by who has the secret or by a fault of Slack's: no traceback, and nothing is done.
    "malformed": lambda s: signed(s, b"{", JSON),
    "malformed payload": lambda s: signed(s, b"payload=%7B"),
    "a list for a payload": lambda s: signed(s, payload([])),
    "a text for a payload": lambda s: signed(s, payload("x")),
    "a payload of nothing": lambda s: signed(s, payload({})),
    "not UTF-8": lambda s: signed(s, b"payload=\xff\xfe"),
    "deep": lambda s: signed(s, b"[" * DEPTH, JSON),
    "deep payload": lambda s: signed(s, b"payload=" + b"[" * DEPTH),
    "oversize": lambda s: signed(s, b"text=" + b"x" * OVERSIZE),
    "falsely compressed": lambda s: _with(signed(s, command()), Content_Encoding="gzip"),
    "empty": lambda s: signed(s, b""),
    "without a user": lambda s: signed(s, payload({"type": "block_actions", "actions": [], "team": None})),
    # Slack's own, sent again by who has read it: done once.
    "replayed": lambda s: signed(s, command(), times=2),
    # Slack's own.
    "genuine": lambda s: signed(s, command()),
    "ssl_check": lambda _: unsigned(urlencode({"ssl_check": "1", "token": "x"}).encode()),
    "url_verification": lambda s: signed(
        s, json.dumps({"type": "url_verification", "token": "x", "challenge": "c-1"}).encode(), JSON
    ),
}
"""By name; each makes one with the app's signing secret. "deep" is JSON of a hundred thousand lists."""
