"""What people type and paste into the Slack stand-in, as the unmodified slack-bolt gets it."""

from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp

from tests.contract.slack.rig import APPROVALS, OLIVIA, Acts, Json, until

ESCAPED, RAW = "/vm-lockdown", "/slow"


@pytest.fixture
def texts(app: AsyncApp) -> list[str]:
    """What the app got, by either command."""
    got: list[str] = []

    async def take(ack: Any, body: Json) -> None:
        got.append(body["text"])
        await ack()

    app.command(ESCAPED)(take)
    app.command(RAW)(take)
    return got


@pytest.mark.parametrize(
    ("typed", "escaped"),
    [
        ("web-01 ask @olivia", f"web-01 ask <@{OLIVIA}|olivia>"),
        (f"web-01 <@{OLIVIA}>", f"web-01 <@{OLIVIA}>"),
        ("web-01 see #vm-approvals", f"web-01 see <#{APPROVALS}|vm-approvals>"),
        ("web-01.contoso.com", "<http://web-01.contoso.com|web-01.contoso.com>"),
        ("https://portal.azure.com/#x", "<https://portal.azure.com/#x>"),
        ("mail olivia@contoso.example", "mail <mailto:olivia@contoso.example|olivia@contoso.example>"),
        ("a < b & c", "a &lt; b &amp; c"),
        ("web-01 v1.2.3 @nobody", "web-01 v1.2.3 @nobody"),
    ],
)
async def test_escaped_or_raw_as_the_manifest_says(
    act: Acts, texts: list[str], typed: str, escaped: str
) -> None:
    for command in (ESCAPED, RAW):
        assert (await act("command", user="nadia", command=command, text=typed))["ok"] is True
    assert texts == [escaped, typed]


@pytest.mark.parametrize(
    ("how", "typed", "sent"),
    [
        ("plain", "`web-01` *odd*\nreason", "`web-01` *odd*\nreason"),
        ("smart", '"web-01" it\'s -- odd', "\u201cweb-01\u201d it\u2019s \u2014 odd"),
        ("pasted", "web-01 odd", "web\u201301\u00a0odd"),
    ],
)
async def test_a_keyboards_own_ideas_come_through(
    act: Acts, texts: list[str], how: str, typed: str, sent: str
) -> None:
    await act("command", user="nadia", command=RAW, text=typed, how=how)
    assert texts == [sent]


async def test_messages_come_with_links_and_without_labels(app: AsyncApp, act: Acts) -> None:
    got: list[str] = []

    @app.event("message")
    async def message(event: Json) -> None:
        got.append(event["text"])

    await act("message", user="sam", text="@olivia: web-01.contoso.com & more")
    await until(lambda: bool(got))
    assert got == [f"<@{OLIVIA}>: <http://web-01.contoso.com|web-01.contoso.com> &amp; more"]
