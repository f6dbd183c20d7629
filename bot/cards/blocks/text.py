"""Text from outside, made safe for Slack; and times, people and durations as Slack shows them.

VM names, tags, rule names, callers and reasons are hostile text. They get in by ``code`` or ``name`` as
identifiers, and by ``escape`` as words. All give mrkdwn that stays text: it mentions nobody, links nowhere,
ends no code span and draws no emoji. ``plain``, ``plain_name`` and ``words`` are for ``plain_text``, which
has no mark-up.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Any

_NOON = 12
UNSEEN = "\ufffd"
"""Stands for an invisible character, so that a name with one looks different from a name without."""

_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Co"})
# Blank, yet letters, symbols or marks by category: Hangul fillers, Khmer and Mongolian signs, Braille blank.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_MOST_MARKS = 3  # combining marks in a row; more of them cover the lines around

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_NO_ENTITIES: Mapping[int, str] = MappingProxyType({})
_LOOKALIKES = str.maketrans({"*": "\u2217", "~": "\u223c", "`": "\u02cb"})
_ANGLES = str.maketrans({"<": "\u2039", ">": "\u203a"})
_BACKTICK = str.maketrans({"`": "\u02cb"})
_COLON = "\u2236"
# Slack reads :name: as an emoji, :100: too, and the second colon may be ours. A time of day stays as it is.
_EMOJI_COLON = re.compile(r":(?=[^\W\d]|[+_'-])|(?<!\d):(?=\d)|:(?=\d(?!\d)|\d\d[\w+'-])")
_URL_COLON = re.compile(r":(?=//)")
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
# Slack reads these as mentions only where a call asks it to parse names. Disarmed all the same.
_BROADCAST = re.compile(r"(?<![\w@])@(?=(?:channel|here|everyone)\b)", re.IGNORECASE)

_USER = re.compile(r"[UW][A-Z0-9]{5,20}")
_USERGROUP = re.compile(r"S[A-Z0-9]{5,20}")
_CHANNEL = re.compile(r"[CG][A-Z0-9]{5,20}")
_CONVERSATION = re.compile(r"[CDG][A-Z0-9]{5,20}")


def clean(text: str) -> str:
    """One line of text in which everything can be seen: control and bidi characters become ``UNSEEN``."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()  # as nearly all text is; the loop below took a tenth of a burst's time
    shown: list[str] = []
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if char.isspace() or category[0] == "Z":
            seen = " "
        elif category in _NOT_SHOWN or char in _BLANK:
            seen = UNSEEN
        elif marks > _MOST_MARKS:
            continue
        else:
            seen = char
        if seen not in (" ", UNSEEN) or shown[-1:] != [seen]:
            shown.append(seen)
    return "".join(shown).strip()


def escape(text: str, limit: int = 300) -> str:
    """Words for mrkdwn, at most ``limit`` characters as sent, cut with ``…`` and never inside an entity."""
    return _cut(_disarmed(text), limit, _ENTITIES)


def code(text: str, limit: int = 120) -> str:
    """An identifier as inline code, at most ``limit`` characters with its backticks; none inside.

    Of a long one the middle gives way, since similar names differ at their ends.
    """
    text = _URL_COLON.sub(_COLON, clean(text).translate(_BACKTICK))
    return f"`{_without_middle(_no_broadcast(text), limit - 2, _ENTITIES) or '(empty)'}`"


def name(text: str, limit: int = 100) -> str:
    """An identifier for mrkdwn where code style is not shown, such as a notification; cut like ``code``."""
    return _without_middle(_disarmed(text), limit, _ENTITIES)


def plain_name(text: str, limit: int) -> str:
    """An identifier for places that know no mark-up at all: clean, not escaped, cut like ``code``.

    A client may make a link of an address even there, so none is left in it.
    """
    return _without_middle(_URL_COLON.sub(_COLON, clean(text)), limit)


def plain_label(text: str, limit: int) -> str:
    """A name that its bearer chose, for places without mark-up: nothing in it looks like mark-up either."""
    return _without_middle(_disarmed(text).translate(_ANGLES), limit)


def with_code(text: str, identifiers: Collection[str], limit: int) -> str:
    """Words as by ``escape``, with these identifiers in code style where they stand alone."""
    known = sorted((clean(one) for one in identifiers if one.strip()), key=len, reverse=True)
    if not known:
        return escape(text, limit)
    alone = re.compile(rf"(?<![\w.-])({'|'.join(map(re.escape, known))})(?![\w-])")
    parts = alone.split(clean(text))
    # Every second part is an identifier. Around it a space stays as it is; ``escape`` takes it away.
    shown = "".join(code(p) if n % 2 else _spaced(escape(p, limit), p) for n, p in enumerate(parts))
    return shown if len(shown) <= limit else escape(text, limit)


def plain(text: str, limit: int) -> dict[str, Any]:
    """A ``plain_text`` object; Slack refuses empty ones, so nothing is shown as a dash."""
    return {"type": "plain_text", "text": words(text, limit) or "\u2013", "emoji": False}


def words(text: str, limit: int) -> str:
    """Words for places that know no mark-up at all: clean and cut, not escaped."""
    return _cut(clean(text), limit)


def mention(user_id: str) -> str:
    """A mention of a Slack user; what is not a user id is shown as code instead, and pings nobody."""
    return f"<@{user_id}>" if _USER.fullmatch(user_id) else code(user_id)


def calling(oncall_mention: str) -> str:
    """How a message that calls on-call begins: with their mention, where the policy has one."""
    return f"{oncall_mention}: " if oncall_mention else "On-call: "


def mention_group(usergroup_id: str) -> str:
    """A mention of a Slack user group; what is not a group id is shown as code instead."""
    return f"<!subteam^{usergroup_id}>" if _USERGROUP.fullmatch(usergroup_id) else code(usergroup_id)


def channel_link(channel: str) -> str:
    """A link to a channel by its id; a name such as ``#vm-oncall`` is shown as code."""
    return f"<#{channel}>" if _CHANNEL.fullmatch(channel) else code(channel)


def message_link(workspace_url: str, channel: str, ts: str | None, words: str) -> str:
    """Mrkdwn that links a message; empty without an address. ``words`` are ours: no mark-up.

    Source: the answer of https://docs.slack.dev/reference/methods/chat.getPermalink
    """
    if not workspace_url.startswith("https://") or ts is None or _CONVERSATION.fullmatch(channel) is None:
        return ""
    return f"<{workspace_url}archives/{channel}/p{ts.replace('.', '')}|{words}>"


def when(at: datetime) -> str:
    """A time in the reader's own zone: ``today at 3:49 AM``; in UTC where a client can't do that.

    Source: https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    """
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|{utc(at)}>"


def clock(at: datetime) -> str:
    """As ``when``, without the date: ``3:49 AM``. For times within half a day."""
    return f"<!date^{int(at.timestamp())}^{{time}}|{utc(at)}>"


def plain_time(at: datetime, zone: tzinfo = UTC, now: datetime | None = None) -> str:
    """A time for places without mark-up: ``9:44 PM``, with the date if it is not today's there.

    Slack writes times in the reader's own zone only in mrkdwn, so whoever calls this has to know it.
    """
    there = at.astimezone(zone)
    told = f"{there.hour % 12 or 12}:{there:%M} {'AM' if there.hour < _NOON else 'PM'}"
    if zone is UTC:
        told += " UTC"
    today = now is not None and now.astimezone(zone).date() == there.date()
    return told if today else f"{there:%b} {there.day}, {told}"


def utc(at: datetime) -> str:
    """A time where the reader's zone is not known: ``2026-11-24 03:49 UTC``."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def duration(span: timedelta) -> str:
    """``45 seconds``, ``10 minutes``, ``1 hour 30 minutes``, ``2 days``: at most two units."""
    rest = max(0, round(span.total_seconds()))
    parts: list[str] = []
    for name, seconds in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, rest = divmod(rest, seconds)
        if count:
            parts.append(counted(count, name))
    return " ".join(parts[:2]) or "0 seconds"


def ago(then: datetime, now: datetime) -> str:
    """``10 minutes ago``; ``just now`` within five seconds, and for times that clocks put ahead of now."""
    span = now - then
    return "just now" if span < timedelta(seconds=5) else f"{duration(span)} ago"


def counted(count: int, noun: str) -> str:
    """``1 step``, ``3 steps``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _spaced(shown: str, original: str) -> str:
    before, after = " " * original.startswith(" "), " " * original.endswith(" ")
    return f"{before}{shown}{after}" if shown else before


def _disarmed(text: str) -> str:
    text = _EMOJI_COLON.sub(_COLON, _URL_COLON.sub(_COLON, clean(text).translate(_LOOKALIKES)))
    return _no_broadcast(_EDGE_UNDERSCORE.sub("\u02cd", text))


def _no_broadcast(text: str) -> str:
    return _BROADCAST.sub("\uff20", text)


def _cut(text: str, limit: int, entities: Mapping[int, str] = _NO_ENTITIES) -> str:
    """With these entities, at most ``limit`` long, cut at the end with ``\u2026``; no entity is cut."""
    shown = [entities.get(ord(char), char) for char in text]
    if sum(map(len, shown)) <= limit:
        return "".join(shown)
    return "".join(_fitting(shown, limit - 1)).rstrip() + "\u2026"


def _without_middle(text: str, limit: int, entities: Mapping[int, str] = _NO_ENTITIES) -> str:
    """As ``_cut``, but both ends stay: ``verylong\u2026suffix``."""
    shown = [entities.get(ord(char), char) for char in text]
    if sum(map(len, shown)) <= limit:
        return "".join(shown)
    end = _fitting(shown[::-1], (limit - 1) // 2)[::-1]
    return "".join([*_fitting(shown, limit - 1 - sum(map(len, end))), "\u2026", *end])


def _fitting(parts: list[str], room: int) -> list[str]:
    """The first of these that fit together in so many characters."""
    kept: list[str] = []
    for part in parts:
        room -= len(part)
        if room < 0:
            break
        kept.append(part)
    return kept
