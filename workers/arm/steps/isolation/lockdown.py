"""The lockdown NSG: what it is called, which rules it has, and whether one that exists has them.

Rules: the profile's exceptions from priority 100 on, then everything denied, in and out. Azure's own platform
addresses pass any NSG, and so do "always allow" rules of a Virtual Network Manager. The service tag
VirtualNetwork holds peered and on-premises networks, too, and what a user-defined route leads to.
Source: https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview
"""

import hashlib
import json
from typing import Any

from workers.arm.ids import group_id, name_of
from workers.arm.read.networking.nsg import listed
from workers.domain.containment.options.allow_rules import AllowRule, Direction, with_priorities
from workers.domain.containment.profile import OUR_TAG, LockdownProfile
from workers.domain.starts.vm import VmRef

NAME_PREFIX = "startgate-lockdown-"
NAME_MOST = 80
"""Azure's limit for the name of an NSG.

Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""
_DIGEST_LENGTH = 8
_DESCRIPTION_MOST = 140
"""Source: https://learn.microsoft.com/rest/api/virtualnetwork/security-rules/create-or-update"""

TAGS = {OUR_TAG: "startgate"}
DENY_PRIORITY = 4096

_JUST_IN_TIME = ("microsoftdefenderforcloud-jitrule", "securitycenter-jitrule")
"""How the rules begin by which Defender for Cloud closes ports that are open on request only.

Source: https://learn.microsoft.com/azure/defender-for-cloud/release-notes-archive
"""

_COMPARED = (
    ("sourcePortRange", "sourcePortRanges"),
    ("destinationPortRange", "destinationPortRanges"),
    ("sourceAddressPrefix", "sourceAddressPrefixes"),
    ("destinationAddressPrefix", "destinationAddressPrefixes"),
)


def lockdown_nsg_id(vm: VmRef, profile: LockdownProfile, location: str) -> str:
    """Where the NSG of this profile is in this region: NICs take only one of their own region."""
    if profile.isolate.nsg is not None:
        return profile.isolate.nsg
    group = group_id(vm.subscription_id, profile.resource_group or vm.resource_group)
    return f"{group}/providers/Microsoft.Network/networkSecurityGroups/{nsg_name(profile, location)}"


def nsg_name(profile: LockdownProfile, location: str) -> str:
    """Such as ``startgate-lockdown-standard-westeurope-1a2b3c4d``: profile, region, digest of the rules.

    The digest keeps VMs under different rules from sharing one NSG, and each other's rules from being
    rewritten. Where the name would be too long, the profile's name is cut.
    """
    rules = json.dumps(_rules(profile), sort_keys=True)
    end = f"-{location}-{hashlib.sha256(rules.encode()).hexdigest()[:_DIGEST_LENGTH]}"
    return f"{NAME_PREFIX}{profile.name[: NAME_MOST - len(NAME_PREFIX) - len(end)]}{end}"


def is_lockdown_nsg(nsg_id: str | None) -> bool:
    """Whether an NSG is one of ours, by its name: of any rules, and of an earlier version's naming, too."""
    return name_of(nsg_id).lower().startswith(NAME_PREFIX)


def wanted_nsg(
    profile: LockdownProfile, location: str, *, tags: dict[str, str] | None = None, said: str = ""
) -> dict[str, Any]:
    """The body of a PUT.

    ``flushConnection`` has Azure look at open flows again when a rule changes; otherwise rules hold for new
    ones only.

    Args:
        profile: whose rules.
        location: the region.
        tags: of an NSG that exists; they are kept.
        said: the description of the rules that deny, of at most 140 characters. It makes no difference to
            what ``locks_down`` compares, nor to the name.
    """
    rules = _rules(profile)
    for rule in rules:
        if said and rule["properties"]["access"] == "Deny":
            rule["properties"]["description"] = said[:_DESCRIPTION_MOST]
    return {
        "location": location,
        "tags": {**(tags or {}), **tags_of(profile)},
        "properties": {"flushConnection": True, "securityRules": rules},
    }


def said_in(nsg: dict[str, Any]) -> str:
    """What was ``said`` when it was last written; empty if nothing was."""
    rules = [rule["properties"] for rule in nsg["properties"].get("securityRules") or []]
    return next((str(given["description"]) for given in rules if given.get("description")), "")


def tags_of(profile: LockdownProfile) -> dict[str, str]:
    """The tags of everything that is made under this profile."""
    return {**profile.tags, **TAGS}


def locks_down(nsg: dict[str, Any], profile: LockdownProfile) -> bool:
    """Whether an NSG as read has exactly the rules the profile wants. Their names don't matter.

    Ports that Defender for Cloud denies for just-in-time access are no difference; what it allows on request
    is one. An NSG that was prepared need not have the same rules, as long as it has no ``loophole``.
    """
    if profile.isolate.nsg is not None:
        return not loophole(nsg, profile)
    rules = [one for one in nsg["properties"].get("securityRules") or [] if not _closes_just_in_time(one)]
    return _essence(rules) == _essence(_rules(profile))


def _closes_just_in_time(rule: dict[str, Any]) -> bool:
    denies = str(rule["properties"].get("access")).lower() == "deny"
    return denies and str(rule.get("name")).lower().startswith(_JUST_IN_TIME)


def loophole(nsg: dict[str, Any], profile: LockdownProfile) -> str:
    """What a prepared NSG lets through beyond the profile's exceptions, for people; empty if nothing."""
    rules = nsg["properties"].get("securityRules") or []
    excepted = _essence(_exceptions(profile), places=False)
    for direction in ("inbound", "outbound"):
        mine = [rule for rule in rules if _direction(rule) == direction]
        for rule in sorted(mine, key=lambda rule: int(rule["properties"]["priority"])):
            if _denies_all(rule):
                break
            if str(rule["properties"].get("access")).lower() == "allow" and not (
                _essence([rule], places=False) <= excepted
            ):
                return (
                    f"its rule {rule['name']} allows {direction} traffic that is no exception of the profile"
                )
        else:
            return f"no rule of it denies all {direction} traffic"
    return ""


def _direction(rule: dict[str, Any]) -> str:
    return str(rule["properties"].get("direction")).lower()


def _denies_all(rule: dict[str, Any]) -> bool:
    given = rule["properties"]
    everything = ("protocol", "sourceAddressPrefix", "sourcePortRange", "destinationAddressPrefix")
    return str(given.get("access")).lower() == "deny" and all(
        str(given.get(key)) == "*" for key in (*everything, "destinationPortRange")
    )


def _rules(profile: LockdownProfile) -> list[dict[str, Any]]:
    return [
        *_exceptions(profile),
        _rule("deny-all-inbound", "Inbound", "Deny", DENY_PRIORITY),
        _rule("deny-all-outbound", "Outbound", "Deny", DENY_PRIORITY),
    ]


def _exceptions(profile: LockdownProfile) -> list[dict[str, Any]]:
    return [_exception(allow, priority) for priority, allow in with_priorities(profile.isolate.allow)]


def _exception(allow: AllowRule, priority: int) -> dict[str, Any]:
    side, direction = (
        ("source", "Inbound") if allow.direction is Direction.IN else ("destination", "Outbound")
    )
    peer: dict[str, Any] = {f"{side}AddressPrefix": allow.peers[0] if allow.peers else None}
    if len(allow.peers) > 1:
        peer = {f"{side}AddressPrefix": None, f"{side}AddressPrefixes": list(allow.peers)}
    elif allow.peer_group is not None:
        peer |= {f"{side}ApplicationSecurityGroups": [{"id": allow.peer_group}]}
    rule = _rule(
        f"allow-{allow.name}-{priority}",
        direction,
        "Allow",
        priority,
        protocol=allow.protocol,
        destinationPortRanges=list(allow.azure_ports),
        **peer,
    )
    rule["properties"] = {key: value for key, value in rule["properties"].items() if value is not None}
    return rule


def _rule(name: str, direction: str, access: str, priority: int, **given: object) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "direction": direction,
        "access": access,
        "priority": priority,
        "protocol": "*",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        **given,
    }
    ports = properties.pop("destinationPortRanges", ["*"])
    # One port goes into the singular: Azure stores it there, and refuses * in the plural.
    if len(ports) == 1:
        properties["destinationPortRange"] = ports[0]
    else:
        properties["destinationPortRanges"] = ports
    return {"name": name, "properties": properties}


def _essence(rules: list[dict[str, Any]], *, places: bool = True) -> set[tuple[object, ...]]:
    """What makes rules the same, however Azure writes them; without ``places``, at any priority."""
    return {
        (
            str(given.get("direction")).lower(),
            given.get("priority") if places else 0,
            str(given.get("access")).lower(),
            str(given.get("protocol")).lower(),
            *(frozenset(value.lower() for value in listed(given, *keys)) for keys in _COMPARED),
            _groups(given),
        )
        for given in (rule["properties"] for rule in rules)
    }


def _groups(given: dict[str, Any]) -> frozenset[tuple[str, str]]:
    """The application security groups of a rule, by the side on which they stand."""
    return frozenset(
        (side, str(group.get("id")).lower())
        for side in ("source", "destination")
        for group in given.get(f"{side}ApplicationSecurityGroups") or []
    )
