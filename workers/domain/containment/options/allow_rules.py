"""Exceptions of the isolation: who can still reach an isolated VM, and what it can still reach.

Each becomes one rule of the lockdown NSG, so Azure's limits hold: a rule names one service tag, or one
application security group, or any number of address ranges of one family; its priority is unique in its
direction.
Source: https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview
"""

import difflib
import ipaddress
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from workers.domain.model import Stored, spelt

FIRST_PRIORITY = 100
LAST_PRIORITY = 4095
"""Azure allows 4096, which is what denies everything else."""
HIGHEST_PORT = 65535

_EVERYBODY = frozenset({"*", "any", "internet"})
_TAG = re.compile(r"[A-Z][A-Za-z0-9]{1,60}(\.[A-Za-z0-9]{2,40})?")
KNOWN_TAGS = (
    *("ActionGroup", "ApiManagement", "AppConfiguration", "AppService", "AzureActiveDirectory"),
    *("AzureAdvancedThreatProtection", "AzureArcInfrastructure", "AzureAttestation", "AzureBackup"),
    *("AzureBotService", "AzureCloud", "AzureContainerRegistry", "AzureCosmosDB", "AzureDatabricks"),
    *("AzureDevOps", "AzureEventGrid", "AzureFrontDoor", "AzureInformationProtection", "AzureIoTHub"),
    *("AzureKeyVault", "AzureLoadBalancer", "AzureMachineLearning", "AzureMonitor", "AzurePlatformDNS"),
    *("AzurePlatformIMDS", "AzurePlatformLKM", "AzureResourceManager", "AzureSentinel", "AzureSignalR"),
    *(
        "AzureSiteRecovery",
        "AzureTrafficManager",
        "AzureUpdateDelivery",
        "AzureWebPubSub",
        "BatchNodeManagement",
    ),
    *("DataFactory", "Dynamics365BusinessCentral", "EventHub", "GatewayManager", "GuestAndHybridManagement"),
    *("HDInsight", "Internet", "LogicApps", "MicrosoftContainerRegistry", "MicrosoftDefenderForEndpoint"),
    *("PowerBI", "Scuba", "ServiceBus", "ServiceFabric", "Sql", "SqlManagement", "Storage"),
    *("StorageSyncService", "VirtualNetwork", "WindowsAdminCenter", "WindowsVirtualDesktop"),
)
"""Service tags that rules know, without their regions. Azure adds more, so an unknown one is only refused
where it looks like a slip of one of these.

Source: https://learn.microsoft.com/azure/virtual-network/service-tags-overview
"""
VIRTUAL_NETWORK = "VirtualNetwork"


class Direction(StrEnum):
    """Seen from the VM: who can connect to it, or what it can connect to."""

    IN = "in"
    OUT = "out"


def address_or_tag(value: str) -> str:
    """An address range as Azure takes it, or a service tag.

    Raises:
        ValueError: with a remedy.
    """
    if value.strip().lower() in _EVERYBODY:
        raise ValueError(_WHOLE)
    try:
        network = ipaddress.ip_network(value.strip(), strict=False)
    except ValueError:
        return _tag(value.strip())
    if network.prefixlen == 0:
        raise ValueError(_WHOLE)
    return str(network)


_WHOLE = "the whole Internet is not an exception; name an address range such as 10.0.9.0/26"


def _tag(value: str) -> str:
    name, dot, region = value.partition(".")
    lower = {tag.lower(): tag for tag in KNOWN_TAGS}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.88)
    known = lower.get(name.lower()) or (lower[close[0]] if close else None)
    if name != known and known is not None:
        raise ValueError(f"{value[:80]!r} is no service tag; did you mean {known}{dot}{region[:40]}?")
    if _TAG.fullmatch(value) is None:
        raise ValueError(
            f"{value[:80]!r} is neither an address range, such as 10.0.9.0/26, nor a service tag, such as"
            " AzureMonitor or Storage.WestEurope"
        )
    return value


def is_address(value: str) -> bool:
    """Whether it is an address range, and not a service tag."""
    return ":" in value or value[:1].isdigit()


ApplicationGroupId = Annotated[
    str,
    spelt(
        r"(?i)/subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\.network"
        r"/applicationsecuritygroups/[^/]+",
        "write the whole resource id of an application security group:"
        " /subscriptions/…/resourceGroups/…/providers/Microsoft.Network/applicationSecurityGroups/NAME",
    ),
]

_NO_PORTS = frozenset({"Icmp", "Esp", "Ah"})
_OTHER = {Direction.IN: Direction.OUT, Direction.OUT: Direction.IN}
_SIDE = {
    Direction.IN: ("source", "sources", "source_group"),
    Direction.OUT: ("destination", "destinations", "destination_group"),
}


class AllowRule(Stored):
    """One exception. The other end is an address range, several of them, a service tag, or a group.

    Attributes:
        name: what it is, for people; it becomes the name of the rule in Azure.
        direction: ``in`` is who can connect to the VM, named as the source; ``out`` is what the VM can
            connect to, named as the destination.
        source: an address range, or a service tag.
        sources: address ranges of one family.
        source_group: the id of an application security group. Azure wants it in the region and subscription
            of the VM.
        destination: as ``source``, for ``out``.
        destinations: as ``sources``, for ``out``.
        destination_group: as ``source_group``, for ``out``.
        ports: at the end that is connected to; may be left out where the protocol has none.
        protocol: ``*`` is every one.
        priority: of the rule; by default the first that is free.
    """

    name: Annotated[
        str,
        spelt(
            r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}",
            "begin with a letter or digit, then at most 60 of letters, digits and _ . -",
        ),
    ]
    direction: Direction = Direction.IN
    source: str = ""
    sources: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    source_group: ApplicationGroupId | None = None
    destination: str = ""
    destinations: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    destination_group: ApplicationGroupId | None = None
    ports: tuple[
        Annotated[str, spelt(r"[0-9]{1,5}(-[0-9]{1,5})?", "write a port or a range: '22' or '8000-8010'")],
        ...,
    ] = ()
    protocol: Literal["Tcp", "Udp", "Icmp", "Esp", "Ah", "*"] = "Tcp"
    priority: int | None = None

    @field_validator("source", "destination")
    @classmethod
    def _an_address_or_a_tag(cls, value: str) -> str:
        return address_or_tag(value) if value else ""

    @field_validator("sources", "destinations")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        found = tuple(address_or_tag(one) for one in value)
        tags = [one for one in found if not is_address(one)]
        if tags:
            raise ValueError(
                f"{tags[0]} is a service tag, and Azure takes no tag in a list: give it a rule of its own"
            )
        if len({ipaddress.ip_network(one).version for one in found}) > 1:
            raise ValueError("Azure takes no IPv4 and IPv6 addresses in one rule: make two of it")
        return found

    @field_validator("ports")
    @classmethod
    def _in_range(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for ports in value:
            low, _, high = ports.partition("-")
            if not 0 <= int(low) <= int(high or low) <= HIGHEST_PORT:
                raise ValueError(f"{ports} is not a port or a range of ports up to {HIGHEST_PORT}")
        return value

    @field_validator("priority")
    @classmethod
    def _as_azure_takes_it(cls, value: int | None) -> int | None:
        if value is not None and not FIRST_PRIORITY <= value <= LAST_PRIORITY:
            raise ValueError(
                f"a priority is from {FIRST_PRIORITY} to {LAST_PRIORITY}; {LAST_PRIORITY + 1} is what denies"
                " everything else"
            )
        return value

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        mine, other = _SIDE[self.direction], _SIDE[_OTHER[self.direction]]
        if wrong := [name for name in other if getattr(self, name)]:
            raise ValueError(
                f"with direction: {self.direction}, name the {mine[0]} and not the {other[0]};"
                f" take {wrong[0]} away, or turn the direction round"
            )
        given = [name for name in mine if getattr(self, name)]
        if len(given) != 1:
            what = "none is given" if not given else f"{' and '.join(given)} are given"
            raise ValueError(f"an exception needs exactly one of {', '.join(mine)}; {what}")
        return self

    @model_validator(mode="after")
    def _ports_where_there_are_some(self) -> Self:
        if not self.ports and self.protocol not in _NO_PORTS:
            raise ValueError("an exception needs at least one port; write ['0-65535'] for all of them")
        return self

    @property
    def peers(self) -> tuple[str, ...]:
        """The other end: address ranges, or one service tag; empty if it is a group."""
        one, several, _ = _SIDE[self.direction]
        return tuple(getattr(self, several)) or tuple(filter(None, [getattr(self, one)]))

    @property
    def peer_group(self) -> str | None:
        """The other end, if it is an application security group."""
        group: str | None = getattr(self, _SIDE[self.direction][2])
        return group

    @property
    def azure_ports(self) -> tuple[str, ...]:
        """The ports as Azure takes them: none but ``*`` where the protocol has none."""
        return ("*",) if self.protocol in _NO_PORTS else self.ports


def with_priorities(rules: Sequence[AllowRule]) -> Iterator[tuple[int, AllowRule]]:
    """Each rule with its priority: its own, or the first from 100 on that no other of its direction has."""
    for direction in Direction:
        mine = [rule for rule in rules if rule.direction is direction]
        taken = {rule.priority for rule in mine}
        free = (one for one in range(FIRST_PRIORITY, LAST_PRIORITY + 1) if one not in taken)
        yield from ((rule.priority or next(free), rule) for rule in mine)


def same_priority(rules: Sequence[AllowRule]) -> str:
    """Which rules have one priority in one direction, for people; empty if none have."""
    seen: dict[tuple[Direction, int], str] = {}
    for rule in rules:
        if rule.priority is None:
            continue
        place = rule.direction, rule.priority
        if place in seen:
            return (
                f"{seen[place]} and {rule.name} both have priority {rule.priority} in the direction"
                f" {rule.direction}; give one of them another, or leave priorities out"
            )
        seen[place] = rule.name
    return ""
