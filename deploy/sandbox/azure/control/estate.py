"""The ``/_…`` endpoints for what people do to the estate behind the product's back."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deploy.sandbox.azure.compute.disks import note_ownership
from deploy.sandbox.azure.compute.machines import remove_vm
from deploy.sandbox.azure.compute.starts import How, Request, Starter
from deploy.sandbox.azure.control.state import State
from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.events import Schema
from deploy.sandbox.azure.model import NIC, Estate, Vm
from deploy.sandbox.azure.network.balancer_seed import add_load_balancer
from deploy.sandbox.azure.network.interfaces import Interfaces
from deploy.sandbox.azure.network.nsg import nsg_of
from deploy.sandbox.azure.operations import Operations
from deploy.sandbox.azure.seed import add_vm
from deploy.sandbox.faults import Handler
from deploy.sandbox.world import LoadBalancerSeed, VmSeed, World

PUBLISH_WAIT_S = 5.0
"""Seconds that an immediate start waits for the bus before it answers without a time."""


class _Ask(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class _Reported(_Ask):
    by: str = Field(alias="as")
    correlation_id: str | None = None
    event_schema: Schema = Field(default="eventgrid", alias="schema")
    array: bool = False
    deliveries: int = Field(default=1, ge=1, le=100)
    delay_ms: float = Field(default=0, ge=0)
    fail: bool = False
    immediate: bool = False
    operation: str = ""


class StartAsk(_Reported):
    """Body of ``POST /_vm/start``."""

    vm: str


class StartManyAsk(_Reported):
    """Body of ``POST /_vm/start-many``; ``count`` takes the first machines that are not running."""

    count: int | None = Field(default=None, ge=1)
    vms: list[str] = []


class VmAsk(_Ask):
    """Body of ``POST /_vm/power``, of ``POST /_vm/stop`` and of ``DELETE /_vm``, which takes no ``power``.

    A VM that is set to *running* runs without any event: somebody started it behind the product's back.
    """

    vm: str
    power: Literal["stopped", "deallocated", "running"] = "deallocated"


class PrincipalAsk(_Ask):
    """Body of ``POST /_principals``: somebody new, who has the role and signs in the way of ``like``."""

    key: str
    email: str
    name: str
    like: str


class NicAsk(_Ask):
    """Body of ``PUT /_nic``: a name or id, the group it is to have, properties it is to have too."""

    nic: str
    nsg: str | None = None
    properties: dict[str, Any] = {}


class Control:
    """The control endpoints.

    Args:
        changed: ``changed(what, **data)`` puts a change into the record.
        reset: brings the seed back.
    """

    def __init__(
        self,
        *,
        estate: Estate,
        world: World,
        state: State,
        starter: Starter,
        interfaces: Interfaces,
        operations: Operations,
        changed: Callable[..., None],
        reset: Callable[[], None],
    ) -> None:
        self._estate = estate
        self._world = world
        self._state = state
        self._starter = starter
        self._interfaces = interfaces
        self._operations = operations
        self._changed = changed
        self._reset_all = reset

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_state", self._get_state),
            web.post("/_vm", self._create),
            web.delete("/_vm", self._delete),
            web.post("/_vm/start", self._start),
            web.post("/_vm/start-many", self._start_many),
            web.post("/_vm/stop", self._power),
            web.post("/_vm/power", self._power),
            web.put("/_nic", self._nic),
            web.post("/_principals", self._add_principal),
            web.get("/_lost", self._lost),
            web.post("/_load_balancer", self._balance),
            web.post("/_reset", self._reset),
        ]

    @web.middleware
    async def errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn what is wrong with a control request into a sentence."""
        if not request.path.startswith("/_"):
            return await handler(request)
        if "tail" in request.match_info:
            return web.json_response({"error": f"there is no {request.method} {request.path}"}, status=404)
        try:
            return await handler(request)
        except ValidationError as error:
            return web.json_response({"error": str(error)}, status=400)
        except (KeyError, ValueError) as error:
            return web.json_response({"error": str(error.args[0])}, status=400)
        except ArmError as error:
            return web.json_response(error.body(), status=error.status)

    async def _get_state(self, _request: web.Request) -> web.Response:
        return web.json_response(self._state.all())

    async def _add_principal(self, request: web.Request) -> web.Response:
        ask = PrincipalAsk.model_validate(await request.json())
        return web.json_response({"oid": self._world.add_principal(**ask.model_dump()).oid})

    async def _start(self, request: web.Request) -> web.Response:
        ask = StartAsk.model_validate(await request.json())
        return web.json_response(await self._start_one(self._find(ask.vm), ask))

    async def _start_many(self, request: web.Request) -> web.Response:
        ask = StartManyAsk.model_validate(await request.json())
        chosen = [self._find(name) for name in ask.vms]
        if ask.count is not None:
            idle = [vm for vm in self._estate.vms() if vm.power in ("deallocated", "stopped")]
            if len(idle) < ask.count:
                raise ValueError(f"only {len(idle)} machines are not running")
            chosen += idle[: ask.count]
        return web.json_response(await asyncio.gather(*(self._start_one(vm, ask) for vm in chosen)))

    async def _start_one(self, vm: Vm, ask: _Reported) -> dict[str, Any]:
        request = Request(principal=self._world.principal(ask.by))
        if ask.correlation_id:
            request = Request(principal=request.principal, correlation_id=ask.correlation_id)
        how = How(
            schema=ask.event_schema,
            array=ask.array,
            deliveries=ask.deliveries,
            delay_s=ask.delay_ms / 1000,
            fail=ask.fail,
            operation=ask.operation,
        )
        answer = {
            "vm_id": vm.id,
            "correlation_id": request.correlation_id,
            "event_ids": [request.event_id],
        }
        if not ask.immediate:
            return answer | {"operation_id": self._starter.start(vm, request, how).id}
        sending = self._starter.start_now(vm, request, how)
        self._vm_changed(vm)
        finished = (await asyncio.wait(sending, timeout=PUBLISH_WAIT_S))[0] if sending else set()
        times = [task.result() for task in finished if not task.cancelled()]
        return answer | {"published_at_ms": min(times, default=None)}

    async def _power(self, request: web.Request) -> web.Response:
        ask = VmAsk.model_validate(await request.json())
        vm = self._find(ask.vm)
        self._operations.check_free(vm.id, "OperationNotAllowed")
        before, vm.power = vm.power, ask.power
        if before != vm.power and "stopped" not in (before, vm.power):
            note_ownership(self._estate, vm)
        return self._vm_answer(vm)

    async def _create(self, request: web.Request) -> web.Response:
        vm = add_vm(self._estate, self._world, VmSeed.model_validate(await request.json()))
        return self._vm_answer(vm)

    async def _delete(self, request: web.Request) -> web.Response:
        vm = self._find(VmAsk.model_validate(await request.json()).vm)
        remove_vm(self._estate, vm)
        self._changed("vm deleted", vm_id=vm.id)
        return web.json_response({"vm_id": vm.id})

    async def _nic(self, request: web.Request) -> web.Response:
        ask = NicAsk.model_validate(await request.json())
        nics = [nic for nic in self._estate.of(NIC) if ask.nic.lower() in (nic.id.lower(), nic.name.lower())]
        if len(nics) != 1:
            raise ValueError(f"{len(nics)} interfaces are called {ask.nic!r}; give its id")
        nic = nics[0]
        nic.properties |= ask.properties
        if "nsg" in ask.model_fields_set and ask.nsg is None:
            nic.properties.pop("networkSecurityGroup", None)
        elif ask.nsg is not None:
            nic.properties["networkSecurityGroup"] = {"id": self._estate.get(ask.nsg).id}
        nic.touch()
        self._estate.add(nic)
        owner = self._estate.find((nic.properties.get("virtualMachine") or {}).get("id", ""))
        if isinstance(owner, Vm):
            self._vm_changed(owner)
        return web.json_response({"nic": nic.id, "nsg": nsg_of(nic) or None})

    async def _lost(self, _request: web.Request) -> web.Response:
        """The PUTs of interfaces that left out what can be written, or what only Azure writes."""
        return web.json_response([asdict(loss) for loss in self._interfaces.losses])

    async def _balance(self, request: web.Request) -> web.Response:
        seed = LoadBalancerSeed.model_validate(await request.json())
        return web.json_response({"id": add_load_balancer(self._estate, self._world, seed).id})

    async def _reset(self, _request: web.Request) -> web.Response:
        self._reset_all()
        self._changed("reset")
        return web.json_response({"reset": True})

    def _find(self, name: str) -> Vm:
        """The machine of this id, or of this name if only one has it."""
        found = [vm for vm in self._estate.vms() if name.lower() in (vm.id.lower(), vm.name.lower())]
        if len(found) != 1:
            raise ValueError(f"{len(found)} machines are called {name!r}; give its id")
        return found[0]

    def _vm_changed(self, vm: Vm) -> None:
        self._changed("vm", vm=self._state.vm(vm))

    def _vm_answer(self, vm: Vm) -> web.Response:
        self._vm_changed(vm)
        return web.json_response(self._state.vm(vm))
