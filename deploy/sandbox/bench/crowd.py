"""Many owners with many machines, and the start events that Event Grid would send about them."""

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import yaml
from azure.servicebus import ServiceBusMessage

from deploy.sandbox.azure.events import Started
from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.messages import messages
from deploy.sandbox.azure.model import VM
from deploy.sandbox.world import NicSeed, Person, Principal, VmSeed, World

OWNERS = 200
CALLERS = ("nightly", "intruder", "colin")
_GROUP_SIZE = 25


class Start(NamedTuple):
    """One start of one machine; ``correlation_id`` tells it from the machine's other starts."""

    vm: str
    vm_id: str
    correlation_id: str


class Crowd:
    """The world of the bench: the sandbox's own, with owners and machines added.

    Args:
        vms: how many machines; machine ``n`` belongs to owner ``n % OWNERS``.
    """

    def __init__(self, vms: int) -> None:
        base = World.load()
        people = [
            Person(
                key=f"owner{n:03}",
                slack=f"U0BENCH{n:03}",
                email=f"owner{n:03}@contoso.example",
                name=f"Owner {n}",
            )
            for n in range(OWNERS)
        ]
        seeds = [
            VmSeed(
                name=f"bench-{n:05}",
                group=f"rg-bench-{n // _GROUP_SIZE:03}",
                power="running",
                tags={"owner": people[n % OWNERS].email, "env": "prod"},
                nics=[NicSeed(open=["22"])],
            )
            for n in range(vms)
        ]
        self.world = base.model_copy(update={"people": [*base.people, *people], "vms": [*base.vms, *seeds]})
        subscription = self.world.subscriptions[0].id
        self.names = [seed.name for seed in seeds]
        self._ids = {seed.name: arm_id(subscription, seed.group, VM, seed.name) for seed in seeds}

    def write(self, path: Path) -> Path:
        """The world as a file for the stand-ins."""
        path.write_text(yaml.safe_dump(self.world.model_dump(mode="json")), encoding="utf-8")
        return path

    def starts(self, names: Iterable[str]) -> list[Start]:
        """A fresh start of each of these machines."""
        return [Start(name, self._ids[name], str(uuid.uuid4())) for name in names]

    def message(self, start: Start, caller: str, *, succeeded: bool = True) -> ServiceBusMessage:
        """One telling of a start: another telling of it has another message id, as Azure's have."""
        principal: Principal = self.world.principal(caller)
        (told,) = messages(
            Started(
                resource_id=start.vm_id,
                principal=principal,
                tenant=self.world.tenant,
                correlation_id=start.correlation_id,
                succeeded=succeeded,
            )
        )
        return ServiceBusMessage(told.body, message_id=told.message_id, content_type="application/json")

    def told(self, starts: Iterable[Start], *, succeeded: bool = True) -> list[ServiceBusMessage]:
        """One telling of each, by the callers in turn."""
        return [
            self.message(start, CALLERS[n % len(CALLERS)], succeeded=succeeded)
            for n, start in enumerate(starts)
        ]
