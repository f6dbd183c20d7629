"""Block Kit in messages: what Slack refuses is refused, with the place."""

from typing import Any

import pytest

from tests.unit.sandbox.blockkit_rig import (
    CONFIRM,
    TASK,
    actions,
    asking,
    button,
    element,
    found,
    mrkdwn,
    option,
    plain,
    section,
    without,
)

REFUSED_IN_MESSAGES: dict[str, tuple[list[Any], str]] = {
    "blocks that are no objects": (["hi"], "must provide an object [json-pointer:/blocks/0]"),
    "a block without a type": ([{}], "missing required field: type [json-pointer:/blocks/0]"),
    "an unknown block": ([{"type": "hero"}], "unsupported type: hero [json-pointer:/blocks/0/type]"),
    "an unknown key": (
        [section(colour="red")],
        "invalid additional property: colour [json-pointer:/blocks/0]",
    ),
    "a block too many": ([section()] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    "a long block_id": (
        [section(block_id="x" * 256)],
        "must be less than 256 characters [json-pointer:/blocks/0/block_id]",
    ),
    "the same block_id twice": (
        [section(block_id="a"), section(block_id="a")],
        "`block_id` `a` already exists for another block [json-pointer:/blocks/1/block_id]",
    ),
    "the same action_id twice in a block": (
        [actions(button(), button())],
        "`action_id` `go` already exists for another element [json-pointer:/blocks/0/elements/1/action_id]",
    ),
    "an input": (
        [asking(element("plain_text_input"))],
        "unsupported type: input [json-pointer:/blocks/0/type]",
    ),
    "an alert": (
        [{"type": "alert", "text": plain()}],
        "unsupported type: alert [json-pointer:/blocks/0/type]",
    ),
    "a section of nothing": (
        [{"type": "section"}],
        "must define either `text` or `fields` [json-pointer:/blocks/0]",
    ),
    "an empty text": (
        [section(text=mrkdwn(""))],
        "must be more than 0 characters [json-pointer:/blocks/0/text/text]",
    ),
    "a long section": (
        [section(text=mrkdwn("x" * 3001))],
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
    ),
    "text that is a bare string": (
        [section(text="hi")],
        "must provide an object [json-pointer:/blocks/0/text]",
    ),
    "a text of type text": (
        [section(text={"type": "text", "text": "x"})],
        "unsupported type: text [json-pointer:/blocks/0/text/type]",
    ),
    "emoji on mrkdwn": (
        [section(text=mrkdwn() | {"emoji": True})],
        "invalid additional property: emoji [json-pointer:/blocks/0/text]",
    ),
    "no fields": ([section(fields=[])], "no fewer than 1 items allowed [json-pointer:/blocks/0/fields]"),
    "a field too many": (
        [section(fields=[mrkdwn()] * 11)],
        "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
    ),
    "a long field": (
        [section(fields=[mrkdwn("x" * 2001)])],
        "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
    ),
    "an accessory that is an input": (
        [section(accessory=element("plain_text_input"))],
        "unsupported type: plain_text_input [json-pointer:/blocks/0/accessory/type]",
    ),
    "mrkdwn in a header": (
        [{"type": "header", "text": mrkdwn()}],
        "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
    ),
    "a long header": (
        [{"type": "header", "text": plain("x" * 151)}],
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
    ),
    "a divider with text": (
        [{"type": "divider", "text": plain()}],
        "invalid additional property: text [json-pointer:/blocks/0]",
    ),
    "an image without alt text": (
        [{"type": "image", "image_url": "https://a.example/b.png"}],
        "missing required field: alt_text [json-pointer:/blocks/0]",
    ),
    "an image from two places": (
        [{"type": "image", "alt_text": "x", "image_url": "https://a.example", "slack_file": {"id": "F1"}}],
        "must define either `image_url` or `slack_file` [json-pointer:/blocks/0]",
    ),
    "an image from nowhere": (
        [{"type": "image", "alt_text": "x", "image_url": "somewhere"}],
        "must be a valid URL [json-pointer:/blocks/0/image_url]",
    ),
    "no actions": ([actions()], "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"),
    "an action too many": (
        [actions(*(button(action_id=str(n)) for n in range(26)))],
        "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
    ),
    "an input among actions": (
        [actions(element("plain_text_input"))],
        "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]",
    ),
    "a multi menu among actions": (
        [actions(element("multi_users_select"))],
        "unsupported type: multi_users_select [json-pointer:/blocks/0/elements/0/type]",
    ),
    "a button in a context": (
        [{"type": "context", "elements": [button()]}],
        "unsupported type: button [json-pointer:/blocks/0/elements/0/type]",
    ),
    "a context too full": (
        [{"type": "context", "elements": [mrkdwn()] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    "mrkdwn on a button": (
        [actions(button(text=mrkdwn()))],
        "unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/text/type]",
    ),
    "a long button": (
        [actions(button(text=plain("x" * 76)))],
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
    ),
    "a long value": (
        [actions(button(value="x" * 2001))],
        "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
    ),
    "a value that is no string": (
        [actions(button(value=7))],
        "must provide a string [json-pointer:/blocks/0/elements/0/value]",
    ),
    "a long URL": (
        [actions(button(url="https://a.example/" + "x" * 3000))],
        "must be less than 3001 characters [json-pointer:/blocks/0/elements/0/url]",
    ),
    "a long action_id": (
        [actions(button(action_id="x" * 256))],
        "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]",
    ),
    "a style that is none": (
        [actions(button(style="default"))],
        "must be a valid enum value: primary, danger [json-pointer:/blocks/0/elements/0/style]",
    ),
    "a confirm without a deny": (
        [actions(button(confirm=without(CONFIRM, "deny")))],
        "missing required field: deny [json-pointer:/blocks/0/elements/0/confirm]",
    ),
    "a confirm with a long title": (
        [actions(button(confirm=CONFIRM | {"title": plain("x" * 101)}))],
        "must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]",
    ),
    "a confirm with a long text": (
        [actions(button(confirm=CONFIRM | {"text": mrkdwn("x" * 301)}))],
        "must be less than 301 characters [json-pointer:/blocks/0/elements/0/confirm/text/text]",
    ),
    "a confirm with a long button": (
        [actions(button(confirm=CONFIRM | {"confirm": plain("x" * 31)}))],
        "must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/confirm/text]",
    ),
    "a confirm titled in mrkdwn": (
        [actions(button(confirm=CONFIRM | {"title": mrkdwn()}))],
        "unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/confirm/title/type]",
    ),
    "a menu without options": (
        [actions(element("static_select"))],
        "must define either `options` or `option_groups` [json-pointer:/blocks/0/elements/0]",
    ),
    "a menu of nothing": (
        [actions(element("static_select", options=[]))],
        "no fewer than 1 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    "a menu too long": (
        [actions(element("static_select", options=[option(str(n)) for n in range(101)]))],
        "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    "a long option": (
        [actions(element("static_select", options=[option(text="x" * 76)]))],
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/options/0/text/text]",
    ),
    "a long option value": (
        [actions(element("static_select", options=[option("x" * 151)]))],
        "must be less than 151 characters [json-pointer:/blocks/0/elements/0/options/0/value]",
    ),
    "an option in mrkdwn": (
        [actions(element("static_select", options=[{"text": mrkdwn(), "value": "a"}]))],
        "unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/options/0/text/type]",
    ),
    "an option with a URL outside of an overflow menu": (
        [actions(element("static_select", options=[option(url="https://a.example")]))],
        "invalid additional property: url [json-pointer:/blocks/0/elements/0/options/0]",
    ),
    "a first choice that is no option": (
        [actions(element("static_select", options=[option()], initial_option=option("b")))],
        (
            "must match an option in `options` or `option_groups` "
            "[json-pointer:/blocks/0/elements/0/initial_option]"
        ),
    ),
    "an overflow menu too long": (
        [actions(element("overflow", options=[option(str(n)) for n in range(6)]))],
        "no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    "too many radio buttons": (
        [actions(element("radio_buttons", options=[option(str(n)) for n in range(11)]))],
        "no more than 10 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    "a date that is none": (
        [actions(element("datepicker", initial_date="24.11.2026"))],
        "must be a valid date (YYYY-MM-DD) [json-pointer:/blocks/0/elements/0/initial_date]",
    ),
    "a time that is none": (
        [actions(element("timepicker", initial_time="25:00"))],
        "must be a valid time (HH:mm) [json-pointer:/blocks/0/elements/0/initial_time]",
    ),
    "a long placeholder": (
        [actions(element("users_select", placeholder=plain("x" * 151)))],
        "must be less than 151 characters [json-pointer:/blocks/0/elements/0/placeholder/text]",
    ),
    "markdown beyond its limit": (
        [{"type": "markdown", "text": "x" * 12_001}],
        "must be less than 12001 characters [json-pointer:/blocks/0/text]",
    ),
    "markdown beyond its limit in all": (
        [{"type": "markdown", "text": "x" * 7000}] * 2,
        "markdown must be less than 12001 characters in all [json-pointer:/blocks]",
    ),
    "rich text of an unknown part": (
        [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "blink"}]}]}],
        "unsupported type: blink [json-pointer:/blocks/0/elements/0/elements/0/type]",
    ),
    "rich text without a frame": (
        [{"type": "rich_text", "elements": [{"type": "text", "text": "x"}]}],
        "unsupported type: text [json-pointer:/blocks/0/elements/0/type]",
    ),
    "a table with a bare cell": (
        [{"type": "table", "rows": [["x"]]}],
        "must provide an object [json-pointer:/blocks/0/rows/0/0]",
    ),
    "two tables": (
        [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}] * 2,
        "only one table allowed [json-pointer:/blocks/1]",
    ),
    "a task in no known state": (
        [TASK | {"status": "done"}],
        "must be a valid enum value: pending, in_progress, complete, error [json-pointer:/blocks/0/status]",
    ),
    "a plan of something else": (
        [{"type": "plan", "title": "Plan", "tasks": [section()]}],
        "unsupported type: section [json-pointer:/blocks/0/tasks/0/type]",
    ),
    "a focus in two places": (
        [
            actions(
                element("users_select", focus_on_load=True),
                element("datepicker", action_id="b", focus_on_load=True),
            )
        ],
        "only one element can have `focus_on_load` [json-pointer:/blocks/0/elements/1/focus_on_load]",
    ),
}


@pytest.mark.parametrize("what", REFUSED_IN_MESSAGES)
def test_a_message_is_refused_with(what: str) -> None:
    blocks, problem = REFUSED_IN_MESSAGES[what]
    assert found(blocks) == [problem]
