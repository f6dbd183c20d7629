"""Which mentions a message would really make: the proof that hostile names never ping anybody."""

import re
from collections.abc import Iterator
from typing import Any

from deploy.sandbox.slack.team.messages import Json

BROADCASTS = ("channel", "here", "everyone")
ENTITY = re.compile(
    r"<(?:!(?P<broadcast>channel|here|everyone)(?:\|[^<>]*)?"
    r"|@(?P<user>[UW][A-Z0-9]+)(?:\|[^<>]*)?"
    r"|!subteam\^(?P<usergroup>S[A-Z0-9]+)(?:\|[^<>]*)?)>"
)
BARE_BROADCAST = re.compile(r"(?<![\w@])@(channel|here|everyone)\b")


def mentions_in_text(text: str, at: str, *, parse_names: bool = False) -> Iterator[Json]:
    """Mentions in one mrkdwn text found ``at`` a JSON pointer.

    ``parse_names`` is Slack's ``link_names`` or ``parse=full``: a bare ``@here`` counts, too. An escaped
    ``&lt;!here&gt;`` is text and yields nothing. Code spans do count: Slack notifies from inside them.
    """
    for match in ENTITY.finditer(text):
        kind = match.lastgroup or ""
        yield {"kind": kind, "id": match[kind], "at": at}
    if parse_names:
        for match in BARE_BROADCAST.finditer(text):
            yield {"kind": "broadcast", "id": match[1], "at": at}


def mentions_in_layout(node: Any, at: str) -> Iterator[Json]:
    """Mentions in blocks or attachments: mrkdwn texts, markdown blocks and rich text entities."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from mentions_in_layout(item, f"{at}/{index}")
    elif isinstance(node, dict):
        yield from _own_mentions(node, at)
        for key, value in node.items():
            yield from mentions_in_layout(value, f"{at}/{key}")


def _own_mentions(node: Json, at: str) -> Iterator[Json]:
    match node:
        case {"type": "mrkdwn" | "markdown", "text": str(text)}:
            yield from mentions_in_text(text, f"{at}/text")
        case {"type": "user", "user_id": str(user)}:
            yield {"kind": "user", "id": user, "at": at}
        case {"type": "usergroup", "usergroup_id": str(group)}:
            yield {"kind": "usergroup", "id": group, "at": at}
        case {"type": "broadcast", "range": str(reach)}:
            yield {"kind": "broadcast", "id": reach, "at": at}
        case _:
            return


def escape(text: str) -> str:
    """As Slack escapes what people type."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
