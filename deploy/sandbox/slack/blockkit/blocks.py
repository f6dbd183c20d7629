"""The blocks themselves."""

from deploy.sandbox.slack.blockkit import limits
from deploy.sandbox.slack.blockkit.checks import (
    Check,
    anything,
    array,
    at_least_one,
    boolean,
    by_type,
    integer,
    one_of,
    shape,
    string,
)
from deploy.sandbox.slack.blockkit.composition import (
    ANY_TEXT,
    HTTP_URL,
    ID,
    IMAGE_SOURCE,
    ONE_SOURCE,
    PLAIN,
    text,
)
from deploy.sandbox.slack.blockkit.elements import ALLOWED_IN, ELEMENTS
from deploy.sandbox.slack.blockkit.report import Report
from deploy.sandbox.slack.blockkit.richtext import RICH_TEXT

Fields = dict[str, Check]


def _block(required: Fields, optional: Fields | None = None, *rules: Check) -> Check:
    return shape({"type": anything, **required}, {"block_id": ID, **(optional or {})}, *rules)


def _element_of(block: str) -> Check:
    return by_type(ELEMENTS, ALLOWED_IN[block])


def no_dispatch_of_files(value: dict[str, object], at: str, report: Report) -> None:
    """A rule: a file input never dispatches."""
    match value:
        case {"dispatch_action": True, "element": {"type": "file_input"}}:
            report.say("unsupported type: file_input", f"{at}/element/type")


CONTEXT_ELEMENT = by_type(
    {
        "image": ELEMENTS["image"],
        "plain_text": text(PLAIN, limits.CONTEXT_TEXT_MAX),
        "mrkdwn": text(ANY_TEXT, limits.CONTEXT_TEXT_MAX),
    }
)
CELL = by_type(
    {
        "raw_text": shape({"type": anything, "text": string()}),
        "raw_number": shape({"type": anything, "value": anything}, {"text": string()}),
        "rich_text": RICH_TEXT,
    }
)
COLUMN = shape({}, {"align": one_of("left", "center", "right"), "is_wrapped": boolean})
SOURCE = shape({"type": one_of("url"), "url": HTTP_URL, "text": string()})
TASK = _block(
    {
        "task_id": ID,
        "title": string(1, limits.TASK_TEXT_MAX),
        "status": one_of("pending", "in_progress", "complete", "error"),
    },
    {
        "details": by_type({"rich_text": RICH_TEXT}),
        "output": by_type({"rich_text": RICH_TEXT}),
        "sources": array(SOURCE, (0, None)),
    },
)


def nullable(check: Check) -> Check:
    """The check, or ``null``."""

    def checked(value: object, at: str, report: Report) -> None:
        if value is not None:
            check(value, at, report)

    return checked


BLOCKS: dict[str, Check] = {
    "section": _block(
        {},
        {
            "text": text(ANY_TEXT, limits.SECTION["text"]),
            "fields": array(text(ANY_TEXT, limits.SECTION["field"]), limits.SECTION_FIELDS),
            "accessory": _element_of("section"),
            "expand": boolean,
        },
        at_least_one("text", "fields"),
    ),
    "header": _block({"text": text(PLAIN, limits.HEADER_TEXT_MAX)}, {"level": integer(1, 4)}),
    "divider": _block({}),
    "image": _block(
        {"alt_text": string(1, limits.ALT_TEXT_MAX)},
        {**IMAGE_SOURCE, "title": text(PLAIN, limits.IMAGE_TITLE_MAX)},
        ONE_SOURCE,
    ),
    "actions": _block({"elements": array(_element_of("actions"), limits.ACTIONS_ELEMENTS)}),
    "context": _block({"elements": array(CONTEXT_ELEMENT, limits.CONTEXT_ELEMENTS)}),
    "context_actions": _block(
        {"elements": array(_element_of("context_actions"), limits.CONTEXT_ACTIONS_ELEMENTS)}
    ),
    "input": _block(
        {"label": text(PLAIN, limits.INPUT["label"]), "element": _element_of("input")},
        {"hint": text(PLAIN, limits.INPUT["hint"]), "optional": boolean, "dispatch_action": boolean},
        no_dispatch_of_files,
    ),
    "markdown": _block({"text": string(1, limits.MARKDOWN_TOTAL_MAX)}),
    "rich_text": RICH_TEXT,
    "table": _block(
        {"rows": array(array(CELL, limits.TABLE["cells"]), limits.TABLE["rows"])},
        {"column_settings": array(nullable(COLUMN), limits.TABLE["column_settings"])},
    ),
    "task_card": TASK,
    "plan": _block(
        {"title": string(1, limits.TASK_TEXT_MAX)},
        {"tasks": array(by_type({"task_card": TASK}), limits.PLAN_TASKS)},
    ),
    "alert": _block(
        {"text": text(ANY_TEXT, limits.ALERT_TEXT_MAX)},
        {"level": one_of("default", "info", "warning", "error", "success")},
    ),
    "video": _block(
        {
            "alt_text": string(),
            "title": text(PLAIN, limits.VIDEO["title"]),
            "thumbnail_url": HTTP_URL,
            "video_url": HTTP_URL,
        },
        {
            "author_name": string(1, limits.VIDEO["author_name"]),
            "description": text(PLAIN, limits.VIDEO["description"]),
            "provider_icon_url": HTTP_URL,
            "provider_name": string(1, limits.VIDEO["provider_name"]),
            "title_url": HTTP_URL,
        },
    ),
    "file": _block({"external_id": ID, "source": one_of("remote")}),
}

EVERYWHERE = ("section", "header", "divider", "image", "actions", "context", "rich_text", "video")
ALLOWED_ON = {
    "message": (*EVERYWHERE, "markdown", "plan", "task_card", "context_actions", "table", "file"),
    "modal": (*EVERYWHERE, "input", "alert"),
    "home": (*EVERYWHERE, "input", "table"),
}
"""Which blocks a surface takes."""
