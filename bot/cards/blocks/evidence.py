"""What is known about a start: who, from where, under which permission, and what the Internet can reach."""

import re

from bot.cards.blocks.kit import listed
from bot.cards.blocks.risk import before
from bot.cards.blocks.text import code, counted, escape, when
from workers.domain.asking.approvals import Approval
from workers.domain.starts.defender import DefenderFacts, Recommendation, SecurityAlert
from workers.domain.starts.events import Access, Caller, CallerKind, Phase, StartEvent
from workers.domain.starts.facts import (
    BackupFacts,
    Facts,
    GrantFact,
    GrantKind,
    MachineFacts,
    NetworkFacts,
)
from workers.domain.starts.known_clients import NAMES
from workers.domain.starts.past.history import History
from workers.domain.starts.vm import Front, OpenPort, PowerState, VmRef

_MOST_PORTS = 5
_MOST_IPS = 3
_MOST_UNKNOWN = 3
_MOST_MISSING = 5
_MOST_ALERTS = 3
_MOST_LOCKS = 3
_MOST_RECOMMENDATIONS = 2
_GROUP_SCOPE = re.compile(r"/subscriptions/[^/]+/resourcegroups/(?P<group>[^/]+)", re.IGNORECASE)
_SUBSCRIPTION_SCOPE = re.compile(r"/subscriptions/[^/]+", re.IGNORECASE)
_MANAGEMENT_SCOPE = re.compile(
    r"/providers/microsoft\.management/managementgroups/(?P<group>[^/]+)", re.IGNORECASE
)


def who_did_what(event: StartEvent) -> str:
    """``Alice Example (user, alice@contoso.com) started vm-web-01``, as mrkdwn."""
    verb = "tried to start" if event.phase is Phase.FAILED else "started"
    kind = "classic VM " if event.vm.classic else ""
    return f"{caller(event.caller)} {verb} {kind}{code(event.vm.name)}"


def caller(who: Caller) -> str:
    """The caller's name, and in brackets what kind of identity it is and its address."""
    about = ["unknown kind of identity" if who.kind is CallerKind.UNKNOWN else str(who.kind)]
    if who.email and who.email != who.label:
        about.append(escape(who.email, 120))
    return f"*{escape(who.label, 120) or 'unknown caller'}* ({', '.join(about)})"


def fields(approval: Approval) -> list[str]:
    """The evidence as a section's fields."""
    event, facts = approval.event, approval.facts
    known = [
        f"*From*\n{_origin(event.caller)}{last_used(approval.history)}",
        f"*Allowed by*\n{_permission(event.access, event.vm, facts.grants)}",
        f"*Public IP*\n{_public_ips(facts.network)}",
        f"*Open to the Internet*\n{_openings(facts.network)}",
        f"*VM*\n{_vm(facts)}",
        f"*Where*\n{place(event.vm, facts.subscription_name)}",
    ]
    if guarding := protection(facts):
        known.append(f"*Protection*\n{guarding}")
    if facts.defender:
        known.append(f"*Defender for Cloud*\n{_defender(facts.defender)}")
    return [*known, earlier] if (earlier := before(approval.history)) else known


def place(vm: VmRef, subscription_name: str) -> str:
    """Resource group and subscription, the latter by name and the first part of its id."""
    name = escape(subscription_name, 80)
    subscription = f"{name} ({code(vm.subscription_id[:8])})" if name else code(vm.subscription_id[:8])
    return f"Resource group {code(vm.resource_group)}\nSubscription {subscription}"


def missing(facts: Facts) -> str:
    """What is unknown, each with its reason; empty if nothing is."""
    parts = [f"{escape(m.name, 60)} ({escape(m.reason, 150)})" for m in facts.missing]
    return f"Unknown: {listed(parts, _MOST_MISSING, 'fact')}." if parts else ""


def scope(access_scope: str, vm: VmRef) -> str:
    """A role assignment's scope in words, widest first: whole tenant, whole subscription … this VM."""
    text = access_scope.strip().rstrip("/")
    if not text:
        return "the whole tenant" if access_scope.strip() else "an unknown scope"
    if text.lower() == vm.key:
        return "this VM"
    if match := _MANAGEMENT_SCOPE.fullmatch(text):
        return f"management group {code(match['group'])}"
    if _SUBSCRIPTION_SCOPE.fullmatch(text):
        return "the whole subscription"
    if match := _GROUP_SCOPE.fullmatch(text):
        return f"resource group {code(match['group'])}"
    return code(text)


def _origin(who: Caller) -> str:
    if who.known_client:
        app = escape(who.known_client, 80)
    else:
        app = f"client {code(who.app_id)}" if who.app_id else "unknown client"
    return f"{app}, {_addresses(who)}{_sign_in(who)}"


def _addresses(who: Caller) -> str:
    """Where the request came from, and where they had signed in if that differs: a stolen token shows so."""
    if not who.ip:
        return f"signed in from {code(who.signin_ip, 60)}" if who.signin_ip else "unknown IP address"
    if not who.elsewhere:
        return code(who.ip, 60)
    return f"{code(who.ip, 60)}\n\u26a0\ufe0f *Signed in from another address:* {code(who.signin_ip, 60)}"


def _sign_in(who: Caller) -> str:
    if who.mfa is not None:
        return "\nSigned in with MFA" if who.mfa else "\nSigned in *without MFA*"
    applies = who.kind not in (CallerKind.SERVICE_PRINCIPAL, CallerKind.MANAGED_IDENTITY)
    return "\nMFA unknown" if applies else ""


def role(access: Access, vm: VmRef) -> str:
    """The Azure role that allowed it, and where it holds, in one line of mrkdwn."""
    return f"the Azure role {escape(access.role, 120) or 'of no name'} on {scope(access.scope, vm)}"


def _permission(access: Access | None, vm: VmRef, grants: tuple[GrantFact, ...]) -> str:
    if access is None:
        able = next((one for one in grants if one.kind is not GrantKind.UNKNOWN), None)
        return f"Not told by Azure; the caller has {grant(able, vm)}" if able else "Unknown"
    return f"Azure role *{escape(access.role, 120) or 'without a name'}*\non {scope(access.scope, vm)}"


def grant(one: GrantFact, vm: VmRef) -> str:
    """A role assignment in one line of mrkdwn: which role, where, and since when."""
    since = f", given {when(one.granted_at)}" if one.granted_at else ""
    group = " through a group" if one.through_group else ""
    return f"the role *{escape(one.role, 120)}* on {scope(one.scope or '/', vm)}{group}{since}"


def last_used(history: History | None) -> str:
    """From where, and with what, this caller started a VM last; begins with a new line, if known."""
    if history is None or history.caller_last_at is None:
        return ""
    client = NAMES.get(history.caller_last_client, history.caller_last_client)
    parts = [
        f"from {code(history.caller_last_network, 60)}" if history.caller_last_network else "",
        f"with {escape(client, 80)}" if client else "",
        when(history.caller_last_at),
    ]
    return f"\nLast start {' '.join(filter(None, parts))}"


def protection(facts: Facts) -> str:
    """Backup with the age of its last recovery point, locks, and extensions that failed; may be empty."""
    machine = facts.machine
    failed = machine.failed_extensions if machine else None
    locks = [f"{escape(one.name, 60)} ({one.level} on {escape(one.place, 60)})" for one in facts.locks or ()]
    lines = [
        backed_up(facts.backup),
        f"Locks: {listed(locks, _MOST_LOCKS, 'lock')}" if locks else "",
        f"\u26a0\ufe0f Failed extensions: {', '.join(code(one, 60) for one in failed)}" if failed else "",
    ]
    return "\n".join(filter(None, lines))


def backed_up(backup: BackupFacts | None) -> str:
    """Whether Azure Backup protects it, and how old the last recovery point is; empty if not known."""
    if backup is None:
        return ""
    if not backup.protected:
        return "No backup in Azure Backup"
    state = f" ({escape(backup.state, 80)})" if backup.state else ""
    if backup.recovery_point_at is None:
        return f"Backed up{state}, last recovery point unknown"
    return f"Backed up{state}, last recovery point {when(backup.recovery_point_at)}"


def cost(machine: MachineFacts | None) -> str:
    """``About $0.19 an hour (estimate)``; empty if it is not known."""
    if machine is None or machine.cost is None:
        return ""
    return f"About ${machine.cost.usd_per_hour:.2f} an hour (estimate)"


def _public_ips(network: NetworkFacts | None) -> str:
    if network is None:
        return "Unknown"
    own = [code(ip, 60) for nic in network.nics for ip in nic.public_ips]
    fronts = [_front(front) for nic in network.nics for front in nic.fronts]
    known = listed(list(dict.fromkeys([*own, *fronts])), _MOST_IPS, "address")
    return _with_unknown(known, network)


def _front(front: Front) -> str:
    address = code(front.address, 50) if front.address else "unknown address"
    return f"{address} of load balancer {code(front.balancer, 50)}"


def _with_unknown(known: str, network: NetworkFacts) -> str:
    """What is known, and what else could lead to the VM; *None* is only said where that is known."""
    unknown = listed([escape(why, 80) for why in network.unknown], _MOST_UNKNOWN, "thing")
    return "\n".join(filter(None, [known, f"Unknown: {unknown}" if unknown else ""])) or "None"


def _openings(network: NetworkFacts | None) -> str:
    if network is None:
        return "Unknown"
    openings = list(dict.fromkeys(_opening(port) for port in network.open_ports))
    return _with_unknown(listed(openings, _MOST_PORTS, "opening", between="\n"), network)


def _opening(port: OpenPort) -> str:
    protocol = "" if port.protocol == "*" else f" {escape(port.protocol, 20)}"
    ports = "All ports" if port.ports == "*" else code(port.ports, 20)
    by = f"rule {code(port.rule, 60)}" if port.rule else "no security group"
    if port.front is None:
        return f"{ports}{protocol} ({by})"
    front = port.front
    outside = "all ports" if front.ports == "*" else code(front.ports, 20)
    return f"{ports}{protocol} through {outside} at {_front(front)} ({by})"


def _vm(facts: Facts) -> str:
    if facts.gone:
        return "No longer exists"
    if facts.machine is None:
        return "Unknown"
    power = facts.machine.power
    state = "Power state unknown" if power is PowerState.UNKNOWN else power.capitalize()
    about = [escape(facts.machine.size, 60), escape(facts.machine.location, 60)]
    return "\n".join(filter(None, [state, ", ".join(filter(None, about)), cost(facts.machine)]))


def _defender(found: DefenderFacts) -> str:
    """Open alerts, open recommendations with their remedies, and how old that is."""
    alerts = [_alert(one) for one in found.alerts[:_MOST_ALERTS]]
    if (more := found.alert_count - len(alerts)) > 0:
        alerts.append(f"and {counted(more, 'more open alert')}")
    if not alerts and found.subscription_plan is not None:  # else nobody would tell of one
        alerts = ["No open alert"]
    shown = found.recommendations[:_MOST_RECOMMENDATIONS]
    advice = [f"{counted(found.recommendation_count, 'open recommendation')}, such as:"] if shown else []
    advice += [_recommendation(one) for one in shown]
    as_of = f"As of {when(found.read_at)}" if found.read_at else ""
    return "\n".join(filter(None, [*alerts, *advice, _plan(found), as_of]))


def _alert(alert: SecurityAlert) -> str:
    raised = f", {when(alert.at)}" if alert.at else ""
    return f"\u26a0\ufe0f *Alert, {alert.severity} severity:* {escape(alert.name, 150)}{raised}"


def _recommendation(advice: Recommendation) -> str:
    remedy = f": {escape(advice.remedy, 150)}" if advice.remedy else ""
    return f"\u2022 {escape(advice.name, 150)} ({advice.severity}){remedy}"


def _plan(found: DefenderFacts) -> str:
    if found.vm_plan is not None:
        return vm_plan(found)
    if found.subscription_plan is None:
        return "Nothing known of the subscription: Defender for Cloud is not in use, or we may not read it"
    if not found.subscription_plan:
        return "Defender for Servers is off in the subscription"
    return f"The subscription has Defender for Servers {_plan_name(found.subscription_plan)}"


def vm_plan(found: DefenderFacts) -> str:
    """The plan that holds for the VM itself, which must be known, and where it was set."""
    plan = _plan_name(found.vm_plan) if found.vm_plan else "is off"
    if found.vm_plan_own:
        above = _plan_name(found.subscription_plan) if found.subscription_plan else "off"
        return f"Defender for Servers {plan}, set on this VM (its subscription: {above})"
    return f"Defender for Servers {plan}, {'from' if found.vm_plan else 'as in'} the subscription"


def _plan_name(sub_plan: str) -> str:
    return f"Plan {escape(sub_plan.removeprefix('P'), 20)}"
