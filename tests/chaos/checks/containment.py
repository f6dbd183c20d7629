"""S4 and S5: what was to be contained is, or on-call was called; and nothing else was changed."""

from collections.abc import Iterator
from typing import Any

from tests.chaos import people
from tests.chaos.checks.reading import shown, vm_of
from tests.chaos.evidence import Evidence, Json, Violation, VmFact

_LOCKDOWN = "/networksecuritygroups/startgate-lockdown-"


def contained_or_paged(evidence: Evidence) -> Iterator[Violation]:
    """S4, as Azure and Slack have it, whatever the documents say."""
    for name, approval in evidence.approvals.items():
        if approval["state"] == "REJECTED" and approval["containment_id"] not in evidence.containments:
            yield _s4(f"a containment of the rejected {name}", str(approval["containment_id"]))
    for record in evidence.audit:
        ordered = record["kind"] in ("lockdown.ordered", "lockdown.joined")
        if ordered and evidence.vm(record["vm"]) and record["about"] not in evidence.containments:
            yield _s4("a containment of every VM locked down", str(record)[:300])
    for name, containment in evidence.containments.items():
        vm = evidence.vm(vm_of(containment))
        if vm is None:
            continue
        if containment["state"] == "CONTAINED":
            yield from _holds(vm, name, containment)
        elif containment["state"] == "INCOMPLETE":
            yield from _paged(evidence, vm, name, containment)
        else:
            steps = [(step["name"], step["state"], step["note"]) for step in containment["steps"]]
            yield _s4(f"containment {name} CONTAINED or INCOMPLETE", f"{containment['state']}: {steps}")


def _holds(vm: VmFact, name: str, containment: Json) -> Iterator[Violation]:
    if vm.after is None:
        if not vm.deleted:
            yield _s4(f"{vm.name}, said to be contained, in Azure", "no such VM")
        return
    steps = containment["profile"]["steps"]
    if "stop" in steps and vm.after["power"] != "deallocated":
        yield _s4(f"{vm.name} deallocated, as {name} says", vm.after["power"])
    for nic in vm.after["nics"]:
        if "isolate" in steps and _LOCKDOWN not in (nic["nsg"] or "").lower():
            yield _s4(f"{nic['name']} with the lockdown NSG, as {name} says", str(nic["nsg"]))


def _paged(evidence: Evidence, vm: VmFact, name: str, containment: Json) -> Iterator[Violation]:
    """By a message of its own: an edit notifies nobody."""
    ended_ms = next(
        (
            record["at_ms"]
            for record in reversed(evidence.audit)
            if record["about"] == name and record["kind"] in ("containment.incomplete", "containment.refused")
        ),
        0,
    )
    calls = [
        entry
        for entry in evidence.slack
        if entry["kind"] == "posted"
        and entry["at_ms"] >= ended_ms
        and vm.name.partition("<")[0] in shown(entry)
        and any(m["kind"] == "usergroup" and m["id"] == people.ON_CALL_GROUP for m in entry["mentions"])
    ]
    if not calls:
        steps = [(step["name"], step["state"], step["note"]) for step in containment["steps"]]
        yield _s4(f"on-call mentioned for {vm.name}, which is INCOMPLETE", f"no message; steps: {steps}")


def only_the_nsg_changed(evidence: Evidence) -> Iterator[Violation]:
    """S5: the NICs before and after differ in that one property; without a containment in nothing."""
    contained = {vm_of(containment) for containment in evidence.containments.values()}
    for vm in evidence.vms:
        if vm.after is None:
            continue
        for nic_id, before in vm.nics_before.items():
            after = vm.nics_after.get(nic_id, {})
            if _rest_of(before) != _rest_of(after):
                yield _s5(f"{nic_id} as it was, but for its NSG", _difference(before, after))
            if vm.key not in contained and _nsg(before) != _nsg(after):
                yield _s5(f"{nic_id} untouched: {vm.name} was never to be contained", str(_nsg(after)))


def _rest_of(nic: Json) -> Json:
    properties = {
        key: value
        for key, value in nic.get("properties", {}).items()
        if key not in ("networkSecurityGroup", "provisioningState")
    }
    return {key: value for key, value in nic.items() if key != "etag"} | {
        "properties": _without_etags(properties)
    }


def _without_etags(node: Any) -> Any:
    """Azure gives the parts of a NIC its etag, too."""
    if isinstance(node, list):
        return [_without_etags(item) for item in node]
    if isinstance(node, dict):
        return {key: _without_etags(value) for key, value in node.items() if key != "etag"}
    return node


def _nsg(nic: Json) -> str:
    return str((nic.get("properties", {}).get("networkSecurityGroup") or {}).get("id", "")).lower()


def _difference(before: Json, after: Json) -> str:
    old, new = _rest_of(before), _rest_of(after)
    flat = {**{k: v for k, v in old.items() if k != "properties"}, **old["properties"]}
    now = {**{k: v for k, v in new.items() if k != "properties"}, **new["properties"]}
    changed = [key for key in {*flat, *now} if flat.get(key) != now.get(key)]
    return "; ".join(f"{key}: {flat.get(key)} → {now.get(key)}" for key in sorted(changed))[:600]


def _s4(expected: str, found: str) -> Violation:
    return Violation(property="S4", expected=expected, found=found)


def _s5(expected: str, found: str) -> Violation:
    return Violation(property="S5", expected=expected, found=found)
