"""Pieces of Block Kit layouts, and the problems that are found in them."""

from typing import Any

from deploy.sandbox.slack.blockkit import check_blocks, check_view
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
