"""No secret reaches a log line, wherever it hides."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import example, given
from hypothesis import strategies as st

from workers.runtime.log import _redact, configure_logging
from workers.runtime.secrets import REDACTED, redacted

SECRETS = {
    "bot token": "xoxb-1234567890-abcdefghij",
    "user token": "xoxp-1234567890-abcdefghij",
    "refresh token": "xoxe-1-abcdefghijklm",
    "app token": "xapp-1-A0B1C2-1234567890-abcdef",
    "shared access key": "SharedAccessKey=c2VjcmV0LXNlY3JldA==",
    "bearer": "Bearer abc.def-ghi_jkl~mno+pqr/stu==",
    "json web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "signature": "sig=abcdef%2Bghijk%3D",
    "signature with a slash": "sig=abc/def+ghi=",
    "signature of an operation": "s=AbCdEfGhIjKl.nOpQrSt~",
    "short bearer": "Bearer abc",
    "beginning of a web token": "eyJ0eXAiOiJKV1Qi",
    "socket ticket": "ticket=0f1e2d3c-aaaa",
}
PIECES = [
    *SECRETS.values(), "xox", "b-123456", "XAPP-", "abcdef1", "SharedAccessKey", "=", "bearer", " ", "ab:cd",
    "://", "@", "/", "\u017fig=", "tic\u212aet=", "12345678", "eyJ", "a.b.c", "\n", "web-1", "\u00df",
]  # fmt: skip
KEY = "c2VjcmV0LXNlY3JldA=="
PASSWORD = "redis://default:hunter2hunter2@cache.example:6380/0"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Logging as a process sets it up, into memory; undone afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    configure_logging("json", process="test")
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def last(lines: io.StringIO) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lines.getvalue().splitlines()[-1])
    return found


class TestTexts:
    @pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
    def test_a_secret_is_taken_out_and_the_rest_stays(self, secret: str) -> None:
        shown = redacted(f"before {secret} after")
        assert shown == f"before {REDACTED} after"

    def test_a_password_in_a_url_is_taken_out_and_the_host_stays(self) -> None:
        assert redacted(PASSWORD) == f"redis://{REDACTED}@cache.example:6380/0"

    def test_a_connection_string_keeps_its_endpoint(self) -> None:
        shown = redacted(
            f"Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey={KEY};E=1"
        )
        assert KEY not in shown
        assert "Endpoint=sb://x.servicebus.windows.net/" in shown
        assert shown.endswith(";E=1")

    @pytest.mark.parametrize(
        "text",
        ["vm-web-01 started by alice@contoso.com", "https://portal.azure.com/#view?x=1", "10.0.0.1:443", ""],
    )
    def test_other_text_stays_as_it_is(self, text: str) -> None:
        assert redacted(text) == text


class TestLines:
    @pytest.mark.parametrize(
        "hidden",
        [
            PASSWORD,
            {"url": PASSWORD},
            [PASSWORD],
            (PASSWORD,),
            {"deep": [{"er": PASSWORD}]},
            {PASSWORD},
            PASSWORD.encode(),
            ValueError(PASSWORD),
            type("Thing", (), {"__repr__": lambda _: PASSWORD})(),
        ],
        ids=lambda hidden: type(hidden).__name__,
    )
    def test_a_secret_is_found_in_every_kind_of_value(self, lines: io.StringIO, hidden: object) -> None:
        structlog.get_logger("t").info("connected", where=hidden)
        assert "hunter2" not in lines.getvalue()
        assert REDACTED in lines.getvalue()

    @pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
    @pytest.mark.parametrize("spell", [str, str.lower, str.upper, str.swapcase])
    def test_a_secret_is_found_in_every_spelling(
        self, lines: io.StringIO, secret: str, spell: Callable[[str], str]
    ) -> None:
        structlog.get_logger("t").info("connected", where=f"by {spell(secret)} then", vm="web-1")
        assert last(lines)["where"] == redacted(f"by {spell(secret)} then") == f"by {REDACTED} then"
        assert last(lines)["vm"] == "web-1"

    @given(texts=st.lists(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), min_size=1, max_size=4))
    @example(texts=["s\u0131g=12345678"])
    @example(texts=["t\u0130cket=12345678"])
    def test_a_line_is_redacted_as_each_of_its_texts_is(self, texts: list[str]) -> None:
        event = {f"field{at}": text for at, text in enumerate(texts)}
        assert _redact(None, "info", dict(event)) == {key: redacted(text) for key, text in event.items()}

    def test_a_secret_in_the_event_itself_is_taken_out(self, lines: io.StringIO) -> None:
        structlog.get_logger("t").warning(f"could not connect to {PASSWORD}")
        assert "hunter2" not in lines.getvalue()

    def test_a_traceback_that_quotes_a_secret_does_not_show_it(self, lines: io.StringIO) -> None:
        try:
            raise RuntimeError(f"no answer from {PASSWORD}")  # noqa: TRY301 - a traceback is wanted
        except RuntimeError:
            structlog.get_logger("t").exception("failed")
        assert "RuntimeError" in last(lines)["exception"]
        assert "hunter2" not in lines.getvalue()

    def test_the_sdks_own_records_are_redacted_too(self, lines: io.StringIO) -> None:
        try:
            raise RuntimeError(PASSWORD)  # noqa: TRY301 - a traceback is wanted
        except RuntimeError:
            logging.getLogger("some.sdk").warning("lost %s", PASSWORD, exc_info=True)
        assert last(lines)["level"] == "warning"
        assert "hunter2" not in lines.getvalue()

    def test_numbers_and_truth_stay_what_they_are(self, lines: io.StringIO) -> None:
        structlog.get_logger("t").info("numbers", took_ms=12, ok=True, none=None, half=0.5)
        line = last(lines)
        assert (line["took_ms"], line["ok"], line["none"], line["half"]) == (12, True, None, 0.5)
        assert line["process"] == "test"

    def test_chatter_of_the_sdks_is_left_out(self, lines: io.StringIO) -> None:
        logging.getLogger("azure.core.pipeline.policies.http_logging_policy").info("Request URL: …")
        logging.getLogger("azure").info("…")
        assert lines.getvalue() == ""

    def test_text_is_for_people(self, monkeypatch: pytest.MonkeyPatch, lines: io.StringIO) -> None:
        del lines
        out = io.StringIO()
        monkeypatch.setattr(sys, "stderr", out)
        configure_logging("text", process="test")
        structlog.get_logger("t2").info("ready", where=PASSWORD)
        assert "ready" in out.getvalue()
        assert "hunter2" not in out.getvalue()
