"""Cursors: ``limit`` and ``cursor`` in, ``response_metadata.next_cursor`` out."""

import base64
import binascii
from typing import TypeVar

from deploy.sandbox.slack.api.arguments import Args
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.team.messages import Json

Item = TypeVar("Item")

LIMIT_DEFAULT = 100
LIMIT_MAX = 1000
"""https://docs.slack.dev/reference/methods/conversations.list takes "no larger than 1000"."""


def page(items: list[Item], args: Args) -> tuple[list[Item], Json]:
    """One page, and the metadata that leads to the next.

    Raises:
        SlackError: ``invalid_cursor`` or ``invalid_limit``.
    """
    limit = args.number("limit", LIMIT_DEFAULT)
    if not 0 < limit <= LIMIT_MAX:
        raise SlackError("invalid_limit")
    start = _offset(args.text("cursor"))
    following = "" if start + limit >= len(items) else _cursor(start + limit)
    return items[start : start + limit], {"response_metadata": {"next_cursor": following}}


def _cursor(offset: int) -> str:
    return base64.b64encode(f"next:{offset}".encode()).decode()


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
    except (binascii.Error, ValueError):
        raise SlackError("invalid_cursor") from None
