"""From a simple value, as a person would name it, to Slack's state value, as Slack's client checks it."""

import re
from typing import Any

from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.inputs import HOLDERS
from deploy.sandbox.slack.team.messages import Json

DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
URL = re.compile(r"https?://\S+")
TEXT_MAX = 3000


class EntryError(Exception):
    """The client shows this sentence at the input and sends nothing."""


def entered(state: State, element: Json, value: Any) -> Json:
    """The state value of an element after a person entered ``value``.

    Options may be named by their value or text; people and channels by id or name; ``None`` or ``""``
    empties the element.

    Raises:
        EntryError: Slack's client would not take it.
    """
    kind = element["type"]
    holder = HOLDERS[kind]
    if value in (None, "", []):
        return {"type": kind, holder.key: holder.empty}
    if not holder.many:
        return {"type": kind, holder.key: _single(state, element, value)}
    chosen = [_single(state, element, item) for item in (value if isinstance(value, list) else [value])]
    most = element.get("max_selected_items")
    if most is not None and len(chosen) > most:
        raise EntryError(f"Please select no more than {most} items")
    return {"type": kind, holder.key: chosen}


def is_empty(value: Json) -> bool:
    """Whether a state value holds nothing."""
    return value[HOLDERS[value["type"]].key] in (None, "", [])


def _single(state: State, element: Json, value: Any) -> Any:
    kind = element["type"].removeprefix("multi_")
    match kind:
        case "radio_buttons" | "checkboxes" | "static_select" | "external_select":
            return option_of(element, value)
        case "users_select":
            return _known(state.workspace.person(str(value)), value)
        case "channels_select" | "conversations_select":
            return _known(state.workspace.channel(str(value)), value)
        case "datetimepicker":
            return _datetime(value)
        case "rich_text_input" | "file_input":
            return value
        case _:
            return _text(element, kind, str(value))


def option_of(element: Json, wanted: Any) -> Json:
    """One of the element's own options, named whole, by value or by text.

    An external menu has none of its own: a whole option is taken as it is, a word becomes one.
    """
    if element["type"].endswith("external_select"):
        return wanted if isinstance(wanted, dict) else _option(str(wanted))
    options = [*element.get("options", [])]
    for group in element.get("option_groups", []):
        options += group["options"]
    name = wanted.get("value") if isinstance(wanted, dict) else wanted
    for option in options:
        if name in (option.get("value"), option["text"]["text"]):
            return dict(option)
    raise EntryError(f"there is no option {name!r}")


def _option(value: str) -> Json:
    return {"text": {"type": "plain_text", "text": value, "emoji": True}, "value": value}


def _known(found: Any, value: Any) -> str:
    if found is None:
        raise EntryError(f"there is no {value!r}")
    return str(found.id)


def _datetime(value: Any) -> int:
    if not re.fullmatch(r"\d{10}", str(value)):
        raise EntryError("a date and time is a Unix time of ten digits")
    return int(value)


def _text(element: Json, kind: str, value: str) -> str:
    checks = {
        "datepicker": (DATE, "a date is YYYY-MM-DD"),
        "timepicker": (TIME, "a time is HH:MM"),
        "email_text_input": (EMAIL, "Please enter a valid email address"),
        "url_text_input": (URL, "Please enter a valid URL"),
    }
    if kind in checks and not checks[kind][0].fullmatch(value):
        raise EntryError(checks[kind][1])
    if kind == "number_input":
        _check_number(element, value)
    if kind == "plain_text_input":
        _check_length(element, value)
    return value


def _check_number(element: Json, value: str) -> None:
    whole = not element.get("is_decimal_allowed")
    if not re.fullmatch(r"-?\d+" if whole else r"-?\d+(\.\d+)?", value):
        raise EntryError("Please enter a whole number" if whole else "Please enter a number")
    low, high = element.get("min_value"), element.get("max_value")
    if low is not None and float(value) < float(low):
        raise EntryError(f"Please enter a number of at least {low}")
    if high is not None and float(value) > float(high):
        raise EntryError(f"Please enter a number of at most {high}")


def _check_length(element: Json, value: str) -> None:
    least, most = element.get("min_length", 0), element.get("max_length", TEXT_MAX)
    if len(value) < least:
        raise EntryError(f"Please enter at least {least} characters")
    if len(value) > most:
        raise EntryError(f"Please enter no more than {most} characters")
