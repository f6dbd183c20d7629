"""The Azure stand-in as one server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from deploy.sandbox.azure.access.authorization import Permissions, RoleAssignments
from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.access.subscriptions import Subscriptions
from deploy.sandbox.azure.backup.items import Items
from deploy.sandbox.azure.backup.jobs import Jobs
from deploy.sandbox.azure.backup.protection import Protection
from deploy.sandbox.azure.backup.vaults import Vaults
from deploy.sandbox.azure.compute.availability import AvailabilitySets
from deploy.sandbox.azure.compute.births import Births
from deploy.sandbox.azure.compute.classic import ClassicMachines
from deploy.sandbox.azure.compute.disks import Disks
from deploy.sandbox.azure.compute.host_encryption import HostEncryption
from deploy.sandbox.azure.compute.machines import Machines
from deploy.sandbox.azure.compute.snapshots import Snapshots
from deploy.sandbox.azure.compute.starts import Starter
from deploy.sandbox.azure.control.backup import BackupControl
from deploy.sandbox.azure.control.defender import DefenderControl
from deploy.sandbox.azure.control.estate import Control
from deploy.sandbox.azure.control.state import State
from deploy.sandbox.azure.control.trouble import Trouble
from deploy.sandbox.azure.delivery import Nowhere, Outbox, Queue
from deploy.sandbox.azure.errors import refusal
from deploy.sandbox.azure.eventgrid.topics import EventTopics
from deploy.sandbox.azure.events import Started
from deploy.sandbox.azure.failures import Failures
from deploy.sandbox.azure.front.arm import Arm
from deploy.sandbox.azure.front.refusals import Refusals
from deploy.sandbox.azure.front.requests import recording
from deploy.sandbox.azure.front.routing import Router
from deploy.sandbox.azure.front.throttling import Throttle
from deploy.sandbox.azure.graph.resources import ResourceGraph, Rows
from deploy.sandbox.azure.graph.tables import tables
from deploy.sandbox.azure.hosting.providers import Providers
from deploy.sandbox.azure.hosting.servicebus import ServiceBusNamespaces
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import Estate, Vm
from deploy.sandbox.azure.monitor.activity_log import ActivityLog
from deploy.sandbox.azure.monitor.alarms import Alarms
from deploy.sandbox.azure.monitor.rules import Monitor
from deploy.sandbox.azure.monitor.workflows import Workflows
from deploy.sandbox.azure.network.bastions import Bastions
from deploy.sandbox.azure.network.interfaces import Interfaces
from deploy.sandbox.azure.network.loadbalancers import LoadBalancers
from deploy.sandbox.azure.network.made import MadeNetworks
from deploy.sandbox.azure.network.networks import Networks
from deploy.sandbox.azure.network.nsg import SecurityGroups
from deploy.sandbox.azure.operations import Operation, Operations
from deploy.sandbox.azure.security.findings import Findings
from deploy.sandbox.azure.security.jit import JitPolicies
from deploy.sandbox.azure.security.plans import Plans
from deploy.sandbox.azure.seed import seed_estate
from deploy.sandbox.faults import Faults
from deploy.sandbox.standin import StandIn
from deploy.sandbox.world import DEFAULT, World

TOKEN = "sandbox-arm-token"  # noqa: S105  # known to everybody: it opens a simulation on loopback


class AzureServer(StandIn):
    """ARM over HTTP on loopback, with start events on a queue.

    Args:
        port: the HTTP port; 0 takes a free one.
        queue: where start events go; without one they are only recorded.
        token: the bearer token that ARM calls need.
        world: people, principals and machines.
        speed: factor on the duration of every long-running operation.

    Attributes:
        routes: every request of ARM that it answers.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        queue: Queue | None = None,
        token: str = TOKEN,
        world: World | None = None,
        speed: float = 1.0,
    ) -> None:
        self.world = world or World.load(Path(DEFAULT))
        self.estate = Estate()
        self.faults = Faults(refusal)
        self.failures = Failures()
        self.refusals = Refusals(self.estate)
        self.operations = Operations(self._operation_changed, plan=self.failures.plan, speed=speed)
        self.throttle = Throttle()
        self.outbox = Outbox(queue or Nowhere(), self._record)
        lro = Lro(self.operations)
        locks = Locks(self.estate)
        self.alarms = Alarms(
            estate=self.estate, operations=self.operations, outbox=self.outbox, record=self._record
        )
        self.activity_log = ActivityLog()
        self.topics = EventTopics(self.estate)
        self.providers, self.namespaces = Providers(), ServiceBusNamespaces(self.estate)
        starter = Starter(
            estate=self.estate, locks=locks, lro=lro, outbox=self.outbox, ended=self._start_ended
        )
        workflows = Workflows(self.estate)
        jobs = Jobs(self.estate)
        self.items = Items(self.estate)
        self.host_encryption = HostEncryption(self.estate)
        self.permissions = Permissions(self.estate, self.world)
        self.plans = Plans(self.estate, locks)
        self.findings = Findings(self.estate)
        protection = Protection(estate=self.estate, locks=locks, lro=lro, jobs=jobs, items=self.items)
        vaults = Vaults(estate=self.estate, locks=locks, lro=lro)
        self.state = State(estate=self.estate, locks=locks, lro=lro, items=self.items)
        self.interfaces = Interfaces(estate=self.estate, locks=locks, lro=lro)
        self.bastions = Bastions(estate=self.estate, lro=lro)
        control = Control(
            interfaces=self.interfaces,
            estate=self.estate,
            world=self.world,
            state=self.state,
            starter=starter,
            operations=self.operations,
            changed=self._changed,
            reset=self.reset,
        )
        trouble = Trouble(
            operations=self.operations,
            failures=self.failures,
            refusals=self.refusals,
            throttle=self.throttle,
            changed=self._changed,
        )
        backup = BackupControl(estate=self.estate, items=self.items, vaults=vaults)
        machines = Machines(
            estate=self.estate, locks=locks, lro=lro, starter=starter, host_encryption=self.host_encryption
        )
        defender = DefenderControl(estate=self.estate, plans=self.plans, findings=self.findings)
        providers = (
            locks,
            Subscriptions(self.estate),
            Births(
                estate=self.estate,
                locks=locks,
                lro=lro,
                machines=machines,
                host_encryption=self.host_encryption,
            ),
            machines,
            self.host_encryption,
            self.interfaces,
            Networks(self.estate),
            MadeNetworks(estate=self.estate, locks=locks, lro=lro),
            LoadBalancers(self.estate),
            self.bastions,
            AvailabilitySets(self.estate),
            SecurityGroups(estate=self.estate, locks=locks, lro=lro),
            Disks(self.estate),
            Snapshots(estate=self.estate, locks=locks, lro=lro),
            protection,
            jobs,
            vaults,
            self.plans,
            JitPolicies(self.estate, locks, self.plans),
            ResourceGraph(self.estate, self._tables),
            Monitor(estate=self.estate, locks=locks),
            self.activity_log,
            self.topics,
            self.providers,
            self.namespaces,
            workflows,
            RoleAssignments(self.estate, self.world),
            self.permissions,
            ClassicMachines(estate=self.estate, locks=locks, lro=lro, starter=starter),
            lro,
        )
        self.routes = [route for provider in providers for route in provider.routes()]
        router = Router(self.routes)
        arm = Arm(
            estate=self.estate,
            world=self.world,
            router=router,
            throttle=self.throttle,
            refusals=self.refusals,
            locks=locks,
            token=token,
            accepted=self.alarms.accepted,
        )
        super().__init__("azure", port=port)
        self.app.middlewares.extend((recording(self.record), control.errors, self.faults.middleware))
        controls = (control, backup, defender, trouble, self.faults)
        self.app.add_routes([route for one in controls for route in one.routes()])
        self.app.add_routes(workflows.control_routes())
        self.app.router.add_route("*", "/{tail:.*}", arm.handle)
        self.app.on_cleanup.append(self._close)
        seed_estate(self.estate, self.world)

    def reset(self) -> None:
        """The estate of the world again, no operation running, no event on its way, nothing set to fail."""
        self.operations.clear()
        self.outbox.forget()
        self.faults.put()
        self.failures.put()
        self.refusals.put()
        self.throttle.clear()
        self.interfaces.losses.clear()
        self.items.clear()
        self.plans.failing.clear()
        self.bastions.clear()
        self.activity_log.clear()
        self.topics.clear()
        self.providers.lagging.clear()
        self.namespaces.clear()
        self.permissions.taken.clear()
        self.permissions.added.clear()
        self.host_encryption.states.clear()
        self.estate.clear()
        seed_estate(self.estate, self.world)

    async def _close(self, _app: web.Application) -> None:
        self.operations.clear()
        await self.outbox.close()

    @property
    def _tables(self) -> Mapping[str, Rows]:
        """Of Resource Graph."""
        return {"securityresources": self._security_rows, **tables(self.estate)}

    def _security_rows(self, subscription: str) -> list[dict[str, Any]]:
        return [self.plans.row(subscription), *self.findings.rows(subscription)]

    def _start_ended(self, start: Started) -> None:
        self.activity_log.note(start)
        self.alarms.fire(start)

    def _record(self, kind: str, **data: Any) -> None:
        self.record.add(kind, **data)

    def _changed(self, what: str, **data: Any) -> None:
        self.record.add("changed", what=what, **data)

    def _operation_changed(self, operation: Operation) -> None:
        """An operation began or ended: with the state of the machine it touches, if there is one."""
        self.alarms.ended(operation)
        target = self.estate.find(operation.target)
        if target is not None and not isinstance(target, Vm):
            owner = (target.properties.get("virtualMachine") or {}).get("id", "")
            target = self.estate.find(owner)
        self._changed(
            "operation",
            operation={
                "id": operation.id,
                "name": operation.name,
                "target": operation.target,
                "status": operation.status,
                "duration_s": round(operation.duration_s, 3),
                "error": operation.failure and operation.failure[0],
            },
            vm=self.state.vm(target) if isinstance(target, Vm) else None,
        )
