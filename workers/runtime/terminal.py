"""Hostile text on a terminal: nothing in it moves the cursor, hides or reverses what stands beside it."""

import json
import re
import unicodedata

_UNSAFE_KINDS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ASCII_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def safe(text: str) -> str:
    r"""The text with control and format characters as ``\u001b``; line feeds and tabs stay."""
    if text.isascii():
        return _ASCII_CONTROL.sub(lambda match: _escaped(match[0]), text)
    return "".join(
        _escaped(c) if unicodedata.category(c) in _UNSAFE_KINDS and c not in "\n\t" else c for c in text
    )


def safe_line(text: str) -> str:
    """The same in one line."""
    return safe(" ".join(text.split("\n"))).replace("\t", " ")


def safe_json(value: object, *, indent: int | None = None) -> str:
    """JSON for people: letters of every script as they are, everything else escaped, and still JSON."""
    return safe(json.dumps(value, ensure_ascii=False, indent=indent))


def pretty(body: bytes, *, most: int) -> str:
    """A message's body: indented if it is JSON, else its text; at most so many characters."""
    try:
        text = safe_json(json.loads(body), indent=2)
    except (ValueError, RecursionError):
        text = safe(body.decode(errors="backslashreplace"))
    return text if len(text) <= most else f"{text[:most]}\n… {len(text) - most} more characters"


def _escaped(character: str) -> str:
    if len(character.encode("utf-16-le", "surrogatepass")) == 2:  # noqa: PLR2004 - bytes of one unit
        return f"\\u{ord(character):04x}"
    return json.dumps(character)[1:-1]
