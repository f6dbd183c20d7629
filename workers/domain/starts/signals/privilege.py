"""What is set wider than it needs to be: rights, ports, and what would be lost without a backup."""

import re
from datetime import timedelta

from workers.domain.starts.facts import ASSIGNMENTS
from workers.domain.starts.signals.signal import (
    Fine,
    Found,
    Seen,
    Sight,
    SignalSpec,
    Threat,
    Unseen,
    said,
    utc,
)
from workers.domain.starts.vm import OpenPort

_WIDE_ROLES = frozenset({"owner", "contributor", "user access administrator"})
_SUBSCRIPTION = re.compile(r"/subscriptions/[^/]+", re.IGNORECASE)
_MANAGEMENT_GROUP = re.compile(r"/providers/microsoft\.management/managementgroups/[^/]+", re.IGNORECASE)
_MANAGEMENT_PORTS = {22: "SSH", 3389: "RDP", 5985: "WinRM", 5986: "WinRM over TLS"}


def _wide_role(sight: Sight) -> Seen:
    access = sight.event.access
    if access is None:
        return _wide_by_assignments(sight)
    where = _wide(access.scope)
    if access.role.strip().lower() in _WIDE_ROLES and where:
        enough = "Virtual Machine Contributor on this VM is enough for it"
        return Found(f"the role {said(access.role)} on {where} allowed it; {enough}")
    return Fine(f"the role {said(access.role)} is no wider than usual")


def _wide_by_assignments(sight: Sight) -> Seen:
    """As above where the event does not say: by the caller's role assignments, as Azure lists them."""
    if not sight.facts.grants:
        late = any(fact.name == ASSIGNMENTS for fact in sight.facts.missing)
        return Unseen("which role allowed the start", readable=late)
    for grant in sight.facts.grants:
        where = _wide(grant.scope or "/")
        if grant.role.strip().lower() in _WIDE_ROLES and where:
            enough = "Virtual Machine Contributor on this VM is enough for it"
            return Found(f"the caller has the role {said(grant.role)} on {where}; {enough}")
    return Fine("the caller has no role that is wider than usual")


def _fresh_right(sight: Sight) -> Seen:
    """Only what was there when the VM was started counts, and what may have allowed it."""
    if any(fact.name == ASSIGNMENTS for fact in sight.facts.missing):
        return Unseen("how long the caller has had the right")
    at = sight.event.at
    grants = [
        (grant.granted_at, grant)
        for grant in sight.facts.grants
        if grant.granted_at is not None and grant.granted_at <= at
    ]
    if not grants:
        return None  # nobody could be asked about, or the right comes from elsewhere
    granted_at, newest = max(grants, key=lambda one: one[0])
    if at - granted_at > timedelta(hours=sight.settings.granted_hours):
        return Fine(f"the caller's newest right here was given {utc(granted_at)}")
    return Found(
        f"the caller was given the role {said(newest.role)} {utc(granted_at)}, shortly before the start"
    )


def _wide(scope: str) -> str:
    """A scope that holds more than one resource group, in words; empty if it does not."""
    text = scope.strip()
    if not text:
        return ""
    if not text.rstrip("/"):
        return "the whole tenant"
    if _MANAGEMENT_GROUP.fullmatch(text.rstrip("/")):
        return "a management group"
    return "the whole subscription" if _SUBSCRIPTION.fullmatch(text.rstrip("/")) else ""


def _open_port(sight: Sight) -> Seen:
    network = sight.facts.network
    if network is None:
        return Unseen("what is open to the Internet")
    for port in network.open_ports:
        if service := _management(port):
            rule = f" by rule {said(port.rule)}" if port.rule else ""
            return Found(f"the Internet reaches this VM's {service}{rule}")
    if network.unknown:
        return Unseen("what else is open to the Internet")
    return Fine("no management port is open to the Internet")


def _management(port: OpenPort) -> str:
    """``SSH (port 22)``; empty if no management port is in it."""
    if port.protocol.lower() not in ("*", "tcp"):
        return ""
    low, _, high = ("0-65535" if port.ports.strip() in ("", "*") else port.ports).partition("-")
    try:
        first, last = int(low), int(high or low)
    except ValueError:
        return ""
    found = [(number, name) for number, name in _MANAGEMENT_PORTS.items() if first <= number <= last]
    return f"{found[0][1]} (port {found[0][0]})" if found else ""


def _no_nsg(sight: Sight) -> Seen:
    network = sight.facts.network
    if network is None:
        return Unseen("the VM's network security groups")
    bare = [nic for nic in network.nics if nic.nsg_id is None and nic.subnet_nsg_id is None]
    if not bare:
        return Fine("every NIC has a network security group") if network.nics else None
    return Found(f"the NIC {said(bare[0].name)} has no network security group, nor has its subnet")


def _no_backup(sight: Sight) -> Seen:
    if sight.event.vm.classic:
        return None  # Azure Backup does not protect them
    backup = sight.facts.backup
    if backup is None:
        return Unseen("whether the VM is backed up")
    return Fine("the VM is backed up") if backup.protected else Found("this VM has no backup in Azure Backup")


SIGNALS = (
    SignalSpec("role-too-wide", Threat.MISCONFIGURED, 10, _wide_role),
    SignalSpec("fresh-right", Threat.MALICIOUS, 30, _fresh_right),
    SignalSpec("management-port-open", Threat.MISCONFIGURED, 10, _open_port),
    SignalSpec("no-nsg", Threat.MISCONFIGURED, 10, _no_nsg),
    SignalSpec("no-backup", Threat.MISCONFIGURED, 5, _no_backup),
)
