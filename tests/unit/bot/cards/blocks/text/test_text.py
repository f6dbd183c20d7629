"""Text from outside stays text."""

import html
import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.cards.blocks.text import (
    ago,
    channel_link,
    clean,
    code,
    duration,
    escape,
    mention,
    mention_group,
    name,
    plain,
    plain_name,
    utc,
    when,
    with_code,
)

AT = datetime(2026, 11, 24, 3, 49, 30, tzinfo=UTC)
TEXT = st.text(max_size=400) | st.text(alphabet="&<>`*_~:@/!|#a1 \n\u202e\u200b", max_size=400)
LIMIT = st.integers(min_value=4, max_value=300)


@given(TEXT, LIMIT)
def test_escaped_text_has_no_raw_angle_bracket_and_only_whole_entities(text: str, limit: int) -> None:
    shown = escape(text, limit)
    assert len(shown) <= limit
    assert "<" not in shown
    assert ">" not in shown
    assert re.sub(r"&(?:amp|lt|gt);", "", shown).count("&") == 0


@example(":'", 4)
@example("0:0", 4)
@example("0:100", 9)
@example("10:100", 300)
@example("10:30_x", 300)
@example("0:00a:", 300)
@given(st.one_of(TEXT, st.text("01:a_+'- ")), LIMIT)
def test_escaped_text_carries_no_mark_up_no_emoji_and_no_link(text: str, limit: int) -> None:
    shown = escape(text, limit)
    assert not set("*~`") & set(shown)
    # Two digits are the minutes of a time of day, and no emoji of Slack's.
    assert not re.search(r":(?!\d\d:)[a-z0-9_+'-]+:", f"{shown}:")
    assert "://" not in shown
    assert not re.search(r"(?<!\w)_\S.*\S_(?!\w)", shown)


@given(TEXT, LIMIT)
def test_code_is_one_span_whatever_is_in_it(text: str, limit: int) -> None:
    shown = code(text, limit)
    assert len(shown) <= max(limit, len("`(empty)`"))
    assert shown[0] == shown[-1] == "`"
    assert shown.count("`") == 2
    assert "\n" not in shown


@given(TEXT)
def test_nothing_invisible_is_left(text: str) -> None:
    assert not [c for c in clean(text) if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]


@given(TEXT, LIMIT)
def test_plain_text_is_never_empty_never_too_long_and_draws_no_emoji(text: str, limit: int) -> None:
    shown = plain(text, limit)
    assert 1 <= len(shown["text"]) <= limit
    assert shown["emoji"] is False


@given(st.text(alphabet=st.characters(categories=["L", "N"], max_codepoint=0x2FF), max_size=60))
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert html.unescape(escape(text, 300)) == text


def test_an_entity_typed_by_somebody_is_shown_as_they_typed_it() -> None:
    assert escape("&amp; <b>") == "&amp;amp; &lt;b&gt;"


def test_of_a_long_name_the_middle_gives_way() -> None:
    long = f"vm-{'x' * 90}-web-01"
    for shown in (name(long, 40), plain_name(long, 40), code(long, 42).strip("`")):
        assert len(shown) == 40
        assert shown.startswith("vm-xxx")
        assert shown.endswith("-web-01")
        assert shown.count("\u2026") == 1
    assert code("a<b" * 50, 20).count("&lt;") == code("a<b" * 50, 20).count("&")


@given(TEXT, LIMIT)
def test_a_cut_name_keeps_to_its_limit_and_is_harmless(text: str, limit: int) -> None:
    assert len(plain_name(text, limit)) <= limit
    shown = name(text, limit)
    assert len(shown) <= limit
    assert not set("<>*~`") & set(shown)
    assert re.sub(r"&(?:amp|lt|gt);", "", shown).count("&") == 0


def test_known_identifiers_are_in_code_style_where_they_stand_alone() -> None:
    text = "web-02: waiting for web-02-nic and *web-02*"
    shown = with_code(text, {"web-02", "web-02-nic", ""}, 300)
    assert shown == "`web-02`: waiting for `web-02-nic` and \u2217`web-02`\u2217"
    assert with_code(text, (), 300) == escape(text)


@given(TEXT, st.sets(TEXT, max_size=3), LIMIT)
def test_whatever_the_identifiers_code_style_is_closed_and_keeps_the_limit(
    text: str, identifiers: set[str], limit: int
) -> None:
    shown = with_code(text, identifiers, limit)
    assert len(shown) <= limit
    assert "`" not in re.sub(r"`[^`\n]+`", "", shown)
    assert not set("<>") & set(shown)


def test_cutting_never_splits_an_entity() -> None:
    assert escape("ab<cdef", 6) == "ab\u2026"
    assert escape("ab<cdef", 7) == "ab&lt;\u2026"


def test_a_name_that_hides_something_does_not_look_like_one_that_does_not() -> None:
    assert clean("vm-web\u202e10\u200b") == "vm-web\ufffd10\ufffd"
    assert clean("vm\u3164web") == "vm\ufffdweb"


def test_lines_become_one_line() -> None:
    assert clean(" one\n\n\ttwo\u2028three ") == "one two three"


def test_piled_up_accents_are_thinned_out() -> None:
    assert clean("a" + "\u0301" * 50) == "a" + "\u0301" * 3


@pytest.mark.parametrize("hostile", ["<!channel>", "<@U0ALICE01>", "<https://evil.example|click>"])
def test_a_mention_or_link_is_shown_as_text(hostile: str) -> None:
    assert escape(hostile).startswith("&lt;")
    assert code(hostile).startswith("`&lt;")


def test_a_broadcast_is_disarmed_even_where_slack_is_asked_to_parse_names() -> None:
    assert escape("@here @channel bob@here.example") == "\uff20here \uff20channel bob@here.example"


def test_underscores_within_a_name_stay_and_a_time_of_day_stays() -> None:
    assert escape("allow_ssh_any at 10:30") == "allow_ssh_any at 10:30"
    assert escape("from 10:30 to 11:45:59, UTC") == "from 10:30 to 11:45:59, UTC"
    assert code("2001:db8::1") == "`2001:db8::1`"


def test_a_colon_of_ours_completes_no_emoji() -> None:
    assert ":" not in escape(":smile")


@pytest.mark.parametrize("hostile", ["U1", "u0alice01", "U0ALICE01|x", "<@U0ALICE01>", "", "U0ALICE01\n"])
def test_what_is_no_user_id_is_never_a_mention(hostile: str) -> None:
    assert mention(hostile).startswith("`")
    assert mention_group(hostile).startswith("`")
    assert channel_link(hostile).startswith("`")


def test_ids_become_mentions() -> None:
    assert mention("U0ALICE01") == "<@U0ALICE01>"
    assert mention_group("S0ONCALL1") == "<!subteam^S0ONCALL1>"
    assert channel_link("C0ONCALL1") == "<#C0ONCALL1>"


def test_a_time_is_the_readers_own_and_falls_back_to_utc() -> None:
    berlin = AT.astimezone(timezone(timedelta(hours=1)))
    assert when(AT) == when(berlin) == "<!date^1795492170^{date_short_pretty} at {time}|2026-11-24 03:49 UTC>"
    assert utc(berlin) == "2026-11-24 03:49 UTC"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (45, "45 seconds"),
        (600, "10 minutes"),
        (5400, "1 hour 30 minutes"),
        (172800, "2 days"),
        (90061, "1 day 1 hour"),
        (-5, "0 seconds"),
    ],
)
def test_durations_are_said_in_at_most_two_units(seconds: int, said: str) -> None:
    assert duration(timedelta(seconds=seconds)) == said


def test_how_long_ago_survives_clocks_that_disagree() -> None:
    assert ago(AT, AT + timedelta(minutes=10)) == "10 minutes ago"
    assert ago(AT + timedelta(minutes=1), AT) == "just now"


@given(st.text(alphabet="ab <&", max_size=30))
def test_plain_ascii_is_cleaned_like_everything_else(text: str) -> None:
    assert clean(text) == clean(f"\u00e9{text}\u00e9")[1:-1].strip()
