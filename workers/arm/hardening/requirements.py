"""The one list of what a VM needs. `startgate vm check` holds a VM against it, and so does `vm create`."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from workers.arm.hardening.seen import Seen, Unread
from workers.arm.ids import name_of
from workers.arm.read.machine import TRUSTED
from workers.domain.containment.plans import StepName
from workers.domain.starts.owners.owner_tags import owner_from_tags

MANAGEMENT_PORTS = {22: "SSH", 3389: "RDP", 5985: "WinRM", 5986: "WinRM over TLS"}
_TRUSTED = frozenset(kind.lower() for kind in TRUSTED)


class State(StrEnum):
    """How a VM stands to a requirement."""

    OK = "ok"
    LACKS = "lacks"
    UNKNOWN = "unknown"


class Verdict(NamedTuple):
    """What was found.

    Attributes:
        said: what is there, or what is missing, or why it is not known.
        nic: the id of the network interface that it is about, if it is about one.
    """

    state: State
    said: str
    nic: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """One thing that a VM needs.

    Attributes:
        name: unique, for machines.
        title: for people, two or three words.
        judge: holds a VM against it.
        step: the step of a containment that supplies it, if there is one.
        command: what supplies it by hand; may name ``{subscription}``, ``{resource_group}``, ``{name}``,
            ``{id}`` and ``{nic}``. Words in capitals are for whoever types it to fill in.
        first: what has to be done before that, for people.
    """

    name: str
    title: str
    judge: Callable[[Seen], Verdict]
    step: str = ""
    command: str
    first: str = ""


def _ok(said: str) -> Verdict:
    return Verdict(State.OK, said)


def _lacks(said: str, nic: str = "") -> Verdict:
    return Verdict(State.LACKS, said, nic)


def _unknown(said: str) -> Verdict:
    return Verdict(State.UNKNOWN, said)


def _owner(seen: Seen) -> Verdict:
    owner = owner_from_tags(dict(seen.machine.get("tags") or {}), seen.owner_tags, tags_known=True)
    named = ", ".join((*owner.emails, *owner.slack_users))
    return _ok(f"{named} ({owner.source})") if named else _lacks(owner.source)


def _security_group(seen: Seen) -> Verdict:
    network = seen.facts.network
    if network is None or seen.why_missing("NIC", "subnet"):
        return _unknown(seen.why_missing("NIC", "subnet", "machine") or "the network could not be read")
    for nic in network.nics:
        if not (nic.nsg_id or nic.subnet_nsg_id):
            return _lacks(f"{nic.name} has none, and neither has its subnet", nic.id)
    names = dict.fromkeys(name_of(nic.nsg_id or nic.subnet_nsg_id) for nic in network.nics)
    return _ok(", ".join(names) or "no network interface")


def _no_public_ip(seen: Seen) -> Verdict:
    network = seen.facts.network
    if network is None or seen.why_missing("NIC"):
        return _unknown(seen.why_missing("NIC", "machine") or "the network could not be read")
    for nic in network.nics:
        if nic.public_ips:
            return _lacks(f"{nic.name} has {', '.join(nic.public_ips)}", nic.id)
    if why := seen.why_missing("public IP"):
        return _unknown(why)
    return _ok("none of its own")


def _management_ports(seen: Seen) -> Verdict:
    network = seen.facts.network
    if network is None:
        return _unknown(seen.why_missing("NIC", "machine") or "the network could not be read")
    for port in network.open_ports:
        reached = [known for known in MANAGEMENT_PORTS if _covers(port.ports, known)]
        if reached and port.protocol.lower() in ("tcp", "*"):
            named = ", ".join(f"{known} ({MANAGEMENT_PORTS[known]})" for known in reached)
            return _lacks(f"open to the Internet: {named}, by the rule {port.rule or 'none'}")
    if why := "; ".join(network.unknown) or seen.why_missing("NIC", "NSG", "subnet", "load balancer"):
        return _unknown(why)
    guarded = seen.just_in_time is True
    return _ok("closed, just-in-time access is set up" if guarded else "closed to the Internet")


def _covers(ports: str, wanted: int) -> bool:
    if ports == "*":
        return True
    low, _, high = ports.partition("-")
    return int(low) <= wanted <= int(high or low)


def _encryption(seen: Seen) -> Verdict:
    on = seen.security.get("encryptionAtHost") is True
    return _ok("on") if on else _lacks("off")


def _trusted_launch(seen: Seen) -> Verdict:
    kind = str(seen.security.get("securityType") or "Standard")
    firmware = seen.security.get("uefiSettings") or {}
    if kind.lower() not in _TRUSTED:
        return _lacks(f"its security type is {kind}")
    off = [
        said
        for key, said in (("secureBootEnabled", "secure boot"), ("vTpmEnabled", "vTPM"))
        if not firmware.get(key)
    ]
    return _lacks(f"{' and '.join(off)} off") if off else _ok(f"{kind}, with secure boot and vTPM")


def _identity(seen: Seen) -> Verdict:
    kind = str((seen.machine.get("identity") or {}).get("type") or "None")
    return _lacks("none") if kind.lower() == "none" else _ok(kind)


def _backup(seen: Seen) -> Verdict:
    found = seen.facts.backup
    if found is None:
        return _unknown(seen.why_missing("backup", "machine") or "the backup status could not be read")
    if not found.protected:
        return _lacks(found.state or "not protected by Azure Backup")
    return _ok(", ".join(filter(None, (f"vault {name_of(found.vault_id)}", found.state))))


def _defender(seen: Seen) -> Verdict:
    if isinstance(seen.plan, Unread):
        return _unknown(seen.plan.why)
    return _ok(seen.plan.words) if seen.plan.on else _lacks("off")


def _boot_diagnostics(seen: Seen) -> Verdict:
    given = (seen.properties.get("diagnosticsProfile") or {}).get("bootDiagnostics") or {}
    if given.get("enabled") is not True:
        return _lacks("off")
    return _ok("on, in the storage of " + ("its own account" if given.get("storageUri") else "Azure"))


_VM = "--subscription {subscription} --resource-group {resource_group} --name {name}"
_DEALLOCATED = "the VM has to be deallocated first"

REQUIREMENTS: tuple[Requirement, ...] = (
    Requirement(
        name="owner",
        title="owner tag",
        judge=_owner,
        command="az tag update --operation merge --resource-id {id} --tags owner=ADDRESS",
    ),
    Requirement(
        name="security-group",
        title="security group",
        judge=_security_group,
        command="az network nic update --ids {nic} --network-security-group NSG",
    ),
    Requirement(
        name="public-ip",
        title="no public IP",
        judge=_no_public_ip,
        command="az network nic ip-config update --ids {nic}/ipConfigurations/NAME --remove publicIPAddress",
    ),
    Requirement(
        name="management-ports",
        title="management ports",
        judge=_management_ports,
        step="jit",
        command="az network nsg rule delete --subscription {subscription} --nsg-name NSG --name RULE "
        "--resource-group {resource_group}",
    ),
    Requirement(
        name="encryption-at-host",
        title="encryption at host",
        judge=_encryption,
        step="encrypt",
        command=f"az vm update {_VM} --set securityProfile.encryptionAtHost=true",
        first=_DEALLOCATED,
    ),
    Requirement(
        name="trusted-launch",
        title="trusted launch",
        judge=_trusted_launch,
        command=f"az vm update {_VM} --security-type TrustedLaunch --enable-secure-boot true "
        "--enable-vtpm true",
        first=f"{_DEALLOCATED}, and of generation 2",
    ),
    Requirement(
        name="identity", title="managed identity", judge=_identity, command=f"az vm identity assign {_VM}"
    ),
    Requirement(
        name="backup",
        title="backup",
        judge=_backup,
        step="backup",
        command="az backup protection enable-for-vm --subscription {subscription} --vm {id} "
        "--resource-group GROUP --vault-name VAULT --policy-name POLICY",
    ),
    Requirement(
        name="defender",
        title="Defender plan",
        judge=_defender,
        step="defender",
        command="startgate defender enable {subscription} --plan P1",
    ),
    Requirement(
        name="boot-diagnostics",
        title="boot diagnostics",
        judge=_boot_diagnostics,
        command=f"az vm boot-diagnostics enable {_VM}",
    ),
)
"""In the order in which people read them. A new one is an entry here."""


class Checked(NamedTuple):
    """A requirement, what was found, and what supplies it where it lacks."""

    requirement: Requirement
    verdict: Verdict
    supply: str


def check(seen: Seen) -> list[Checked]:
    """Hold a VM against every requirement."""
    return [Checked(one, verdict := one.judge(seen), _supply(one, verdict, seen)) for one in REQUIREMENTS]


def _supply(requirement: Requirement, verdict: Verdict, seen: Seen) -> str:
    """What to do, for people; empty where nothing lacks."""
    if verdict.state is not State.LACKS:
        return ""
    values = {
        "subscription": seen.vm.subscription_id,
        "resource_group": seen.vm.resource_group,
        "name": seen.vm.name,
        "id": seen.vm.resource_id,
        "nic": verdict.nic,
    }
    command = requirement.command.format_map({key: shlex.quote(value) for key, value in values.items()})
    by_hand = f"{command}" + (f" ({requirement.first})" if requirement.first else "")
    known = requirement.step in {step.value for step in StepName}
    return f"the step {requirement.step} of a containment, or: {by_hand}" if known else by_hand
