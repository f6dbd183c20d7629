"""Just-in-time access: an entry for the VM's management ports in the policy of its group and region.

Once restored, nobody reaches these ports before they have asked for it. It needs Defender for Servers Plan 2.

Others' entries are never replaced: the policy is read whole just before it is written, and written back with
one entry more, or one less. There is no entity tag to hold Azure to that. So two of our own writes in one
process take turns, and who lost an entry to another process finds out by the proof at the end.

Defender for Cloud then denies the ports in the VM's security groups. So the step waits for the isolation:
then these rules come into the lockdown NSG, and not into one that others look after.
Source: https://learn.microsoft.com/azure/defender-for-cloud/just-in-time-access-overview
"""

import asyncio
import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from weakref import WeakValueDictionary

from typing_extensions import override

from workers.arm.ids import ArmId, name_of, same
from workers.arm.read.defender.jit import entries, entry_of, find_policy, policies_in, policy_id_for
from workers.arm.read.defender.plans import plan_words, vm_plan
from workers.arm.read.machine import gone, read_machine_to_contain
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy, asking
from workers.domain.containment.containment import Progress, Step
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotFound
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef

PORTS = (22, 3389, 5985, 5986)
"""SSH, RDP and WinRM: what Defender for Cloud proposes.

Source: https://learn.microsoft.com/azure/defender-for-cloud/just-in-time-access-usage
"""
ACCESS = {"protocol": "*", "allowedSourceAddressPrefix": "*", "maxRequestAccessDuration": "PT3H"}
"""The rest of a port's entry, as proposed there: any address may be asked for, for three hours at most."""
NEEDED = "P2"
LOOK_S = 2.0
"""Seconds until the next look while somebody else writes the policy."""
_RECORDED = "recorded"
_LEFT = "left as it was before"


class Jit(StepRunner):
    """The ``StepRunner`` that puts a VM under just-in-time access."""

    name = StepName.JIT

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @override
    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        """Which ports; whether the VM has the plan that it takes is read when it begins."""
        if vm.classic:
            return _left_out(vm, _CLASSIC)
        known = facts.defender.plan if facts.defender else None
        if known not in (None, NEEDED):  # a VM can't have Plan 2 by itself
            has = "the VM" if facts.defender and facts.defender.vm_plan is not None else "its subscription"
            return _left_out(vm, _needs(f"{has} has {plan_words(known) if known else 'none'}"))
        return Change(
            summary=f"let people reach {_PORTS} only on request",
            details=(
                f"{vm.name}: entry in the just-in-time policy of {vm.resource_group}",
                "the Defender plan that it needs, and whether somebody made an entry: read when it begins",
            ),
        )

    @override
    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        """Find out how things are and record it, or write the entry if an earlier attempt has recorded it."""
        if vm.classic:
            return Progress(done=True, change=_left_out(vm, _CLASSIC))
        if earlier is not None and earlier.after:
            return await self._put(vm, earlier)
        machine = await read_machine_to_contain(self._azure, vm)
        try:
            plan = await vm_plan(self._azure, vm)
        except NotFound:
            raise gone(vm) from None
        if plan.sub_plan != NEEDED:
            return Progress(
                done=True, change=_left_out(vm, _needs(f"this VM has {plan.words if plan.on else 'none'}"))
            )
        location = str(machine["location"])
        policies = await policies_in(self._azure, vm.subscription_id, location)
        if theirs := _listing(policies, vm):
            return Progress(done=True, note=_THERE, change=_nothing(vm, theirs))
        policy_id = policy_id_for(vm, location)
        note = f"adding {_PORTS} to the just-in-time policy of {vm.resource_group}"
        change = _change(vm, policy_id, empty=_is_empty(policies, policy_id))
        return Progress.waiting(_RECORDED, 0, note, change)

    @override
    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        """Write what was recorded; once it was done, prove that it still holds."""
        if step.token and step.change is not None:
            return await self._put(vm, step.change)
        kept = step.change.kept if step.change else {}
        policies = await policies_in(self._azure, vm.subscription_id, str(kept.get("location")))
        if theirs := _listing(policies, vm):
            return Progress(done=True, note=f"listed by the policy {name_of(theirs)}, read back")
        return Progress(done=False, again=True, undone=True, note="no just-in-time policy lists the VM")

    @override
    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        """Take our entry out of the policy, and nobody else's."""
        change = step.change
        policy_id = str((change.after if change else {}).get("policy") or "")
        if change is None or not policy_id:
            return Progress(done=True, note=_LEFT)
        async with self._turn(policy_id):
            try:
                return await self._take_out(vm, change, policy_id)
            except Busy as busy:
                return Progress.waiting(step.token, LOOK_S, str(busy))

    async def _put(self, vm: VmRef, change: Change) -> Progress:
        policy_id = str(change.after["policy"])
        async with self._turn(policy_id):
            policy = await find_policy(self._azure, policy_id)
            entry = entry_of(policy, vm)
            if entry is not None and not _is_ours(entry):
                return Progress(done=True, note=_THERE, change=_nothing(vm, policy_id))
            if entry is None:
                try:
                    await self._write(policy_id, policy, [*entries(policy), _entry(vm)])
                except Busy as busy:
                    return Progress.waiting(_RECORDED, LOOK_S, str(busy), change)
                policy = await find_policy(self._azure, policy_id)
        if entry_of(policy, vm) is None:
            return Progress(done=False, again=True, note="the entry was written, but does not read back")
        others = len(entries(policy)) - 1
        beside = f", beside {others} other VM{'' if others == 1 else 's'}" if others else ""
        return Progress(done=True, note=f"{_PORTS} only on request, read back{beside}", change=change)

    async def _take_out(self, vm: VmRef, change: Change, policy_id: str) -> Progress:
        policy = await find_policy(self._azure, policy_id)
        entry = entry_of(policy, vm)
        if entry is None:
            return Progress(done=True, note="no longer in the just-in-time policy, read back")
        if not _is_ours(entry):
            said = "somebody changed its entry in the just-in-time policy since, and it is left as it is"
            return Progress(done=True, note=said)
        rest = [one for one in entries(policy) if one is not entry]
        if rest or change.before.get("empty"):
            await self._write(policy_id, policy, rest)
        else:
            await self._delete(policy_id)
        if entry_of(await find_policy(self._azure, policy_id), vm) is None:
            return Progress(done=True, note="its entry was taken out of the just-in-time policy, read back")
        return Progress.waiting("", LOOK_S, "its entry was taken out, but is still read")

    async def _write(
        self, policy_id: str, policy: Mapping[str, Any] | None, machines: list[Mapping[str, Any]]
    ) -> None:
        """The policy as it was read, with these machines."""
        where = ArmId.parse(policy_id)
        location, name = where.names
        properties = dict((policy or {}).get("properties") or {})
        properties.pop("provisioningState", None)
        body = {
            "kind": (policy or {}).get("kind") or "Basic",
            "properties": {**properties, "virtualMachines": machines},
        }
        async with asking(f"write the just-in-time policy {name} of {where.group}"):
            await self._azure.security(where.subscription_id).jit_network_access_policies.create_or_update(
                where.group, location, name, BytesIO(json.dumps(body).encode())
            )

    async def _delete(self, policy_id: str) -> None:
        where = ArmId.parse(policy_id)
        location, name = where.names
        async with asking(f"delete the just-in-time policy {name} of {where.group}"):
            await self._azure.security(where.subscription_id).jit_network_access_policies.delete(
                where.group, location, name
            )

    def _turn(self, policy_id: str) -> asyncio.Lock:
        """Held from reading a policy to writing it. Forgotten when nobody holds it."""
        return self._turns.setdefault(policy_id.lower(), asyncio.Lock())


_CLASSIC = "classic VMs are not supported by just-in-time access"
_PORTS = f"the ports {', '.join(map(str, PORTS[:-1]))} and {PORTS[-1]}"
_THERE = "somebody has put it under just-in-time access already; that entry is left alone"


def _needs(but: str) -> str:
    return f"Defender for Servers Plan 2 is needed for just-in-time access, and {but}"


def _entry(vm: VmRef) -> dict[str, Any]:
    return {"id": vm.resource_id, "ports": [{"number": number, **ACCESS} for number in PORTS]}


def _is_ours(entry: Mapping[str, Any]) -> bool:
    """Whether an entry has the ports that we write, and for each what we write."""
    ports = {port.get("number"): port for port in entry.get("ports") or ()}
    return set(ports) == set(PORTS) and all(
        str(port.get(key)).lower() == value.lower()
        for port in ports.values()
        for key, value in ACCESS.items()
    )


def _listing(policies: Mapping[str, tuple[str, ...]], vm: VmRef) -> str:
    """The id of the policy that lists a VM; empty if none does."""
    listed = (
        policy_id
        for policy_id, machines in policies.items()
        if any(same(one, vm.resource_id) for one in machines)
    )
    return next(listed, "")


def _is_empty(policies: Mapping[str, tuple[str, ...]], policy_id: str) -> bool:
    """Whether there is such a policy, and it lists no VM."""
    return any(same(one, policy_id) and not machines for one, machines in policies.items())


def _left_out(vm: VmRef, why: str) -> Change:
    return Change(summary=f"no just-in-time access for {vm.name}: {why}", skipped=why)


def _nothing(vm: VmRef, policy_id: str) -> Change:
    """Somebody else's entry. Without an *after*, an undo leaves it alone."""
    where = ArmId.parse(policy_id)
    return Change(
        summary="just-in-time access is on already",
        details=(f"{vm.name}: listed by the policy {where.name} of {where.group}, which is left alone",),
        nothing_to_do=True,
        kept={"location": where.names[0]},
        back=(f"{vm.name}: stays in the policy {where.name} of {where.group}, as before",),
    )


def _change(vm: VmRef, policy_id: str, *, empty: bool) -> Change:
    """``empty``: the policy was there before, without any VM; it is not deleted then."""
    return Change(
        summary=f"let people reach {_PORTS} only on request",
        details=(
            f"{vm.name}: in no just-in-time policy → in {name_of(policy_id)} of {vm.resource_group}",
            "Defender for Cloud then denies these ports in the VM's security groups",
        ),
        before={"empty": empty},
        after={"policy": policy_id, "ports": list(PORTS)},
        kept={"location": ArmId.parse(policy_id).names[0]},
        back=(f"{vm.name}: its entry is taken out of the just-in-time policy; others stay",),
    )


def runner(azure: Azure) -> StepRunner:
    """For ``step_runners``."""
    return Jit(azure)
