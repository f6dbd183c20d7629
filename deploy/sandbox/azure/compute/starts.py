"""Starting a machine: the operation, and the event that tells the world about it."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.compute.disks import note_ownership
from deploy.sandbox.azure.delivery import Outbox
from deploy.sandbox.azure.events import CLASSIC_START, START, Schema, Started
from deploy.sandbox.azure.front.routing import Call
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.messages import messages
from deploy.sandbox.azure.model import Estate, Vm
from deploy.sandbox.azure.operations import Operation
from deploy.sandbox.world import Principal

START_S = 15.0
ALREADY_S = 1.0
"""Seconds that Azure takes to find that there is nothing to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class How:
    """How a start is reported.

    Attributes:
        schema: the shape of the event.
        array: wrap it in an array.
        deliveries: how often each message is delivered, with the same message id.
        delay_s: seconds between the end of the operation and the event.
        fail: the machine does not start.
        operation: the action's name, if it is to be spelled otherwise.
    """

    schema: Schema = "eventgrid"
    array: bool = False
    deliveries: int = 1
    delay_s: float = 0.0
    fail: bool = False
    operation: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Who wants it: what the event will say about the request."""

    principal: Principal
    correlation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    client_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @classmethod
    def of(cls, call: Call) -> Self:
        """The request that a call to ARM makes."""
        return cls(
            principal=call.caller,
            correlation_id=call.correlation_id,
            client_request_id=call.client_request_id,
        )


class Starter:
    """Starts machines and publishes that they were started.

    Args:
        ended: told of each start that has ended.
    """

    def __init__(
        self, *, estate: Estate, locks: Locks, lro: Lro, outbox: Outbox, ended: Callable[[Started], None]
    ) -> None:
        self._estate = estate
        self._locks = locks
        self._lro = lro
        self._outbox = outbox
        self._ended = ended

    def start(self, vm: Vm, request: Request, how: How | None = None) -> Operation:
        """Begin the operation; the event follows when it has ended.

        Raises:
            ArmError: 409, ``ScopeLocked`` by a ReadOnly lock, or ``OperationNotAllowed`` while another
                operation holds the machine.
        """
        how = how or How()
        self._check(vm)
        before = vm.power
        seconds = ALREADY_S if before == "running" and not how.fail else START_S
        make = self._lro.classic if vm.classic else self._lro.compute
        operation = make("start", vm.id, vm.location, seconds)
        if how.fail:
            operation.failure = (
                "AllocationFailed",
                "Allocation failed. There is not sufficient capacity for this VM size in the region.",
            )
        if before != "running":
            vm.power = "starting"

        def done() -> None:
            self._runs(vm)
            self.publish(vm, request, how, operation)

        def failed() -> None:
            vm.power = before
            self.publish(vm, request, how, operation)

        return self._lro.operations.begin(operation, done, failed=failed)

    def start_now(self, vm: Vm, request: Request, how: How) -> list[asyncio.Task[float]]:
        """The machine runs at once and the event goes out at once, without an operation in between.

        Raises:
            ArmError: as ``start``.
        """
        self._check(vm)
        if not how.fail:
            self._runs(vm)
        return self.publish(vm, request, how, None)

    def _runs(self, vm: Vm) -> None:
        if vm.power != "running":
            vm.power = "running"
            note_ownership(self._estate, vm)

    def _check(self, vm: Vm) -> None:
        self._locks.check_write(vm.id, f"{vm.kind}/start/action")
        self._lro.operations.check_free(vm.id, "OperationNotAllowed")

    def publish(
        self, vm: Vm, request: Request, how: How, operation: Operation | None
    ) -> list[asyncio.Task[float]]:
        """Hand the messages of a start to the outbox."""
        now = datetime.now(UTC)
        started = Started(
            resource_id=vm.id,
            principal=request.principal,
            tenant=self._estate.tenant,
            correlation_id=request.correlation_id,
            operation_id=operation.id if operation else str(uuid.uuid4()),
            client_request_id=request.client_request_id,
            event_id=request.event_id,
            operation=how.operation or (CLASSIC_START if vm.classic else START),
            begun_at=operation.started_at if operation else now,
            ended_at=now,
            succeeded=not how.fail if operation is None else operation.status == "Succeeded",
        )
        self._ended(started)
        return [
            self._outbox.post(
                message.delivery(count),
                delay_s=how.delay_s,
                vm_id=vm.id,
                principal=request.principal.key,
                correlation_id=request.correlation_id,
                schema=how.schema,
                succeeded=started.succeeded,
            )
            for message in messages(started, how.schema, array=how.array)
            for count in range(how.deliveries)
        ]
