"""What goes to Slack: one message, or one reply in a card's thread."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

Block = dict[str, Any]
"""One Block Kit block, or a part of one."""


@dataclass(frozen=True)
class Message:
    """A message: ``text`` for notifications and screen readers, ``blocks`` to be seen."""

    text: str
    blocks: list[Block]

    @property
    def says(self) -> str:
        """All its text, line by line, for the record."""
        return "\n".join([self.text, *_texts(self.blocks)])

    @property
    def digest(self) -> str:
        """Sixteen characters, equal for equal content in every process."""
        content = json.dumps([self.text, self.blocks], sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def _texts(node: Any) -> list[str]:
    """Every text in blocks, in order."""
    if isinstance(node, list):
        return [text for one in node for text in _texts(one)]
    if not isinstance(node, dict):
        return []
    own = [node["text"]] if isinstance(node.get("text"), str) else []
    return own + [text for value in node.values() for text in _texts(value)]


@dataclass(frozen=True)
class Reply:
    """A message in a thread. Its ``key`` stays while its words change.

    With ``pages``, on-call has to act on it, so it goes before messages that only report.
    """

    key: str
    message: Message
    pages: bool = False
