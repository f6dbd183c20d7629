"""Many owners with many machines, and the start events that Event Grid would send about them."""

import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from azure.servicebus import ServiceBusMessage

from deploy.sandbox.azure.events import Started
from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.messages import messages
from deploy.sandbox.azure.model import VM
from deploy.sandbox.world import NicSeed, Person, Principal, VmSeed, World

OWNERS = 200
CALLERS = ("nightly", "intruder", "colin")
PASSED_CALLERS = ("scheduler",)
"""A rule of the bench's policy passes what it starts."""
_SCHEDULER = Principal(
    key="scheduler",
    kind="ServicePrincipal",
    oid="a0000000-0000-4000-8000-000000000008",
    name="office-hours",
    role="Virtual Machine Contributor",
    app_id="b0000000-0000-4000-8000-000000000008",
    ip="203.0.113.80",
)
_GROUP_SIZE = 25


class Start(NamedTuple):
    """One start of one machine; ``correlation_id`` and time tell it from the machine's other starts."""

    vm: str
    vm_id: str
    correlation_id: str
    at: datetime


class Crowd:
    """The world of the bench: the sandbox's own, with owners and machines added.

    Args:
        vms: how many machines; machine ``n`` belongs to owner ``n % OWNERS``.

    Attributes:
        ids: their resource ids, by name.
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
        self.world = base.model_copy(
            update={
                "people": [*base.people, *people],
                "principals": [*base.principals, _SCHEDULER],
                "vms": [*base.vms, *seeds],
            }
        )
        subscription = self.world.subscriptions[0].id
        self.names = [seed.name for seed in seeds]
        self.ids = {seed.name: arm_id(subscription, seed.group, VM, seed.name) for seed in seeds}

    def write(self, path: Path) -> Path:
        """The world as a file for the stand-ins."""
        path.write_text(json.dumps(self.world.model_dump(mode="json")), encoding="utf-8")  # YAML, too
        return path

    def starts(self, names: Iterable[str]) -> list[Start]:
        """A fresh start of each of these machines."""
        now = datetime.now(UTC)
        return [Start(name, self.ids[name], str(uuid.uuid4()), now) for name in names]

    def message(self, start: Start, caller: str, *, succeeded: bool = True) -> ServiceBusMessage:
        """One telling of a start: another telling of it has another message id, as Azure's have."""
        principal: Principal = self.world.principal(caller)
        (told,) = messages(
            Started(
                resource_id=start.vm_id,
                principal=principal,
                tenant=self.world.tenant,
                correlation_id=start.correlation_id,
                begun_at=start.at,
                ended_at=start.at,
                succeeded=succeeded,
            )
        )
        return ServiceBusMessage(told.body, message_id=told.message_id, content_type="application/json")

    def told(
        self, starts: Iterable[Start], *, by: Sequence[str] = CALLERS, succeeded: bool = True
    ) -> list[ServiceBusMessage]:
        """One telling of each, by these callers in turn."""
        return [self.message(start, by[n % len(by)], succeeded=succeeded) for n, start in enumerate(starts)]


def resent(messages: Sequence[ServiceBusMessage], count: int) -> list[ServiceBusMessage]:
    """So many messages with these bodies in turn, each under an id of its own."""
    bodies = [b"".join(message.body) for message in messages]
    return [
        ServiceBusMessage(
            bodies[n % len(bodies)], message_id=str(uuid.uuid4()), content_type="application/json"
        )
        for n in range(count)
    ]
