"""S1: no write to Azure without a recorded right that is older than the write."""

from collections.abc import Iterator
from typing import NamedTuple

from tests.chaos.checks.reading import acted, began_ms, card_of, may, roots, user_of, vm_of, writes
from tests.chaos.evidence import Evidence, Json, Violation, VmFact

_ROUNDING_MS = 2.0
_NETWORK = "/providers/microsoft.network/"
_ALLOWED_WRITES = (
    ("PUT", "/providers/microsoft.network/networksecuritygroups/startgate-lockdown"),
    ("PUT", "/providers/microsoft.network/networkinterfaces/"),
    ("POST", "/deallocate"),
    ("POST", "/shutdown"),
)
"""What isolate and stop do; the chaos policy has no other step."""


class _Right(NamedTuple):
    at_ms: float
    network_only: bool


def writes_are_justified(evidence: Evidence) -> Iterator[Violation]:
    """Each write has a right; each right is somebody's who had it, and really used it."""
    for vm in evidence.vms:
        rights = list(_rights(evidence, vm))
        for write in writes(evidence, vm):
            yield from _judge(vm, write, [r for r in rights if isinstance(r, _Right)])
        yield from (r for r in rights if isinstance(r, Violation))
    groups = tuple(vm.key.partition("/providers/")[0] + "/" for vm in evidence.vms)
    for write in writes(evidence):
        if not write["path"].lower().startswith(groups):
            yield Violation(
                property="S1",
                expected="writes in the resource groups of this round's VMs only",
                found=f"{write['method']} {write['path']}",
            )


def _judge(vm: VmFact, write: Json, rights: list[_Right]) -> Iterator[Violation]:
    path, at_ms = write["path"].lower(), began_ms(write)
    older = [right for right in rights if right.at_ms <= at_ms + _ROUNDING_MS]
    if not older:
        yield Violation(
            property="S1",
            expected=f"a rejection, lockdown or silence on record before {vm.name} is written to",
            found=f"{write['method']} {write['path']} at {at_ms:.0f}; rights: {[r.at_ms for r in rights]}",
        )
    elif all(right.network_only for right in older) and _NETWORK not in path:
        yield Violation(
            property="S1",
            expected=f"silence only isolates {vm.name}, by the policy",
            found=f"{write['method']} {write['path']}",
        )
    if not any(write["method"] == method and part in path for method, part in _ALLOWED_WRITES):
        yield Violation(
            property="S1",
            expected="only what isolate and stop do",
            found=f"{write['method']} {write['path']}",
        )


def _rights(evidence: Evidence, vm: VmFact) -> Iterator[_Right | Violation]:
    for record in evidence.audited(vm.key, "approval.rejected"):
        who, start = user_of(record["by"]), evidence.start_of(record["about"])
        if not may(evidence, "reject", who, vm.key, start):
            yield _wrong(vm, record, "a rejection by somebody who may")
        elif not acted(evidence, who, "submit", vm.key):
            yield _wrong(vm, record, f"a rejection that {who} really submitted")
        else:
            yield _Right(record["at_ms"], network_only=False)
    for record in evidence.audited(vm.key, "lockdown.ordered", "lockdown.joined"):
        who = user_of(record["by"])
        if not may(evidence, "lockdown", who, vm.key, None):
            yield _wrong(vm, record, "a lockdown by on-call")
        elif not (acted(evidence, who, "lockdown", vm.key) or acted(evidence, who, "choose", vm.key)):
            yield _wrong(vm, record, f"a lockdown that {who} really ordered")
        elif record["kind"] == "lockdown.ordered":
            yield _Right(record["at_ms"], network_only=False)
    yield from _silence(evidence, vm)


def _silence(evidence: Evidence, vm: VmFact) -> Iterator[_Right | Violation]:
    for record in evidence.audited(vm.key, "approval.expired"):
        approval = evidence.approvals.get(record["about"], {})
        if not approval.get("containment_id"):
            continue
        if evidence.on_silence not in ("contain", "isolate"):
            yield _wrong(vm, record, f"no containment on silence, for the policy says {evidence.on_silence}")
            continue
        asked = [post["at_ms"] for post in roots(evidence) if card_of(post) == record["about"]]
        if not asked or min(asked) > record["at_ms"]:
            yield _wrong(vm, record, "silence counted only after the question was asked in Slack")
        else:
            yield _Right(record["at_ms"], network_only=evidence.on_silence == "isolate")
    for name, containment in evidence.containments.items():
        known = ("rejection", "lockdown", "silence")
        if vm_of(containment) == vm.key and containment["cause"]["kind"] not in known:
            yield Violation(property="S1", expected="a known cause", found=f"{name}: {containment['cause']}")


def _wrong(vm: VmFact, record: Json, expected: str) -> Violation:
    return Violation(property="S1", expected=f"{vm.name}: {expected}", found=str(record)[:600])
