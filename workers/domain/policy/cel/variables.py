"""The variables of rules' conditions: each name, its type, and where its value comes from."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from workers.domain.policy.insight import Insight
from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import Facts, NetworkFacts
from workers.domain.starts.past.history import History
from workers.domain.starts.people import Owner
from workers.domain.starts.risk import Level
from workers.domain.starts.signals.signal import Threat
from workers.domain.starts.signals.table import IDS
from workers.domain.starts.vm import VmRef


class RuleInput(NamedTuple):
    """What a rule gets to decide about a start. Facts and insight are ``None`` until facts have been read."""

    event: StartEvent
    now: datetime
    facts: Facts | None = None
    insight: Insight | None = None

    @property
    def known_in_part(self) -> frozenset[str]:
        """Variables that are known, but of which a part may be missing."""
        unseen = self.insight is not None and self.insight.risk.unseen
        return frozenset({"risk.signals", "risk.threats", "risk.weight"} if unseen else ())

    @property
    def owner(self) -> Owner | None:
        """Who owns the VM by its tags."""
        return self.insight.by_tags if self.insight else None

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


def _tags_before(given: RuleInput) -> dict[str, str] | None:
    return given.insight.tags_before if given.insight else None


def _history(of: Callable[[History], object]) -> Callable[[RuleInput], object]:
    return lambda c: of(c.insight.history) if c.insight and c.insight.history else None


def _days_since_start(given: RuleInput) -> int | None:
    """Whole days since the VM's last start; not known if no start is remembered."""
    last = given.insight.history.vm_last_at if given.insight and given.insight.history else None
    return (given.event.at - last).days if last is not None else None


def _level(given: RuleInput) -> str | None:
    """Not known as long as a missing fact could raise it."""
    risk = given.insight.risk if given.insight else None
    return risk.level.value if risk is not None and risk.settled else None


def _threats(given: RuleInput) -> dict[str, str] | None:
    risk = given.insight.risk if given.insight else None
    if risk is None:
        return None
    return {threat.value: risk.by_threat.get(threat, Level.LOW).value for threat in Threat}


def _signals(given: RuleInput) -> dict[str, bool] | None:
    """Each signal, and whether it was found; without those for which a fact is missing."""
    risk = given.insight.risk if given.insight else None
    if risk is None:
        return None
    found = {one.id for one in risk.signals}
    return {signal_id: signal_id in found for signal_id in IDS if signal_id not in risk.unseen}


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
    "vm.tags_before": Variable("map", _tags_before, fact=True),
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
    "history.vm_starts": Variable("int", _history(lambda h: h.vm_starts), fact=True),
    "history.by_caller": Variable("int", _history(lambda h: h.by_caller), fact=True),
    "history.caller_starts": Variable("int", _history(lambda h: h.caller_starts), fact=True),
    "history.caller_networks": Variable(
        "list", _history(lambda h: [seen.what for seen in h.networks]), fact=True
    ),
    "history.recent_vms": Variable("int", _history(lambda h: h.recent_vms), fact=True),
    "history.failed_before": Variable("int", _history(lambda h: h.failed_before), fact=True),
    "history.days_since_start": Variable("int", _days_since_start, fact=True),
    "history.passed": Variable("int", _history(lambda h: h.passed), fact=True),
    "history.confirmed": Variable("int", _history(lambda h: h.confirmed), fact=True),
    "history.rejected": Variable("int", _history(lambda h: h.rejected), fact=True),
    "history.silent": Variable("int", _history(lambda h: h.silent), fact=True),
    "history.usual_answerer": Variable("string", _history(lambda h: h.usual_answerer), fact=True),
    "risk.level": Variable("string", _level, fact=True),
    "risk.weight": Variable("int", lambda c: c.insight.risk.weight if c.insight else None, fact=True),
    "risk.threats": Variable("map", _threats, fact=True),
    "risk.signals": Variable("flags", _signals, fact=True),
    "now": Variable("timestamp", lambda c: c.now),
}
"""Every name that a condition may use."""

ABOUT_VMS = frozenset(
    name
    for name in VARIABLES
    if name.partition(".")[0] in ("vm", "owner", "facts") and name != "vm.tags_before"
)
"""Those that a guard may use: they say what a VM is, and nothing of a start."""


def known_values(given: RuleInput, names: Iterable[str] = VARIABLES) -> dict[str, object]:
    """The values of those variables that are known."""
    return {name: value for name in names if (value := VARIABLES[name].of(given)) is not None}
