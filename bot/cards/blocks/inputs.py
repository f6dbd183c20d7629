"""The fields of dialogs: the menu of VMs, and the reason."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from bot.cards.blocks.kit import MOST_OPTIONS, OPTION
from bot.cards.blocks.message import Block
from bot.cards.blocks.text import plain, plain_name, words
from workers.domain.starts.vm import KnownVm, VmRef

CHOICE = "vm"
"""Block and action of the menu of VMs; the chosen value is ``candidate_value`` of one of them."""
REASON = "reason"
"""Block and action of the reason."""
REASON_MIN, REASON_MAX = 3, 500
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
    return hashlib.sha256(vm.key.encode()).hexdigest()[:32]


def vm_option(vm: KnownVm) -> Block:
    """A VM in a menu: its name, and what tells it from others of that name."""
    about = f"{vm.power}, {plain_name(vm.ref.resource_group, _MOST_GROUP)}, "
    subscription = vm.subscription_name or vm.ref.subscription_id[:8]
    return {
        "text": plain(plain_name(vm.ref.name, OPTION), OPTION),
        "description": plain(about + plain_name(subscription, OPTION - len(about)), OPTION),
        "value": candidate_value(vm),
    }


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
