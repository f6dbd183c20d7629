"""An NSG as ARM shows it → the domain's ``SecurityGroup``, as it affects one NIC.

Cautious where Azure's rules are richer than ours: an Allow that we can't place counts as open, a Deny that we
can't place does not count as a guard. Rules for application security groups and most service tags are such.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from workers.domain.starts.reach.exposure import InboundRule, SecurityGroup

_VIRTUAL_NETWORK = "virtualnetwork"
_EVERYWHERE = frozenset({"*", "any", _VIRTUAL_NETWORK, "0.0.0.0/0", "::/0"})
_NO_INTERNET_SOURCE = "ApplicationSecurityGroup"


class Guard:
    """An NSG, taken apart once for all that it guards: one may have a thousand rules, and guard a fleet.

    Raises:
        KeyError, TypeError, AttributeError, ValueError: it is not as ARM shows one.
    """

    def __init__(self, nsg: Mapping[str, Any]) -> None:
        properties = nsg.get("properties") or {}
        rules = [*(properties.get("securityRules") or []), *(properties.get("defaultSecurityRules") or [])]
        rules = [rule for rule in rules if _inbound(rule["properties"])]
        self._given = [rule["properties"] for rule in rules]
        self._whole = SecurityGroup(id=nsg["id"], name=nsg["name"], rules=tuple(map(_rule, rules)))
        _ = self._whole.openings  # worked out now, so that a port which is none is found now
        self._same_for_all = not any(_names_addresses(given) for given in self._given)
        self._known: dict[bool, SecurityGroup] = {}

    def towards(self, addresses: Iterable[str], *, routed: bool = False) -> SecurityGroup:
        """The inbound side, for a NIC with these private addresses.

        ``routed`` says that its subnet has a route for the Internet, so that the service tag VirtualNetwork
        holds that, too.
        """
        if not self._same_for_all:
            return self._towards(tuple(addresses), routed=routed)
        if routed not in self._known:
            self._known[routed] = self._towards((), routed=routed)
        return self._known[routed]

    def _towards(self, ours: tuple[str, ...], *, routed: bool) -> SecurityGroup:
        pairs = zip(self._given, self._whole.rules, strict=True)
        rules = [rule for given, rule in pairs if _applies(given, ours)]
        if routed:
            rules = [_widened(rule) for rule in rules]
        return SecurityGroup(id=self._whole.id, name=self._whole.name, rules=tuple(rules))


def _widened(rule: InboundRule) -> InboundRule:
    """What an Allow from VirtualNetwork lets in where that holds the Internet. A Deny is not relied upon."""
    if not rule.allow or all(source.lower() != _VIRTUAL_NETWORK for source in rule.sources):
        return rule
    # Made anew: a copy would keep what was worked out from the former sources.
    return InboundRule.model_validate({**rule.model_dump(), "sources": (*rule.sources, "Internet")})


def listed(properties: Mapping[str, Any], key: str, plural: str) -> tuple[str, ...]:
    """What a rule gives either as one value or as a list, such as ``destinationPortRange(s)``."""
    several = properties.get(plural) or []
    one = properties.get(key)
    return tuple(str(value) for value in (several or ([one] if one else [])))


def _rule(rule: Mapping[str, Any]) -> InboundRule:
    given = rule["properties"]
    sources = listed(given, "sourceAddressPrefix", "sourceAddressPrefixes")
    return InboundRule(
        name=rule["name"],
        priority=given["priority"],
        allow=_allows(given),
        protocol=str(given.get("protocol") or "*"),
        sources=sources or (_NO_INTERNET_SOURCE,),
        ports=listed(given, "destinationPortRange", "destinationPortRanges") or ("*",),
    )


def _targets(given: Mapping[str, Any]) -> tuple[str, ...]:
    return listed(given, "destinationAddressPrefix", "destinationAddressPrefixes")


def _names_addresses(given: Mapping[str, Any]) -> bool:
    """Whether it depends on a NIC's addresses if the rule applies to it."""
    return any(target.lower() not in _EVERYWHERE for target in _targets(given))


def _applies(given: Mapping[str, Any], ours: tuple[str, ...]) -> bool:
    allow = _allows(given)
    if listed(given, "sourcePortRange", "sourcePortRanges") not in ((), ("*",)) and not allow:
        return False
    targets = _targets(given)
    if not targets:
        return allow
    return any(_covers(target, ours, allow=allow) for target in targets)


def _covers(target: str, ours: tuple[str, ...], *, allow: bool) -> bool:
    if target.lower() in _EVERYWHERE:
        return True
    try:
        network = ipaddress.ip_network(target, strict=False)
    except ValueError:
        return allow
    if not ours:
        return allow
    inside = [ipaddress.ip_address(address) in network for address in ours]
    return any(inside) if allow else all(inside)


def _allows(given: Mapping[str, Any]) -> bool:
    return str(given.get("access", "")).lower() == "allow"


def _inbound(given: Mapping[str, Any]) -> bool:
    return str(given.get("direction", "")).lower() == "inbound"
