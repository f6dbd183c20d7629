"""The ``rich_text`` block and what it is made of."""

from deploy.sandbox.slack.blockkit.checks import (
    Check,
    anything,
    array,
    boolean,
    by_type,
    integer,
    one_of,
    shape,
    string,
)
from deploy.sandbox.slack.blockkit.composition import ID, URL

STYLES = ("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink")
STYLE = shape({}, dict.fromkeys(STYLES, boolean))


def _part(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    return shape({"type": anything, **required}, {"style": STYLE, **(optional or {})})


PARTS: dict[str, Check] = {
    "text": _part({"text": string()}),
    "link": _part({"url": URL}, {"text": string(), "unsafe": boolean}),
    "user": _part({"user_id": ID}),
    "usergroup": _part({"usergroup_id": ID}),
    "channel": _part({"channel_id": ID}),
    "team": _part({"team_id": ID}),
    "broadcast": _part({"range": one_of("here", "channel", "everyone")}),
    "emoji": _part({"name": string()}, {"unicode": string(), "skin_tone": integer(2, 6), "url": URL}),
    "date": _part({"timestamp": integer(0), "format": string()}, {"url": URL, "fallback": string()}),
    "color": _part({"value": string()}),
}
ANY_PARTS = array(by_type(PARTS), (0, None))
BORDER = one_of(0, 1)

SECTION = shape({"type": anything, "elements": ANY_PARTS})
GROUPS: dict[str, Check] = {
    "rich_text_section": SECTION,
    "rich_text_preformatted": shape(
        {"type": anything, "elements": array(by_type(PARTS, ("text", "link")), (0, None))},
        {"border": BORDER, "language": string()},
    ),
    "rich_text_quote": shape({"type": anything, "elements": ANY_PARTS}, {"border": BORDER}),
    "rich_text_list": shape(
        {
            "type": anything,
            "style": one_of("bullet", "ordered"),
            "elements": array(by_type({"rich_text_section": SECTION})),
        },
        {"indent": integer(0, 8), "offset": integer(0), "border": BORDER},
    ),
}
RICH_TEXT = shape({"type": anything, "elements": array(by_type(GROUPS))}, {"block_id": ID})
"""The block; also a table cell, and the details of a task."""
