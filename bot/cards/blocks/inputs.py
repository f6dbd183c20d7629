"""The fields of dialogs: the menu of VMs, and the reason."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from bot.cards.blocks.kit import MOST_OPTIONS, OPTION
from bot.cards.blocks.message import Block
from bot.cards.blocks.text import plain, plain_name, plain_time, words
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.plans import Choice
from workers.domain.starts.vm import KnownVm, VmRef

CHOICE = "vm"
"""Block of the menu of VMs; the chosen value is ``value_of`` one of them."""
ANY_VM, CONTAINED_VM = "vm.any", "vm.contained"
"""Actions of the menus of VMs: which VMs they offer."""
WHY = "why"
"""Block and action of the reasons to choose from."""
REASON = "reason"
"""Block and action of the reason."""
REASON_MIN, REASON_MAX = 3, 500
_MOST_CHOICES = 8  # an Azure VM has at most so many network interfaces
_MOST_OF_NAME = 100  # characters; Slack takes 150 for a value
_MOST_GROUP = 35  # characters of a resource group beside power state and subscription


def vm_menu(action: str = ANY_VM) -> Block:
    """The input block with the menu of VMs, which asks for its options while somebody types."""
    return {
        "type": "input",
        "block_id": CHOICE,
        "label": plain("VM", 2000),
        "hint": plain(
            "Type a part of its name, group/name, or paste its resource id or portal address.", 2000
        ),
        "element": {
            "type": "external_select",
            "action_id": action,
            "placeholder": plain("Choose a VM", 150),
            "min_query_length": 0,
        },
    }


def typed_before(view: Mapping[str, Any]) -> str:
    """What was typed as the VM before a dialog asked which one: its menu offers those first."""
    try:
        kept = json.loads(str(view.get("private_metadata") or "{}"))
    except ValueError:
        return ""
    return str(kept.get("vm", "")) if isinstance(kept, dict) else ""


def value_of(vm: VmRef) -> str:
    """A VM's value in the menu, the same for every spelling: a resource id can be too long for a value.

    With the name it can be looked up again.
    """
    return f"{digest(vm.key)}:{vm.name.lower()[:_MOST_OF_NAME]}"


def digest(resource_id: str) -> str:
    """A resource id in few characters, the same for every spelling."""
    return hashlib.sha256(resource_id.lower().encode()).hexdigest()[:32]


def vm_option(
    vm: KnownVm, held: Containment | None = None, *, zone: tzinfo = UTC, now: datetime | None = None
) -> Block:
    """A VM in a menu: its name, what it is now, and what tells it from others of that name.

    Args:
        vm: the VM.
        held: what contains it.
        zone: the reader's.
        now: the time, so that one of today stands without its date.
    """
    is_now = f"{vm_now(vm, held, zone=zone, now=now)}, "
    about = is_now + plain_name(vm.ref.resource_group, min(_MOST_GROUP, max(8, 55 - len(is_now)))) + ", "
    subscription = vm.subscription_name or vm.ref.subscription_id[:8]
    left = OPTION - len(about)
    return {
        "text": plain(plain_name(vm.ref.name, OPTION), OPTION),
        "description": plain(about + plain_name(subscription, left) if left > 1 else about, OPTION),
        "value": value_of(vm.ref),
    }


def vm_now(vm: KnownVm, held: Containment | None, *, zone: tzinfo = UTC, now: datetime | None = None) -> str:
    """``running``, or ``contained since 9:44 PM``, for places without mark-up."""
    if held is None:
        return str(vm.power)
    since = held.verified_at if held.state is ContainmentState.CONTAINED else held.began
    return f"{_HELD[held.state]} since {plain_time(since or held.began, zone, now)}"


_HELD = {
    ContainmentState.PLANNED: "being contained",
    ContainmentState.RUNNING: "being contained",
    ContainmentState.CONTAINED: "contained",
    ContainmentState.INCOMPLETE: "incomplete",
    ContainmentState.RESTORING: "being restored",
    ContainmentState.RESTORED: "restored",
}


INSTEAD = "instead"
"""Prefix of the block, and action, of each menu that asks what comes in the place of what is gone."""
NOTHING = "none"


def instead_menus(choices: Sequence[Choice]) -> list[Block]:
    """An input block for each thing that an undo can't bring back, with what it can have instead."""
    return [_instead_menu(choice) for choice in choices[:_MOST_CHOICES]]


def _instead_menu(choice: Choice) -> Block:
    was = f"{_last(choice.was)} was deleted" if choice.was else "what it had is not known"
    options = [_option("No security group", "", NOTHING)]
    options += [_option(_last(one), _group(one), digest(one)) for one in dict.fromkeys(choice.options)]
    return {
        "type": "input",
        "block_id": f"{INSTEAD}.{digest(choice.of)}",
        "label": plain(f"{plain_name(_last(choice.of), 80)}: security group instead", 2000),
        "hint": plain(f"{plain_name(was, 120)}. The groups are those of its region.", 2000),
        "element": {
            "type": "static_select",
            "action_id": INSTEAD,
            "placeholder": plain("Choose a security group", 150),
            "options": options[:MOST_OPTIONS],
        },
    }


def chosen_instead(view: Mapping[str, Any], choices: Sequence[Choice]) -> dict[str, str | None]:
    """What was chosen in a submitted dialog, both by resource id; ``None`` stands for nothing."""
    values = view.get("state", {}).get("values", {})
    found: dict[str, str | None] = {}
    for choice in choices:
        menu = values.get(f"{INSTEAD}.{digest(choice.of)}", {}).get(INSTEAD, {})
        value = (menu.get("selected_option") or {}).get("value")
        by_value = {NOTHING: None, **{digest(one): one for one in choice.options}}
        if value in by_value:
            found[choice.of] = by_value[value]
    return found


def _option(text: str, about: str, value: str) -> Block:
    option: Block = {"text": plain(plain_name(text, OPTION), OPTION), "value": value}
    return {**option, "description": plain(plain_name(about, OPTION), OPTION)} if about else option


def _last(resource_id: str) -> str:
    return resource_id.rstrip("/").rpartition("/")[2]


def _group(resource_id: str) -> str:
    parts = resource_id.split("/")
    return parts[4] if len(parts) > 4 else ""  # noqa: PLR2004 - /subscriptions/…/resourceGroups/NAME


def why_input(label: str, options: Mapping[str, str]) -> Block:
    """Radio buttons for a reason, by value; the first is chosen already, so that one tap less is needed."""
    choices = [{"text": plain(said, OPTION), "value": value} for value, said in options.items()]
    return {
        "type": "input",
        "block_id": WHY,
        "label": plain(label, 2000),
        "element": {
            "type": "radio_buttons",
            "action_id": WHY,
            "options": choices,
            "initial_option": choices[0],
        },
    }


def given_why(view: Mapping[str, Any]) -> str:
    """The chosen reason's value in a submitted dialog; empty without one."""
    values = view.get("state", {}).get("values", {})
    option = values.get(WHY, {}).get(WHY, {}).get("selected_option") or {}
    return str(option.get("value", ""))


def reason_input(label: str, *, hint: str, given: str = "", optional: bool = False) -> Block:
    """The field for a reason in their own words, which is required unless it is optional."""
    element: Block = {
        "type": "plain_text_input",
        "action_id": REASON,
        "multiline": True,
        "min_length": REASON_MIN,
        "max_length": REASON_MAX,
    }
    if initial := words(given, REASON_MAX):
        element["initial_value"] = initial
    return {
        "type": "input",
        "block_id": REASON,
        "optional": optional,
        "label": plain(label, 2000),
        "hint": plain(hint, 2000),
        "element": element,
    }


def chosen_value(view: Mapping[str, Any]) -> str:
    """The value of the chosen VM in a submitted dialog; empty without one."""
    values = view.get("state", {}).get("values", {}).get(CHOICE, {})
    option = next((one.get("selected_option") for one in values.values()), None) or {}
    return str(option.get("value", ""))


def given_reason(view: Mapping[str, Any]) -> str:
    """The reason in a submitted dialog; empty without one."""
    values = view.get("state", {}).get("values", {})
    return str(values.get(REASON, {}).get(REASON, {}).get("value") or "")
