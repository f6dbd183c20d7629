"""Block Kit as a whole: what Slack takes is taken, and nothing makes the check fall over."""

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
from tests.unit.sandbox.blockkit_rig import (
    ALL_SURFACES,
    CONFIRM,
    INPUTS,
    RICH,
    TASK,
    actions,
    asking,
    button,
    element,
    found,
    found_in_view,
    modal,
    mrkdwn,
    option,
    plain,
    section,
    without,
)


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
