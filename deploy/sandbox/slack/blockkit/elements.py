"""Block elements, and in which blocks each may stand."""

from typing import Any

from deploy.sandbox.slack.blockkit import limits
from deploy.sandbox.slack.blockkit.checks import (
    Check,
    anything,
    array,
    boolean,
    exactly_one,
    integer,
    matching,
    one_of,
    shape,
    string,
)
from deploy.sandbox.slack.blockkit.composition import (
    ANY_TEXT,
    CONFIRM,
    CONVERSATION_FILTER,
    DISPATCH_CONFIG,
    ID,
    IMAGE_SOURCE,
    MENU_OPTION,
    MENU_OPTIONS,
    ONE_SOURCE,
    OPTION_GROUPS,
    PLACEHOLDER,
    PLAIN,
    URL,
    option,
    text,
)
from deploy.sandbox.slack.blockkit.report import Report

Fields = dict[str, Check]

DATE = matching(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", "must be a valid date (YYYY-MM-DD)")
TIME = matching(r"([01]\d|2[0-3]):[0-5]\d", "must be a valid time (HH:mm)")
NUMBER = matching(r"-?\d+(\.\d+)?", "must be a number in a string")
STYLE = one_of("primary", "danger")
CHOICE = option(ANY_TEXT)


def initial_is_offered(value: Any, at: str, report: Report) -> None:
    """A rule: what is chosen from the start is one of the options."""
    groups = value.get("option_groups")
    groups = groups if isinstance(groups, list) else []
    lists = [value.get("options"), *(g.get("options") for g in groups if isinstance(g, dict))]
    offered = [item for items in lists if isinstance(items, list) for item in items]
    chosen = value.get("initial_options", [value["initial_option"]] if "initial_option" in value else [])
    if isinstance(chosen, list) and any(item not in offered for item in chosen):
        name = "initial_options" if "initial_options" in value else "initial_option"
        report.say("must match an option in `options` or `option_groups`", f"{at}/{name}")


def lengths_fit(value: Any, at: str, report: Report) -> None:
    """A rule: ``min_length`` is not above ``max_length``."""
    least, most = value.get("min_length"), value.get("max_length")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        report.say("must be less than or equal to max_length", f"{at}/min_length")


def _element(required: Fields, optional: Fields, *rules: Check) -> Check:
    common: Fields = {"action_id": ID}
    return shape({"type": anything, **required}, {**common, **optional}, *rules)


FOCUS: Fields = {"focus_on_load": boolean}
ASKED: Fields = {"confirm": CONFIRM, **FOCUS}
TYPED: Fields = {"placeholder": PLACEHOLDER, "dispatch_action_config": DISPATCH_CONFIG, **FOCUS}
MENU: Fields = {"placeholder": PLACEHOLDER, **ASKED}
MANY: Fields = {"max_selected_items": integer(1)}
IDS = array(ID, (0, None))
CONVERSATIONS: Fields = {"default_to_current_conversation": boolean, "filter": CONVERSATION_FILTER}
ANSWERED: Fields = {"response_url_enabled": boolean}
STATIC: Fields = {"options": MENU_OPTIONS, "option_groups": OPTION_GROUPS}
ONE_LIST = exactly_one("options", "option_groups")
CHOICES = array(CHOICE, limits.CHOICES)
PRESSED: Fields = {
    "value": string(0, limits.BUTTON["value"]),
    "confirm": CONFIRM,
    "accessibility_label": string(1, limits.BUTTON["accessibility_label"]),
    "visible_to_user_ids": array(ID),
}
FEEDBACK = shape(
    {"text": text(PLAIN, limits.BUTTON["text"]), "value": string(1, limits.BUTTON["value"])},
    {"accessibility_label": string(1, limits.BUTTON["accessibility_label"])},
)

ELEMENTS: dict[str, Check] = {
    "button": _element(
        {"text": text(PLAIN, limits.BUTTON["text"])},
        {
            **PRESSED,
            "url": URL,
            "style": STYLE,
            "agent_prompt": string(1, limits.BUTTON["agent_prompt"]),
            "agent_prompt_display": string(),
        },
    ),
    "icon_button": _element({"icon": string(), "text": text(PLAIN, limits.BUTTON["text"])}, PRESSED),
    "feedback_buttons": _element({"positive_button": FEEDBACK, "negative_button": FEEDBACK}, {}),
    "workflow_button": _element(
        {"text": text(PLAIN, limits.BUTTON["text"]), "workflow": anything},
        {"style": STYLE, "accessibility_label": string(1, limits.BUTTON["accessibility_label"])},
    ),
    "checkboxes": _element({"options": CHOICES}, {"initial_options": CHOICES, **ASKED}, initial_is_offered),
    "radio_buttons": _element({"options": CHOICES}, {"initial_option": CHOICE, **ASKED}, initial_is_offered),
    "overflow": _element(
        {"options": array(option(PLAIN, with_url=True), limits.OVERFLOW_OPTIONS)}, {"confirm": CONFIRM}
    ),
    "datepicker": _element({}, {"initial_date": DATE, **MENU}),
    "timepicker": _element({}, {"initial_time": TIME, "timezone": string(), **MENU}),
    "datetimepicker": _element({}, {"initial_date_time": integer(10**9, 10**10 - 1), **ASKED}),
    "plain_text_input": _element(
        {},
        {
            "initial_value": string(0, limits.PLAIN_TEXT_INPUT_MAX),
            "multiline": boolean,
            "min_length": integer(0, limits.PLAIN_TEXT_INPUT_MAX),
            "max_length": integer(1, limits.PLAIN_TEXT_INPUT_MAX),
            **TYPED,
        },
        lengths_fit,
    ),
    "rich_text_input": _element({}, {"initial_value": anything, **TYPED}),
    "email_text_input": _element({}, {"initial_value": string(), **TYPED}),
    "url_text_input": _element({}, {"initial_value": URL, **TYPED}),
    "number_input": _element(
        {"is_decimal_allowed": boolean},
        {"initial_value": NUMBER, "min_value": NUMBER, "max_value": NUMBER, **TYPED},
    ),
    "file_input": _element({}, {"filetypes": array(string()), "max_files": integer(*limits.FILES)}),
    "static_select": _element(
        {}, {**STATIC, "initial_option": MENU_OPTION, **MENU}, ONE_LIST, initial_is_offered
    ),
    "multi_static_select": _element(
        {}, {**STATIC, "initial_options": MENU_OPTIONS, **MANY, **MENU}, ONE_LIST, initial_is_offered
    ),
    "external_select": _element({}, {"min_query_length": integer(0), "initial_option": MENU_OPTION, **MENU}),
    "multi_external_select": _element(
        {}, {"min_query_length": integer(0), "initial_options": MENU_OPTIONS, **MANY, **MENU}
    ),
    "users_select": _element({}, {"initial_user": ID, **MENU}),
    "multi_users_select": _element({}, {"initial_users": IDS, **MANY, **MENU}),
    "conversations_select": _element({}, {"initial_conversation": ID, **CONVERSATIONS, **ANSWERED, **MENU}),
    "multi_conversations_select": _element(
        {}, {"initial_conversations": IDS, **CONVERSATIONS, **MANY, **MENU}
    ),
    "channels_select": _element({}, {"initial_channel": ID, **ANSWERED, **MENU}),
    "multi_channels_select": _element({}, {"initial_channels": IDS, **MANY, **MENU}),
    "image": shape(
        {"type": anything, "alt_text": string(1, limits.ALT_TEXT_MAX)}, {**IMAGE_SOURCE}, ONE_SOURCE
    ),
}

MENUS = ("static_select", "external_select", "users_select", "conversations_select", "channels_select")
MULTI_MENUS = tuple(f"multi_{menu}" for menu in MENUS)
PICKERS = ("checkboxes", "radio_buttons", "datepicker", "timepicker", *MENUS)
TYPED_INPUTS = (
    "plain_text_input",
    "rich_text_input",
    "email_text_input",
    "url_text_input",
    "number_input",
    "file_input",
)

ALLOWED_IN = {
    "section": ("button", "overflow", "workflow_button", "image", *PICKERS, *MULTI_MENUS),
    "actions": ("button", "overflow", "workflow_button", "datetimepicker", *PICKERS),
    "input": (*TYPED_INPUTS, "datetimepicker", *PICKERS, *MULTI_MENUS),
    "context_actions": ("feedback_buttons", "icon_button"),
}
"""Which elements a block may hold."""
