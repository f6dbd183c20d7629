"""Block Kit: what Slack refuses is refused, with the place; what it takes is taken."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models import blocks as sdk

from deploy.sandbox.slack.blockkit import (
    check_blocks,
    check_options,
    check_view,
    completed,
    completed_view,
    limits,
)
from deploy.sandbox.slack.blockkit.report import Surface

Json = dict[str, Any]


def plain(text: str = "Text") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "Text") -> Json:
    return {"type": "mrkdwn", "text": text}


def button(**extra: Any) -> Json:
    return {"type": "button", "action_id": "go", "text": plain("Go")} | extra


def section(**extra: Any) -> Json:
    return {"type": "section", "text": mrkdwn()} | extra


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def option(value: str = "a", text: str = "A", **extra: Any) -> Json:
    return {"text": plain(text), "value": value} | extra


def element(kind: str, **extra: Any) -> Json:
    return {"type": kind, "action_id": "it"} | extra


def asking(inner: Json, **extra: Any) -> Json:
    return {"type": "input", "label": plain("Why?"), "element": inner} | extra


def modal(*blocks: Json, **extra: Any) -> Json:
    return {
        "type": "modal",
        "title": plain("Reject"),
        "submit": plain("Send"),
        "blocks": list(blocks),
    } | extra


def without(whole: Json, name: str) -> Json:
    return {key: value for key, value in whole.items() if key != name}


CONFIRM = {"title": plain(), "text": plain(), "confirm": plain(), "deny": plain()}
RICH = {
    "type": "rich_text",
    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}],
}
TASK = {"type": "task_card", "task_id": "isolate", "title": "Isolate", "status": "in_progress"}
ALL_SURFACES: tuple[Surface, ...] = ("message", "modal", "home")


def found(blocks: Any, surface: Any = "message") -> list[str]:
    return [str(problem) for problem in check_blocks(blocks, surface)]


def found_in_view(view: Any, surface: Any = "modal") -> list[str]:
    return [str(problem) for problem in check_view(view, surface)]


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


REFUSED_MODALS: dict[str, tuple[Json, str]] = {
    "no title": (without(modal(), "title"), "missing required field: title [json-pointer:/view]"),
    "a long title": (
        modal(title=plain("x" * 25)),
        "must be less than 25 characters [json-pointer:/view/title/text]",
    ),
    "a title in mrkdwn": (modal(title=mrkdwn()), "unsupported type: mrkdwn [json-pointer:/view/title/type]"),
    "a long submit": (
        modal(submit=plain("x" * 25)),
        "must be less than 25 characters [json-pointer:/view/submit/text]",
    ),
    "a long close": (
        modal(close=plain("x" * 25)),
        "must be less than 25 characters [json-pointer:/view/close/text]",
    ),
    "an input and no submit": (
        without(modal(asking(element("plain_text_input"))), "submit"),
        "missing required field: submit [json-pointer:/view]",
    ),
    "no blocks": (without(modal(), "blocks"), "missing required field: blocks [json-pointer:/view]"),
    "101 blocks": (modal(*[section()] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
    "long private metadata": (
        modal(private_metadata="x" * 3001),
        "must be less than 3001 characters [json-pointer:/view/private_metadata]",
    ),
    "a long callback_id": (
        modal(callback_id="x" * 256),
        "must be less than 256 characters [json-pointer:/view/callback_id]",
    ),
    "an unknown key": (modal(size="l"), "invalid additional property: size [json-pointer:/view]"),
    "a markdown block": (
        modal({"type": "markdown", "text": "x"}),
        "unsupported type: markdown [json-pointer:/view/blocks/0/type]",
    ),
    "a table": (
        modal({"type": "table", "rows": []}),
        "unsupported type: table [json-pointer:/view/blocks/0/type]",
    ),
    "a plan": (
        modal({"type": "plan", "title": "x"}),
        "unsupported type: plan [json-pointer:/view/blocks/0/type]",
    ),
    "an input without a label": (
        modal(without(asking(element("plain_text_input")), "label")),
        "missing required field: label [json-pointer:/view/blocks/0]",
    ),
    "an input without an element": (
        modal(without(asking({}), "element")),
        "missing required field: element [json-pointer:/view/blocks/0]",
    ),
    "a label in mrkdwn": (
        modal(asking(element("plain_text_input"), label=mrkdwn())),
        "unsupported type: mrkdwn [json-pointer:/view/blocks/0/label/type]",
    ),
    "a long hint": (
        modal(asking(element("plain_text_input"), hint=plain("x" * 2001))),
        "must be less than 2001 characters [json-pointer:/view/blocks/0/hint/text]",
    ),
    "a button as an input": (
        modal(asking(button())),
        "unsupported type: button [json-pointer:/view/blocks/0/element/type]",
    ),
    "an input whose lengths do not fit": (
        modal(asking(element("plain_text_input", min_length=9, max_length=3))),
        "must be less than or equal to max_length [json-pointer:/view/blocks/0/element/min_length]",
    ),
    "an input longer than 3000": (
        modal(asking(element("plain_text_input", max_length=3001))),
        "must be less than or equal to 3000 [json-pointer:/view/blocks/0/element/max_length]",
    ),
    "a number input that does not say which numbers": (
        modal(asking(element("number_input"))),
        "missing required field: is_decimal_allowed [json-pointer:/view/blocks/0/element]",
    ),
    "an alert of an unknown level": (
        modal({"type": "alert", "text": plain(), "level": "fatal"}),
        (
            "must be a valid enum value: default, info, warning, error, success "
            "[json-pointer:/view/blocks/0/level]"
        ),
    ),
    "a response URL outside of an input": (
        modal(actions(element("channels_select", response_url_enabled=True))),
        "invalid additional property: response_url_enabled [json-pointer:/view/blocks/0/elements/0]",
    ),
}


@pytest.mark.parametrize("what", REFUSED_MODALS)
def test_a_modal_is_refused_with(what: str) -> None:
    view, problem = REFUSED_MODALS[what]
    assert found_in_view(view) == [problem]


INPUTS: dict[str, Json] = {
    "plain_text_input": {"multiline": True, "min_length": 1, "max_length": 3000, "initial_value": ""},
    "static_select": {"options": [option()], "initial_option": option()},
    "multi_static_select": {"option_groups": [{"label": plain(), "options": [option()]}]},
    "external_select": {"min_query_length": 0},
    "multi_external_select": {"max_selected_items": 3},
    "users_select": {"initial_user": "U0OLIVIA01", "placeholder": plain()},
    "multi_users_select": {"initial_users": ["U0OLIVIA01"]},
    "conversations_select": {"default_to_current_conversation": True, "response_url_enabled": True},
    "multi_conversations_select": {"filter": {"include": ["public"], "exclude_bot_users": True}},
    "channels_select": {"initial_channel": "C0APPROVALS", "confirm": CONFIRM},
    "multi_channels_select": {},
    "radio_buttons": {"options": [{"text": mrkdwn("*A*"), "value": "a", "description": mrkdwn()}]},
    "checkboxes": {"options": [option()], "initial_options": [option()]},
    "datepicker": {"initial_date": "2026-11-24"},
    "timepicker": {"initial_time": "23:59", "timezone": "Europe/Berlin"},
    "datetimepicker": {"initial_date_time": 1_795_492_507},
    "email_text_input": {"focus_on_load": True},
    "url_text_input": {"initial_value": "https://a.example"},
    "number_input": {"is_decimal_allowed": False, "min_value": "1", "max_value": "60"},
    "rich_text_input": {},
    "file_input": {"filetypes": ["pdf"], "max_files": 10},
}


@pytest.mark.parametrize("kind", INPUTS)
def test_a_dialog_may_ask_with(kind: str) -> None:
    block = asking(element(kind, **INPUTS[kind]), hint=plain(), optional=True)
    assert found_in_view(modal(block)) == []


@pytest.mark.parametrize("surface", ALL_SURFACES)
def test_the_common_blocks_stand_on_every_surface(surface: str) -> None:
    image = {"type": "image", "image_url": "https://a.example/b.png", "alt_text": "b"}
    blocks = [
        section(text=mrkdwn("x" * 3000), accessory=button(style="danger", confirm=CONFIRM)),
        section(fields=[plain("x" * 2000)] * 10),
        section(accessory=image),
        {"type": "header", "text": plain("x" * 150)},
        {"type": "divider"},
        image | {"title": plain()},
        actions(button(value="x" * 2000, url="https://a.example"), element("overflow", options=[option()])),
        {"type": "context", "elements": [mrkdwn(), plain(), image]},
        RICH,
    ]
    assert found(blocks, surface) == []


def test_a_message_shows_progress_and_tables() -> None:
    cells = [{"type": "raw_text", "text": "web-01"}, {"type": "raw_number", "value": 3}, RICH]
    source = {"type": "url", "url": "https://a.example", "text": "portal"}
    blocks = [
        {"type": "plan", "title": "Contain web-01", "tasks": [TASK | {"details": RICH, "sources": [source]}]},
        TASK,
        {"type": "table", "rows": [cells], "column_settings": [None, {"align": "right", "is_wrapped": True}]},
        {"type": "markdown", "text": "**bold**"},
    ]
    assert found(blocks) == []


def test_a_home_tab_takes_inputs_and_one_hundred_blocks() -> None:
    blocks = [asking(element("plain_text_input"), dispatch_action=True), *[section()] * 99]
    assert found_in_view({"type": "home", "blocks": blocks}, "home") == []


def test_an_action_id_may_come_again_in_another_block() -> None:
    assert found([actions(button()), actions(button())]) == []


def test_every_problem_is_told_at_once() -> None:
    blocks = [section(text=mrkdwn("")), actions(), {"type": "header"}]
    assert found(blocks) == [
        "must be more than 0 characters [json-pointer:/blocks/0/text/text]",
        "no fewer than 1 items allowed [json-pointer:/blocks/1/elements]",
        "missing required field: text [json-pointer:/blocks/2]",
    ]


def test_layouts_made_with_the_sdk_models_are_taken() -> None:
    choice = sdk.Option(value="a", label="A")
    confirm = sdk.ConfirmObject(title="Sure?", text="Really", confirm="Yes", deny="No")
    blocks = [
        sdk.HeaderBlock(text="web-01 was started"),
        sdk.SectionBlock(
            text=sdk.MarkdownTextObject(text="*who*"),
            accessory=sdk.StaticSelectElement(placeholder="x", action_id="s", options=[choice]),
        ),
        sdk.ContextBlock(elements=[sdk.PlainTextObject(text="now")]),
        sdk.DividerBlock(),
        sdk.ActionsBlock(
            elements=[
                sdk.ButtonElement(text="Confirm", action_id="c", value="1", style="primary", confirm=confirm),
                sdk.OverflowMenuElement(action_id="o", options=[choice, choice]),
                sdk.DatePickerElement(action_id="d", initial_date="2026-11-24"),
            ]
        ),
        sdk.MarkdownBlock(text="**x**"),
        sdk.PlanBlock(title="Plan", tasks=[sdk.TaskCardBlock(task_id="1", title="t", status="pending")]),
    ]
    assert found([block.to_dict() for block in blocks]) == []


def test_an_accepted_layout_gets_its_missing_ids_and_keeps_its_own() -> None:
    given = [actions(without(button(), "action_id")), section(block_id="mine", accessory=button())]
    first, second = completed(given)
    assert first["block_id"]
    assert first["elements"][0]["action_id"]
    assert first["elements"][0]["text"] == {"type": "plain_text", "text": "Go", "emoji": True}
    assert (second["block_id"], second["accessory"]["action_id"]) == ("mine", "go")
    assert "block_id" not in given[0]
    assert completed_view(modal())["title"]["emoji"] is True


def test_a_menu_answer_has_options_or_groups_but_not_both() -> None:
    group = {"label": plain(), "options": [option()]}
    assert check_options({"options": [option()]}) == []
    assert check_options({"options": []}) == []
    assert check_options({"option_groups": [group]}) == []
    assert check_options({"options": [option()], "option_groups": [group]})
    assert check_options({"options": [option(text="x" * 76)]})
    assert check_options({})


def test_the_limits_agree_with_those_the_sdk_has() -> None:
    ours_and_theirs = [
        (limits.ID_MAX, sdk.Block.block_id_max_length),
        (limits.ID_MAX, sdk.InteractiveElement.action_id_max_length),
        (limits.SECTION["text"], sdk.SectionBlock.text_max_length),
        (limits.SECTION_FIELDS[1], sdk.SectionBlock.fields_max_length),
        (limits.HEADER_TEXT_MAX, sdk.HeaderBlock.text_max_length),
        (limits.IMAGE_TITLE_MAX, sdk.ImageBlock.title_max_length),
        (limits.ALT_TEXT_MAX, sdk.ImageBlock.alt_text_max_length),
        (limits.ACTIONS_ELEMENTS[1], sdk.ActionsBlock.elements_max_length),
        (limits.CONTEXT_ELEMENTS[1], sdk.ContextBlock.elements_max_length),
        (limits.CONTEXT_ACTIONS_ELEMENTS[1], sdk.ContextActionsBlock.elements_max_length),
        (limits.INPUT["label"], sdk.InputBlock.label_max_length),
        (limits.INPUT["hint"], sdk.InputBlock.hint_max_length),
        (limits.MARKDOWN_TOTAL_MAX, sdk.MarkdownBlock.text_max_length),
        (limits.BUTTON["text"], sdk.ButtonElement.text_max_length),
        (limits.BUTTON["value"], sdk.ButtonElement.value_max_length),
        (limits.URL_MAX, sdk.ButtonElement.url_max_length),
        (limits.OPTIONS[1], sdk.StaticSelectElement.options_max_length),
        (limits.OPTION_GROUPS[1], sdk.StaticSelectElement.option_groups_max_length),
        (limits.OVERFLOW_OPTIONS[1], sdk.OverflowMenuElement.options_max_length),
        (limits.OPTION["text"], sdk.Option.label_max_length),
        (limits.CONFIRM["title"], sdk.ConfirmObject.title_max_length),
        (limits.CONFIRM["text"], sdk.ConfirmObject.text_max_length),
        (limits.CONFIRM["confirm"], sdk.ConfirmObject.confirm_max_length),
        (limits.CONFIRM["deny"], sdk.ConfirmObject.deny_max_length),
        (limits.PLACEHOLDER_MAX, sdk.InputInteractiveElement.placeholder_max_length),
        (limits.VIDEO["title"], sdk.VideoBlock.title_max_length),
        (limits.VIDEO["author_name"], sdk.VideoBlock.author_name_max_length),
    ]
    assert [pair for pair in ours_and_theirs if pair[0] != pair[1]] == []


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from(["modal", "section"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every list or dict of a layout with each of its keys."""
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    return [(node, key) for key in keys] + [place for key in keys for place in places(node[key])]


@given(data=st.data(), junk=JUNK)
def test_whatever_an_app_sends_is_judged_without_falling_over(data: st.DataObject, junk: Any) -> None:
    whole = [
        *(asking(element(kind, **INPUTS[kind]), block_id=kind) for kind in INPUTS),
        section(accessory=button(confirm=CONFIRM), fields=[plain()]),
        actions(button(), element("overflow", options=[option()])),
        RICH,
        {"type": "table", "rows": [[RICH]]},
        {"type": "plan", "title": "Plan", "tasks": [TASK]},
        {"type": "context", "elements": [mrkdwn()]},
    ]
    view = copy.deepcopy(modal(*whole))
    holder, key = data.draw(st.sampled_from(places(view)))
    holder[key] = junk
    for surface in ALL_SURFACES:
        check_view(view, surface)
        check_blocks(view.get("blocks"), surface)
    check_options(junk)
