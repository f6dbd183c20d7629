"""The variables of rules' conditions: each name, its type, and where its value comes from."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import Facts, NetworkFacts
from workers.domain.starts.people import Owner
from workers.domain.starts.vm import VmRef


class RuleInput(NamedTuple):
    """What a rule gets to decide about a start. Facts and owner are ``None`` until they have been read."""

    event: StartEvent
    now: datetime
    facts: Facts | None = None
    owner: Owner | None = None

    @property
    def vm(self) -> VmRef:
        """Which VM was started."""
        return self.event.vm


class Variable(NamedTuple):
    """A name in expressions. ``of`` gives its value, or ``None`` if it is not known.

    Azure ignores case in ids and names, and spells them differently in different places. Such values are in
    lower case.
    """

    type: str
    of: Callable[[RuleInput], object]
    fact: bool = False


def _tags(given: RuleInput) -> dict[str, str] | None:
    """Each tag as spelt and in lower case: Azure keeps the spelling of tag names, and ignores case."""
    if given.facts is None or given.facts.machine is None:
        return None
    tags = given.facts.machine.tags
    return {name.lower(): value for name, value in tags.items()} | tags


def _machine(name: str) -> Callable[[RuleInput], object]:
    return lambda c: (getattr(c.facts.machine, name) or None) if c.facts and c.facts.machine else None


def _power(given: RuleInput) -> str | None:
    return given.facts.machine.power.value if given.facts and given.facts.machine else None


def _network(of: Callable[[NetworkFacts], object]) -> Callable[[RuleInput], object]:
    """Not known as long as something could lead to the VM that was not read."""

    def known(given: RuleInput) -> object:
        network = given.facts.network if given.facts else None
        return of(network) if network is not None and not network.unknown else None

    return known


def _owner(of: Callable[[Owner], object]) -> Callable[[RuleInput], object]:
    # The tags say who owns the VM. If they are unknown, so is whether anybody owns it.
    return lambda c: of(c.owner) if c.owner and c.facts and c.facts.machine else None


VARIABLES: dict[str, Variable] = {
    "event.operation": Variable("string", lambda c: c.event.operation.lower()),
    "event.phase": Variable("string", lambda c: c.event.phase.value),
    "event.at": Variable("timestamp", lambda c: c.event.at),
    "event.correlation_id": Variable("string", lambda c: c.event.correlation_id.lower()),
    "vm.id": Variable("string", lambda c: c.vm.key),
    "vm.name": Variable("string", lambda c: c.vm.name.lower()),
    "vm.resource_group": Variable("string", lambda c: c.vm.resource_group.lower()),
    "vm.subscription_id": Variable("string", lambda c: c.vm.subscription_id.lower()),
    "vm.classic": Variable("bool", lambda c: c.vm.classic),
    "vm.tags": Variable("map", _tags, fact=True),
    "vm.location": Variable("string", _machine("location"), fact=True),
    "vm.size": Variable("string", _machine("size"), fact=True),
    "vm.power": Variable("string", _power, fact=True),
    "caller.kind": Variable("string", lambda c: c.event.caller.kind.value),
    "caller.name": Variable("string", lambda c: c.event.caller.name),
    "caller.email": Variable("string", lambda c: c.event.caller.email.lower()),
    "caller.object_id": Variable("string", lambda c: c.event.caller.object_id.lower()),
    "caller.app_id": Variable("string", lambda c: c.event.caller.app_id.lower()),
    "caller.client_app": Variable("string", lambda c: c.event.caller.client_app),
    "caller.ip": Variable("string", lambda c: c.event.caller.ip),
    "caller.signin_ip": Variable("string", lambda c: c.event.caller.signin_ip),
    "caller.mfa": Variable("bool", lambda c: bool(c.event.caller.mfa)),
    "owner.known": Variable("bool", _owner(lambda o: o.known), fact=True),
    "owner.emails": Variable("list", _owner(lambda o: list(o.emails)), fact=True),
    "owner.slack_users": Variable("list", _owner(lambda o: list(o.slack_users)), fact=True),
    "owner.source": Variable("string", _owner(lambda o: o.source), fact=True),
    "facts.subscription_name": Variable(
        "string", lambda c: (c.facts.subscription_name or None) if c.facts else None, fact=True
    ),
    "facts.public_ips": Variable("list", _network(lambda network: list(network.public_ips)), fact=True),
    "facts.open_ports": Variable(
        "list", _network(lambda network: [port.ports for port in network.open_ports]), fact=True
    ),
    "facts.protected": Variable(
        "bool", lambda c: c.facts.backup.protected if c.facts and c.facts.backup else None, fact=True
    ),
    "facts.missing": Variable(
        "list", lambda c: [m.name for m in c.facts.missing] if c.facts else None, fact=True
    ),
    "now": Variable("timestamp", lambda c: c.now),
}
"""Every name that a condition may use."""

ABOUT_VMS = frozenset(name for name in VARIABLES if name.partition(".")[0] in ("vm", "owner", "facts"))
"""Those that a guard may use: they say what a VM is, and nothing of a start."""


def known_values(given: RuleInput, names: Iterable[str] = VARIABLES) -> dict[str, object]:
    """The values of those variables that are known."""
    return {name: value for name in names if (value := VARIABLES[name].of(given)) is not None}
