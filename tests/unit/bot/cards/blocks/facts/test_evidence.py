"""Where a start came from, as the card shows it."""

import pytest

from bot.cards.blocks.evidence import fields
from tests import builders as b


def origin(**changes: object) -> str:
    return fields(b.approval(event=b.start_event(caller=b.caller(**changes))))[0]


def test_one_address_is_shown_once() -> None:
    assert (
        origin(ip="203.0.113.7", signin_ip="203.0.113.7")
        == "*From*\nAzure CLI, `203.0.113.7`\nSigned in with MFA"
    )


def test_a_token_that_is_used_elsewhere_is_a_warning_with_both_addresses() -> None:
    shown = origin(ip="198.51.100.1", signin_ip="203.0.113.7")
    assert "`198.51.100.1`" in shown
    assert "\u26a0\ufe0f *Signed in from another address:* `203.0.113.7`" in shown


@pytest.mark.parametrize(
    ("signin_ip", "words"), [("203.0.113.7", "signed in from `203.0.113.7`"), ("", "unknown IP address")]
)
def test_where_the_request_came_from_is_not_made_up(signin_ip: str, words: str) -> None:
    assert words in origin(ip="", signin_ip=signin_ip)


def test_a_service_that_starts_vms_is_named() -> None:
    shown = origin(app_id="9cdead84-a844-4324-93f2-b2e6bb768d07")
    assert shown.startswith("*From*\nAzure Virtual Desktop, ")
