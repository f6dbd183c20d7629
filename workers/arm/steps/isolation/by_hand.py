"""Isolating a VM with the Azure CLI.

Source: https://learn.microsoft.com/cli/azure/network/nsg, https://learn.microsoft.com/cli/azure/network/nic
"""

from collections.abc import Mapping
from typing import Any

from workers.arm.ids import ArmId, same
from workers.arm.read.networking.nsg import listed
from workers.arm.steps.isolation.lockdown import lockdown_nsg_id, wanted_nsg
from workers.domain.containment.by_hand import Words, az
from workers.domain.containment.profile import LockdownProfile
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef

_ONE_OR_MORE = {
    "source-address-prefixes": ("sourceAddressPrefix", "sourceAddressPrefixes"),
    "source-port-ranges": ("sourcePortRange", "sourcePortRanges"),
    "destination-address-prefixes": ("destinationAddressPrefix", "destinationAddressPrefixes"),
    "destination-port-ranges": ("destinationPortRange", "destinationPortRanges"),
}
_GROUPS = {
    "source-asgs": "sourceApplicationSecurityGroups",
    "destination-asgs": "destinationApplicationSecurityGroups",
}
"""Option of the CLI → property of a rule."""


def commands(vm: VmRef, facts: Facts, profile: LockdownProfile) -> tuple[Words, ...]:
    """The security group with its rules, unless it is prepared, and then each NIC that doesn't carry it."""
    if vm.classic or facts.machine is None:
        return ()
    target = lockdown_nsg_id(vm, profile, facts.machine.location)
    known = {nic.id.lower(): nic.nsg_id for nic in facts.network.nics} if facts.network else {}
    others = [nic_id for nic_id in facts.machine.nic_ids if not same(known.get(nic_id.lower()), target)]
    if not others:
        return ()
    made = () if profile.isolate.nsg is not None else _made(target, profile, facts.machine.location)
    put = tuple(az("network nic update", {"ids": nic, "network-security-group": target}) for nic in others)
    return (*made, *put)


def _made(target: str, profile: LockdownProfile, location: str) -> tuple[Words, ...]:
    body, where = wanted_nsg(profile, location), ArmId.parse(target)
    group = {"subscription": where.subscription_id, "resource-group": where.group}
    tags = [f"{name}={value}" for name, value in body["tags"].items()]
    made = az("network nsg create", {**group, "name": where.name, "location": location, "tags": tags})
    rules = body["properties"]["securityRules"]
    return (made, *(az("network nsg rule create", {**group, **_rule(rule, where.name)}) for rule in rules))


def _rule(rule: Mapping[str, Any], nsg: str) -> dict[str, str | list[str]]:
    given = rule["properties"]
    options: dict[str, str | list[str]] = {"nsg-name": nsg, "name": str(rule["name"])}
    for option in ("priority", "direction", "access", "protocol"):
        options[option] = str(given[option])
    for option, (one, more) in _ONE_OR_MORE.items():
        if values := list(listed(given, one, more)):
            options[option] = values
    for option, key in _GROUPS.items():
        if groups := [str(group["id"]) for group in given.get(key) or []]:
            options[option] = groups
    if description := given.get("description"):
        options["description"] = str(description)
    return options
