"""Every fact of a start as paragraphs of a dialog, each with its source and when it was read."""

from collections.abc import Iterable, Iterator, Mapping

from bot.cards.blocks.evidence import backed_up, grant, last_used, role, vm_plan
from bot.cards.blocks.text import code, counted, escape, when
from workers.domain.asking.approvals import Approval
from workers.domain.starts.defender import DefenderFacts
from workers.domain.starts.events import Caller
from workers.domain.starts.facts import (
    ASSIGNMENTS,
    JUST_IN_TIME,
    SOURCES,
    VM_PLAN,
    Facts,
    MachineFacts,
    NetworkFacts,
)
from workers.domain.starts.past.history import History
from workers.domain.starts.vm import PowerState

Lines = list[str]


def paragraphs(approval: Approval) -> Iterator[tuple[str, Lines]]:
    """Title and lines of each; those of which nothing is known are left out."""
    event, facts = approval.event, approval.facts
    at, machine = facts.read_at, facts.machine
    yield "Caller", _caller(event.caller, approval.history)
    yield _titled("Permission", facts, ASSIGNMENTS), _permission(approval)
    if machine is not None:
        yield _titled("VM", facts, "machine"), _machine(machine)
    yield "Tags", _tags(facts)
    if facts.network is not None:
        yield _titled("Network", facts, "network"), _network(facts.network)
    if facts.backup is not None:
        policy = f"Policy {code(facts.backup.policy_name)}" if facts.backup.policy_name else ""
        vault = f"Vault {code(facts.backup.vault_id.rpartition('/')[2])}" if facts.backup.vault_id else ""
        yield _titled("Backup", facts, "backup"), [backed_up(facts.backup), vault, policy]
    if facts.locks is not None:
        locks = [f"{code(one.name)}: {one.level} on {escape(one.place, 80)}" for one in facts.locks]
        yield _titled("Locks", facts, "locks"), locks or ["None"]
    if facts.just_in_time is not None:
        listed = [f"In the policy {code(name)}" for name in facts.just_in_time]
        title = (
            _titled("Just-in-time access", facts, JUST_IN_TIME)
            if at.get(JUST_IN_TIME)
            else "Just-in-time access"
        )
        yield title, listed or ["None: no policy lists the VM, or the subscription has no Plan 2"]
    if facts.defender is not None:
        plan_at = facts.read_at.get(VM_PLAN)
        read = [f"Plan of the VM read {when(plan_at)}"] if plan_at else []
        yield _titled("Defender for Cloud", facts, "Defender"), [*_defender(facts.defender), *read]
    if approval.history is not None:
        yield "History, as Startgate remembers it", _history(approval.history)
    unknown = [f"{escape(one.name, 80)}: {escape(one.reason, 300)}" for one in facts.missing]
    yield "Unknown", unknown


def _titled(title: str, facts: Facts, name: str) -> str:
    """``Backup · Azure Backup, read today at 3:49 AM``."""
    read_at = facts.read_at.get(name) or facts.gathered_at
    return f"{title} \u00b7 {SOURCES[name]}{f', read {when(read_at)}' if read_at else ''}"


def _caller(caller: Caller, history: History | None) -> Lines:
    mfa = {True: "Signed in with MFA", False: "Signed in *without MFA*", None: ""}[caller.mfa]
    return [
        f"{escape(caller.label, 150)} ({caller.kind})",
        f"E-mail {code(caller.email)}" if caller.email else "",
        f"Object id {code(caller.object_id)}" if caller.object_id else "",
        f"Client {escape(caller.client_app, 150)}" if caller.client_app else "",
        f"Request from {code(caller.ip, 60)}" if caller.ip else "Address unknown",
        f"Sign-in from {code(caller.signin_ip, 60)}" if caller.signin_ip else "",
        mfa,
        last_used(history).strip(),
    ]


def _permission(approval: Approval) -> Lines:
    event = approval.event
    allowed = f"Allowed by {role(event.access, event.vm)}" if event.access else "The event names no role"
    grants = [f"Has {grant(one, event.vm)}" for one in approval.facts.grants]
    return [allowed, *grants]


def _machine(machine: MachineFacts) -> Lines:
    power = "unknown" if machine.power is PowerState.UNKNOWN else str(machine.power)
    failed = machine.failed_extensions
    cost = machine.cost
    price = ""
    if cost is not None:
        price = (
            f"About ${cost.usd_per_hour:.2f} an hour: an estimate, the list price for Linux in"
            f" {escape(cost.region, 60)} of {escape(cost.as_of, 20)}, without disks, licences and discounts"
        )
    return [
        f"Power {power}",
        f"Size {code(machine.size)} in {code(machine.location)}",
        price,
        f"Image {code(machine.image, 200)}" if machine.image else "",
        f"System {escape(machine.os, 100)}" if machine.os else "",
        f"Zones {', '.join(code(one, 20) for one in machine.zones)}" if machine.zones else "",
        _of_set("Availability set", machine.availability_set_id),
        _of_set("Scale set", machine.scale_set_id),
        f"Managed identity: {escape(machine.identity or 'none', 100)}",
        f"Encryption at host {'on' if machine.host_encrypted else 'off'}",
        f"OS disk: {escape(machine.disk_encryption or 'Azure keys alone', 150)}",
        "Ephemeral OS disk" if machine.ephemeral else "",
        "" if failed is None else f"Failed extensions: {_codes(failed) or 'none'}",
    ]


def _of_set(what: str, resource_id: str | None) -> str:
    return f"{what} {code(resource_id.rpartition('/')[2])}" if resource_id else ""


def _tags(facts: Facts) -> Lines:
    found = (
        ("VM", facts.machine.tags if facts.machine else None),
        ("Resource group", facts.group_tags),
        ("Subscription", facts.subscription_tags),
    )
    return [f"{name}: {_pairs(tags)}" for name, tags in found if tags is not None]


def _pairs(tags: Mapping[str, str]) -> str:
    return ", ".join(f"{code(name, 60)} = {code(value, 80)}" for name, value in tags.items()) or "none"


def _network(network: NetworkFacts) -> Lines:
    lines = [
        f"{code(nic.name)}: {_codes((*nic.public_ips, *nic.private_ips)) or 'no address'}"
        for nic in network.nics
    ]
    opened = [
        f"Open to the Internet: {code(port.ports, 40)} {escape(port.protocol, 20)} at {code(port.nic)}"
        + (f" by rule {code(port.rule)} of {code(port.nsg.rpartition('/')[2])}" if port.rule else "")
        + (f" through {code(port.front.balancer)}" if port.front else "")
        for port in network.open_ports
    ]
    unknown = [f"Unknown: {escape(why, 150)}" for why in network.unknown]
    return [*lines, *(opened or ([] if unknown else ["Nothing is open to the Internet"])), *unknown]


def _defender(found: DefenderFacts) -> Lines:
    plan = found.subscription_plan
    plans = {None: "Plan of the subscription unknown", "": "Defender for Servers is off in the subscription"}
    alerts = [
        f"Alert ({one.severity}): {escape(one.name, 200)}{f', {when(one.at)}' if one.at else ''}"
        for one in found.alerts
    ]
    advice = [
        f"Recommendation ({one.severity}): {escape(one.name, 200)}. {escape(one.remedy, 200)}".rstrip(" .")
        for one in found.recommendations
    ]
    more = found.alert_count - len(alerts), found.recommendation_count - len(advice)
    return [
        vm_plan(found)
        if found.vm_plan is not None
        else plans.get(plan) or f"The subscription has Defender for Servers {escape(plan or '', 20)}",
        *(alerts or ["No open alert"]),
        f"and {counted(more[0], 'more alert')}" if more[0] > 0 else "",
        *(advice or ["No open recommendation"]),
        f"and {counted(more[1], 'more recommendation')}" if more[1] > 0 else "",
    ]


def _history(past: History) -> Lines:
    answers = f"{past.confirmed} confirmed, {past.rejected} rejected, {past.silent} without answer"
    caller_days = counted(past.caller_days, "day")
    vm_days, callers = counted(past.vm_days, "day"), counted(past.callers, "caller")
    return [
        f"{counted(past.vm_starts, 'earlier start')} of this VM on {vm_days}, by {callers}",
        f"{past.by_caller} of them by this caller",
        f"Answers: {answers}, {past.passed} passed",
        f"Usually answered by {escape(past.usual_answerer, 80)}" if past.usual_answerer else "",
        f"Last rejected {when(past.rejected_at)}" if past.rejected_at else "",
        f"{counted(past.caller_starts, 'earlier start')} by this caller on {caller_days}",
        *(f"From {code(one.what, 60)} on {counted(one.days, 'day')}" for one in past.networks),
        f"{counted(past.recent_vms, 'VM')} within minutes, with this one",
    ]


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(code(one, 80) for one in texts)
