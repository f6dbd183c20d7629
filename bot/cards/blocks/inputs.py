"""The fields of dialogs: the menu of VMs, and the reason."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from bot.cards.blocks.kit import MOST_OPTIONS, OPTION
from bot.cards.blocks.message import Block
from bot.cards.blocks.text import plain, plain_name, words
from workers.domain.containment.plans import Choice
from workers.domain.starts.vm import KnownVm, VmRef

CHOICE = "vm"
"""Block and action of the menu of VMs; the chosen value is ``candidate_value`` of one of them."""
REASON = "reason"
"""Block and action of the reason."""
REASON_MIN, REASON_MAX = 3, 500
_MOST_CHOICES = 8  # an Azure VM has at most so many network interfaces
_MOST_GROUP = 35  # characters of a resource group beside power state and subscription


def vm_menu(candidates: Sequence[KnownVm]) -> Block:
    """The input block with the menu of VMs; chosen already where only one can be meant."""
    options = {candidate_value(vm): vm_option(vm) for vm in candidates[:MOST_OPTIONS]}
    menu: Block = {
        "type": "static_select",
        "action_id": CHOICE,
        "placeholder": plain("Choose a VM", 150),
        "options": list(options.values()),
    }
    if len(options) == 1:
        menu["initial_option"] = next(iter(options.values()))
    return {"type": "input", "block_id": CHOICE, "label": plain("VM", 2000), "element": menu}


def candidate_value(vm: KnownVm) -> str:
    """A VM's value in the menu: a digest, since a resource id can be too long for a value."""
    return value_of(vm.ref)


def value_of(vm: VmRef) -> str:
    """As ``candidate_value``, for a VM of which only the id is known."""
    return digest(vm.key)


def digest(resource_id: str) -> str:
    """A resource id in few characters, the same for every spelling."""
    return hashlib.sha256(resource_id.lower().encode()).hexdigest()[:32]


def vm_option(vm: KnownVm) -> Block:
    """A VM in a menu: its name, and what tells it from others of that name."""
    about = f"{vm.power}, {plain_name(vm.ref.resource_group, _MOST_GROUP)}, "
    subscription = vm.subscription_name or vm.ref.subscription_id[:8]
    return {
        "text": plain(plain_name(vm.ref.name, OPTION), OPTION),
        "description": plain(about + plain_name(subscription, OPTION - len(about)), OPTION),
        "value": candidate_value(vm),
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


def reason_input(label: str, *, hint: str, given: str = "") -> Block:
    """The field for a reason, which is required."""
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
        "label": plain(label, 2000),
        "hint": plain(hint, 2000),
        "element": element,
    }


def chosen_value(view: Mapping[str, Any]) -> str:
    """The value of the chosen VM in a submitted dialog; empty without one."""
    option = view["state"]["values"][CHOICE][CHOICE].get("selected_option") or {}
    return str(option.get("value", ""))


def given_reason(view: Mapping[str, Any]) -> str:
    """The reason in a submitted dialog; empty without one."""
    values = view.get("state", {}).get("values", {})
    return str(values.get(REASON, {}).get(REASON, {}).get("value") or "")
