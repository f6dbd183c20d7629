"""Elements that hold a value: where they sit in a layout, and how Slack writes what is in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.slack.team.messages import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """How one type of element keeps its value.

    Attributes:
        key: its name in ``state.values`` and ``actions``.
        initial: the element's field it starts from.
        many: whether it is a list.
    """

    key: str
    initial: str
    many: bool = False

    @property
    def empty(self) -> Any:
        return [] if self.many else None


HOLDERS = {
    "plain_text_input": Holder(key="value", initial="initial_value"),
    "email_text_input": Holder(key="value", initial="initial_value"),
    "url_text_input": Holder(key="value", initial="initial_value"),
    "number_input": Holder(key="value", initial="initial_value"),
    "rich_text_input": Holder(key="rich_text_value", initial="initial_value"),
    "file_input": Holder(key="files", initial="initial_files", many=True),
    "datepicker": Holder(key="selected_date", initial="initial_date"),
    "timepicker": Holder(key="selected_time", initial="initial_time"),
    "datetimepicker": Holder(key="selected_date_time", initial="initial_date_time"),
    "radio_buttons": Holder(key="selected_option", initial="initial_option"),
    "checkboxes": Holder(key="selected_options", initial="initial_options", many=True),
    "static_select": Holder(key="selected_option", initial="initial_option"),
    "external_select": Holder(key="selected_option", initial="initial_option"),
    "users_select": Holder(key="selected_user", initial="initial_user"),
    "conversations_select": Holder(key="selected_conversation", initial="initial_conversation"),
    "channels_select": Holder(key="selected_channel", initial="initial_channel"),
    "multi_static_select": Holder(key="selected_options", initial="initial_options", many=True),
    "multi_external_select": Holder(key="selected_options", initial="initial_options", many=True),
    "multi_users_select": Holder(key="selected_users", initial="initial_users", many=True),
    "multi_conversations_select": Holder(
        key="selected_conversations", initial="initial_conversations", many=True
    ),
    "multi_channels_select": Holder(key="selected_channels", initial="initial_channels", many=True),
}
"""Buttons and overflow menus are absent: they act and keep nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """An element and the block it is in."""

    block: Json
    element: Json

    @property
    def block_id(self) -> str:
        return str(self.block["block_id"])

    @property
    def action_id(self) -> str:
        return str(self.element["action_id"])


def placed_elements(blocks: list[Json]) -> Iterator[Placed]:
    """Every interactive element, in reading order."""
    for block in blocks:
        candidates = [block.get("accessory"), block.get("element")]
        if block.get("type") in ("actions", "context_actions"):
            candidates += block.get("elements", [])
        for element in candidates:
            if isinstance(element, dict) and "action_id" in element:
                yield Placed(block=block, element=element)


def initial_value(element: Json) -> Json:
    """The state value an element starts with."""
    holder = HOLDERS[element["type"]]
    value = element.get(holder.initial, holder.empty)
    shown: Json = {"type": element["type"], holder.key: value}
    if element["type"] == "timepicker" and "timezone" in element:
        shown["timezone"] = element["timezone"]
    return shown


def state_values(blocks: list[Json], entered: dict[str, dict[str, Json]]) -> dict[str, dict[str, Json]]:
    """``state.values``: every element that holds a value, with what was entered or what it began with."""
    values: dict[str, dict[str, Json]] = {}
    for placed in placed_elements(blocks):
        if placed.element["type"] in HOLDERS:
            value = entered.get(placed.block_id, {}).get(placed.action_id) or initial_value(placed.element)
            values.setdefault(placed.block_id, {})[placed.action_id] = value
    return values
