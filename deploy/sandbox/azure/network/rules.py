"""Network security rules: which are refused, which every group has, and which ports they leave open."""

import re
from typing import Any

from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.network.peers import check_peers

INTERNET = ("*", "internet", "0.0.0.0/0", "any")
Range = tuple[int, int]

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?")
_PROTOCOLS = ("*", "Tcp", "Udp", "Icmp", "Esp", "Ah")
_RANGE = re.compile(r"\*|\d{1,5}(?:-\d{1,5})?")
_DEFAULTS = (
    ("AllowVnetInBound", "Allow", 65000, "Inbound", "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", "Allow", 65001, "Inbound", "AzureLoadBalancer", "*"),
    ("DenyAllInBound", "Deny", 65500, "Inbound", "*", "*"),
    ("AllowVnetOutBound", "Allow", 65000, "Outbound", "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", "Allow", 65001, "Outbound", "*", "Internet"),
    ("DenyAllOutBound", "Deny", 65500, "Outbound", "*", "*"),
)


def rule(
    name: str,
    access: str,
    priority: int,
    direction: str = "Inbound",
    *,
    source: str = "*",
    destination: str = "*",
    ports: str = "*",
    protocol: str = "*",
) -> dict[str, Any]:
    """A rule in the shape a PUT carries."""
    return {
        "name": name,
        "properties": {
            "protocol": protocol,
            "sourcePortRange": "*",
            "destinationPortRange": ports,
            "sourceAddressPrefix": source,
            "destinationAddressPrefix": destination,
            "access": access,
            "priority": priority,
            "direction": direction,
        },
    }


def stored(rules: list[dict[str, Any]], nsg_id: str, etag: str, part: str) -> list[dict[str, Any]]:
    """Rules as a GET shows them, with id, type and every list there is."""
    lists = (
        "sourcePortRanges",
        "destinationPortRanges",
        "sourceAddressPrefixes",
        "destinationAddressPrefixes",
    )
    return [
        {
            "name": item["name"],
            "id": f"{nsg_id}/{part}/{item['name']}",
            "etag": etag,
            "type": f"Microsoft.Network/networkSecurityGroups/{part}",
            "properties": {
                "provisioningState": "Succeeded",
                **{key: [] for key in lists},
                **item["properties"],
            },
        }
        for item in rules
    ]


def default_rules(nsg_id: str, etag: str) -> list[dict[str, Any]]:
    """The six rules that every network security group ends with."""
    rules = [
        rule(name, access, priority, direction, source=source, destination=destination)
        for name, access, priority, direction, source, destination in _DEFAULTS
    ]
    return stored(rules, nsg_id, etag, "defaultSecurityRules")


def check_rules(rules: list[dict[str, Any]], nsg_id: str = "") -> None:
    """Raise the 400 of the first rule that Azure would not take."""
    taken: dict[tuple[str, int], str] = {}
    names: set[str] = set()
    for item in rules:
        name, given = str(item.get("name") or ""), item.get("properties") or {}
        if not _NAME.fullmatch(name):
            raise ArmError(400, "InvalidResourceName", f"Resource name '{name}' is invalid.")
        if name.lower() in names:
            raise ArmError(400, "DuplicateResourceName", f"Resource name '{name}' is used twice.")
        names.add(name.lower())
        _check_one(name, given)
        check_peers(f"{nsg_id}/securityRules/{name}", given)
        place = (given["direction"], given["priority"])
        if place in taken:
            raise ArmError(
                400,
                "SecurityRuleConflict",
                f"Security rule {name} conflicts with rule {taken[place]}. "
                f"Rules cannot have the same Priority and Direction.",
            )
        taken[place] = name


def _check_one(name: str, given: dict[str, Any]) -> None:
    priority = given.get("priority")
    if not isinstance(priority, int) or not 100 <= priority <= 4096:
        raise ArmError(
            400,
            "SecurityRuleInvalidPriority",
            f"Security rule {name} has invalid priority {priority}. It must be between 100 and 4096.",
        )
    for key, allowed in (
        ("direction", ("Inbound", "Outbound")),
        ("access", ("Allow", "Deny")),
        ("protocol", _PROTOCOLS),
    ):
        if str(given.get(key)).lower() not in [word.lower() for word in allowed]:
            raise ArmError(
                400,
                "SecurityRuleInvalidParameter",
                f"Security rule {name} has invalid {key} {given.get(key)!r}.",
            )
    for kind in ("sourcePortRange", "destinationPortRange"):
        ranges = _many(given, kind)
        if not ranges or any(not _RANGE.fullmatch(item) or not _ordered(item) for item in ranges):
            raise ArmError(
                400, "SecurityRuleInvalidPortRange", f"Security rule {name} has invalid {kind} {ranges}."
            )
    for kind in ("sourceAddressPrefix", "destinationAddressPrefix"):
        side = "sourceApplicationSecurityGroups" if kind[0] == "s" else "destinationApplicationSecurityGroups"
        if not _many(given, kind, plural="es") and not given.get(side):
            raise ArmError(
                400, "SecurityRuleInvalidAddressPrefix", f"Security rule {name} is missing {kind}."
            )


def _many(given: dict[str, Any], key: str, plural: str = "s") -> list[str]:
    """The values of a property that can be given alone or as a list."""
    one, several = given.get(key), given.get(f"{key}{plural}") or []
    return [str(one)] if one else [str(item) for item in several]


def _span(text: str) -> Range:
    if text == "*":
        return (0, 65535)
    low, _, high = text.partition("-")
    return int(low), int(high or low)


def _ordered(text: str) -> bool:
    low, high = _span(text)
    return low <= high <= 65535


def _without(ranges: list[Range], cut: Range) -> list[Range]:
    left: list[Range] = []
    for low, high in ranges:
        if cut[1] < low or cut[0] > high:
            left.append((low, high))
            continue
        if low < cut[0]:
            left.append((low, cut[0] - 1))
        if high > cut[1]:
            left.append((cut[1] + 1, high))
    return left


def _both(ranges: list[Range], others: list[Range]) -> list[Range]:
    pairs = [(max(a, c), min(b, d)) for a, b in ranges for c, d in others]
    return sorted(pair for pair in pairs if pair[0] <= pair[1])


def _allowed_from_internet(rules: list[dict[str, Any]], protocol: str) -> list[Range]:
    inbound = sorted(
        (r["properties"] for r in rules if r["properties"]["direction"].lower() == "inbound"),
        key=lambda given: given["priority"],
    )
    undecided: list[Range] = [(0, 65535)]
    allowed: list[Range] = []
    for given in inbound:
        sources = [s.lower() for s in _many(given, "sourceAddressPrefix", plural="es")]
        if given["protocol"].lower() not in ("*", protocol) or not set(sources) & set(INTERNET):
            continue
        for ports in map(_span, _many(given, "destinationPortRange")):
            if given["access"].lower() == "allow":
                allowed += _both(undecided, [ports])
            undecided = _without(undecided, ports)
    return sorted(allowed)


def open_ports(*groups: list[dict[str, Any]] | None) -> list[str]:
    """Ports that anybody on the Internet reaches over TCP or UDP, such as ``["22", "8000-8080"]``.

    Args:
        groups: the rules, defaults included, of each group on the way (the subnet's, the interface's);
            ``None`` for a place without one. All must allow; without any group Azure filters nothing.
    """
    found: set[Range] = set()
    for protocol in ("tcp", "udp"):
        ranges: list[Range] = [(0, 65535)]
        for rules in groups:
            if rules is not None:
                ranges = _both(ranges, _allowed_from_internet(rules, protocol))
        found |= set(ranges)
    return [str(low) if low == high else f"{low}-{high}" for low, high in sorted(found)]
