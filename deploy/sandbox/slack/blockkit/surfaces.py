"""Whole layouts: the blocks of a message, a modal, a home tab."""

from collections.abc import Iterator
from typing import Any

from deploy.sandbox.slack.blockkit import limits
from deploy.sandbox.slack.blockkit.blocks import ALLOWED_ON, BLOCKS
from deploy.sandbox.slack.blockkit.checks import (
    Check,
    anything,
    array,
    boolean,
    by_type,
    one_of,
    shape,
    string,
)
from deploy.sandbox.slack.blockkit.composition import PLAIN, text
from deploy.sandbox.slack.blockkit.report import Problem, Report, Surface


def check_blocks(blocks: Any, surface: Surface, at: str = "/blocks") -> list[Problem]:
    """Everything Slack would refuse in the blocks of a surface, in reading order."""
    report = Report(surface)
    _blocks(surface)(blocks, at, report)
    return report.problems


def check_view(view: Any, surface: Surface) -> list[Problem]:
    """Everything Slack would refuse in a view, a ``modal`` or a ``home`` tab."""
    report = Report(surface)
    (HOME if surface == "home" else MODAL)(view, "/view", report)
    return report.problems


def _blocks(surface: Surface) -> Check:
    listed = array(by_type(BLOCKS, ALLOWED_ON[surface]), (0, limits.BLOCKS[surface]))

    def check(value: Any, at: str, report: Report) -> None:
        listed(value, at, report)
        if isinstance(value, list):
            for rule in (_ids_are_unique, _one_focus, _markdown_fits, _one_table):
                rule(value, at, report)

    return check


def _ids_are_unique(blocks: list[Any], at: str, report: Report) -> None:
    """A block_id once in a layout, an action_id once in a block."""
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        if not isinstance(block, dict):
            continue
        block_id = block.get("block_id")
        if isinstance(block_id, str) and block_id in seen:
            report.say(f"`block_id` `{block_id}` already exists for another block", f"{at}/{index}/block_id")
        seen.add(str(block_id))
        actions: set[str] = set()
        for where, element in _elements(block):
            action_id = element.get("action_id")
            if isinstance(action_id, str) and action_id in actions:
                sentence = f"`action_id` `{action_id}` already exists for another element"
                report.say(sentence, f"{at}/{index}/{where}/action_id")
            actions.add(str(action_id))


def _elements(block: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in ("accessory", "element"):
        if isinstance(block.get(name), dict):
            yield name, block[name]
    elements = block.get("elements")
    for index, element in enumerate(elements if isinstance(elements, list) else []):
        if isinstance(element, dict) and "action_id" in element:
            yield f"elements/{index}", element


def _one_focus(blocks: list[Any], at: str, report: Report) -> None:
    """Only one element has the focus on load."""
    focused = [
        f"{at}/{index}/{where}"
        for index, block in enumerate(blocks)
        if isinstance(block, dict)
        for where, element in _elements(block)
        if element.get("focus_on_load") is True
    ]
    for where in focused[1:]:
        report.say("only one element can have `focus_on_load`", f"{where}/focus_on_load")


def _markdown_fits(blocks: list[Any], at: str, report: Report) -> None:
    """All markdown blocks together keep to the limit of one."""
    texts = [b.get("text") for b in blocks if isinstance(b, dict) and b.get("type") == "markdown"]
    if len(texts) > 1 and sum(len(t) for t in texts if isinstance(t, str)) > limits.MARKDOWN_TOTAL_MAX:
        report.say(f"markdown must be less than {limits.MARKDOWN_TOTAL_MAX + 1} characters in all", at)


def _one_table(blocks: list[Any], at: str, report: Report) -> None:
    """A message has one table."""
    tables = [i for i, b in enumerate(blocks) if isinstance(b, dict) and b.get("type") == "table"]
    for index in tables[1:]:
        report.say("only one table allowed", f"{at}/{index}")


def submit_for_inputs(view: Any, at: str, report: Report) -> None:
    """A rule: a modal with an input has a submit button."""
    blocks = view.get("blocks")
    inputs = (
        [b for b in blocks if isinstance(b, dict) and b.get("type") == "input"]
        if isinstance(blocks, list)
        else []
    )
    if inputs and "submit" not in view:
        report.say("missing required field: submit", at)


def answered_inputs_only(view: Any, at: str, report: Report) -> None:
    """A rule: ``response_url_enabled`` works in the input blocks of a modal only."""
    blocks = view.get("blocks")
    for index, block in enumerate(blocks if isinstance(blocks, list) else []):
        if not isinstance(block, dict) or (block.get("type") == "input" and view.get("type") == "modal"):
            continue
        for where, element in _elements(block):
            if "response_url_enabled" in element:
                report.say(
                    "invalid additional property: response_url_enabled", f"{at}/blocks/{index}/{where}"
                )


COMMON: dict[str, Check] = {
    "private_metadata": string(0, limits.VIEW["private_metadata"]),
    "callback_id": string(0, limits.VIEW["callback_id"]),
    "external_id": string(0, limits.EXTERNAL_ID_MAX),
}
MODAL = shape(
    {
        "type": one_of("modal"),
        "title": text(PLAIN, limits.VIEW["title"]),
        "blocks": _blocks("modal"),
    },
    {
        "submit": text(PLAIN, limits.VIEW["submit"]),
        "close": text(PLAIN, limits.VIEW["close"]),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
        **COMMON,
    },
    submit_for_inputs,
    answered_inputs_only,
)
HOME = shape(
    {"type": one_of("home"), "blocks": _blocks("home")},
    {**COMMON, "title": anything, "close": anything, "submit": anything},
    answered_inputs_only,
)
"""Slack takes, and ignores, a modal's fields on a home tab."""
