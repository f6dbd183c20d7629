"""Block Kit in dialogs: what Slack refuses is refused, and every kind of question is taken."""

import pytest

from tests.unit.sandbox.blockkit_rig import (
    INPUTS,
    Json,
    actions,
    asking,
    button,
    element,
    found_in_view,
    modal,
    mrkdwn,
    plain,
    section,
    without,
)

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


@pytest.mark.parametrize("kind", INPUTS)
def test_a_dialog_may_ask_with(kind: str) -> None:
    block = asking(element(kind, **INPUTS[kind]), hint=plain(), optional=True)
    assert found_in_view(modal(block)) == []
