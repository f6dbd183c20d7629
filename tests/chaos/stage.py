"""Plays a plan on a running system: starts, clicks, commands, faults and kills, each at its time."""

import asyncio
import contextlib
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aiohttp

from deploy.sandbox.azure.events import CLASSIC_START, START, Started
from deploy.sandbox.azure.messages import Message, messages
from deploy.sandbox.client import ControlError
from deploy.sandbox.world import World
from tests.chaos import people
from tests.chaos.acting import Acting
from tests.chaos.evidence import StartFact, VmFact
from tests.chaos.plan import RoundPlan, StartPlan, VmPlan
from tests.chaos.system.ground import Ground
from workers.domain.ids import approval_id
from workers.domain.starts.events import Phase, StartEvent
from workers.domain.starts.vm import VmRef

_ACCEPTED_WITHIN_S = 30.0
_WORLD = World.load(people.WORLD)


class RoundStage:
    """One round under way.

    Attributes:
        vms: by index, as planned.
        starts: those that really happened, by index.
    """

    def __init__(self, ground: Ground, plan: RoundPlan) -> None:
        self._ground = ground
        self._plan = plan
        self.vms: list[VmFact] = []
        self.starts: dict[int, StartFact] = {}
        self.garbage: list[str] = []
        self.acting = Acting(ground, plan)

    async def play(self) -> None:
        """Everything, until the faults are over, all processes are back and everybody has acted."""
        for vm in self._plan.vms:
            self.vms.append(await self._make(vm))
        self.acting.begin(self.vms)
        begun = time.monotonic()

        async def at(at_s: float, doing: Any) -> None:
            await asyncio.sleep(max(0.0, begun + at_s - time.monotonic()))
            await doing

        plan, ground = self._plan, self._ground
        starts = [self._start(begun, index, start) for index, start in enumerate(plan.starts)]
        acts = [self.acting.perform(begun, act, self.starts) for act in plan.acts]
        garbage = [at(at_s, self._litter(index)) for index, at_s in enumerate(plan.garbage)]
        vanishing = [at(at_s, self._vanish(index)) for index, at_s in plan.deleted.items()]
        people_and_azure = asyncio.gather(*starts, *acts, *garbage, *vanishing)
        try:
            await asyncio.gather(
                *(at(trouble.at_s, ground.trouble(trouble)) for trouble in plan.troubles),
                *(at(kill.at_s, ground.kill(kill)) for kill in plan.kills),
                *((at(plan.failover.at_s, ground.fail_over(plan.failover)),) if plan.failover else ()),
                *((at(plan.rotation.at_s, ground.rotate(plan.rotation)),) if plan.rotation else ()),
            )
            await ground.mend()
            await people_and_azure
        except BaseException:
            people_and_azure.cancel()
            raise
        await self.acting.clear_away()

    async def _make(self, vm: VmPlan) -> VmFact:
        owners = frozenset(people.SLACK_OF[key] for key in vm.owners)
        if vm.ghost:
            kind = f"Microsoft.Compute/virtualMachines/{vm.name}"
            key = f"/subscriptions/{_WORLD.subscriptions[0].id}/resourceGroups/{vm.group}/providers/{kind}"
            return VmFact(key=key.lower(), name=vm.name, ghost=True)
        made = await self._ground.system.azure.post(
            "/_vm", name=vm.name, group=vm.group, tags=vm.tags, nics=list(vm.nics), classic=vm.classic
        )
        before = {nic["id"]: await self._ground.arm(nic["id"]) for nic in made["nics"]}
        return VmFact(
            key=made["id"].lower(), name=vm.name, owners=owners, classic=vm.classic, nics_before=before
        )

    async def _vanish(self, index: int) -> None:
        url = f"{self._ground.system.azure_url}/_vm"
        async with aiohttp.request("DELETE", url, json={"vm": self.vms[index].key}) as answer:
            self.vms[index].deleted = answer.ok

    async def _litter(self, index: int) -> None:
        message_id = f"garbage-{self._plan.seed}-{self._plan.number}-{index}"
        body = ("{}", "[]", "not JSON", '{"data": {"operationName": "Microsoft.Compute/disks/write"}}')
        await self._put(message_id, body[(self._plan.number + index) % len(body)])
        self.garbage.append(message_id)

    # Starts

    async def _start(self, begun: float, index: int, start: StartPlan) -> None:
        await asyncio.sleep(max(0.0, begun + start.at_s - time.monotonic()))
        vm, planned = self.vms[start.vm], self._plan.vms[start.vm]
        if vm.deleted:
            return
        fact = StartFact(
            vm=vm.key,
            correlation_id=start.correlation_id,
            approval_id=_approval_id(vm, start.correlation_id),
            caller=people.SLACK_OF.get(start.caller, ""),
            fails=start.fails,
        )
        if start.deliveries:
            await self._crafted(begun, index, start, fact, planned)
        else:
            await self._by_azure(index, start, fact)

    async def _by_azure(self, index: int, start: StartPlan, fact: StartFact) -> None:
        body: dict[str, Any] = {
            "vm": fact.vm,
            "as": start.caller,
            "correlation_id": start.correlation_id,
            "schema": start.schema,
            "array": start.array,
            "deliveries": start.repeat,
            "fail": start.fails,
            "immediate": True,
        }
        mark = self._ground.azure.mark
        try:
            await self._ground.system.azure.post("/_vm/start", **body)
        except ControlError:
            return  # Azure refuses: gone, or another operation holds the machine
        self.starts[index] = fact
        accepted = await self._ground.azure.until(
            lambda e: e["kind"] == "event" and e["correlation_id"] == start.correlation_id and e["accepted"],
            since=mark,
            within_s=_ACCEPTED_WITHIN_S,
        )
        fact.accepted = accepted is not None

    async def _crafted(self, begun: float, index: int, start: StartPlan, fact: StartFact, vm: VmPlan) -> None:
        """The messages one by one, as planned: in any order, some of them twice."""
        if not (start.fails or vm.ghost):
            try:
                await self._ground.system.azure.post("/_vm/stop", vm=fact.vm, power="running")
            except ControlError:
                return
        now = datetime.now(UTC)
        told = messages(
            Started(
                resource_id=fact.vm,
                principal=_WORLD.principal(start.caller),
                tenant=_WORLD.tenant,
                correlation_id=start.correlation_id,
                operation=CLASSIC_START if vm.classic else START,
                begun_at=now,
                ended_at=now,
                succeeded=not start.fails,
            ),
            start.schema,  # type: ignore[arg-type]  # a plan holds plain text
            array=start.array,
        )
        self.starts[index] = fact
        await asyncio.gather(
            *(self._deliver(begun, one.at_s, told[one.record % len(told)], fresh=one.fresh_id)
              for one in start.deliveries)
        )  # fmt: skip
        fact.accepted = True

    async def _deliver(self, begun: float, at_s: float, message: Message, *, fresh: bool) -> None:
        await asyncio.sleep(max(0.0, begun + at_s - time.monotonic()))
        message = replace(message, message_id=str(uuid.uuid4())) if fresh else message
        await self._put(message.message_id, message.body)

    async def _put(self, message_id: str, body: str) -> None:
        """Try until the bus has it, as Event Grid does."""
        deadline = time.monotonic() + _ACCEPTED_WITHIN_S
        while time.monotonic() < deadline:
            with contextlib.suppress(aiohttp.ClientError, ControlError, OSError):
                await self._ground.system.bus.post(
                    "/_queues/starts/messages", body=body, message_id=message_id
                )
                return
            await asyncio.sleep(0.2)
        raise TimeoutError(f"the bus does not take {message_id}")


def _approval_id(vm: VmFact, correlation_id: str) -> str:
    """The id that the product gives the approval of this start: to find its card, never to judge it."""
    event = StartEvent(
        vm=VmRef.parse(vm.key),
        operation=CLASSIC_START if vm.classic else START,
        phase=Phase.SUCCEEDED,
        at=datetime.now(UTC),
        correlation_id=correlation_id,
    )
    return approval_id(vm.key, event.dedupe_key)
