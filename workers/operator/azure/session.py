"""What the commands about Azure share: clients by the environment's settings, subscriptions by name."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from workers.arm.read.subscriptions.inventory import READABLE
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.domain.audit import AuditRecord
from workers.domain.errors import NotFound
from workers.domain.ids import partition_of_vm
from workers.domain.ports.clock import SystemClock
from workers.domain.ports.store import Commit
from workers.operator.session import UNREACHABLE, fail, operator, session
from workers.runtime.environment import read_environment
from workers.settings import WorkersSettings
from workers.store.connection import connect
from workers.store.redis_store import RedisStore
from workers.use_cases.containment.brakes import Brakes
from workers.use_cases.read_policy import read_policy


class Subscription(NamedTuple):
    """One that this identity sees."""

    id: str
    name: str

    def __str__(self) -> str:
        """Name and id."""
        return f"{self.name} ({self.id})"


@contextlib.asynccontextmanager
async def connected_azure() -> AsyncIterator[Azure]:
    """The clients of Azure, with the identity of the settings; closed at the end.

    A pause holds for these commands, too, and so does a policy that only observes: they ask Redis and read
    the policy right before they change anything, and only then. Where Redis does not answer, nothing is
    changed: nobody knows then whether it is paused.
    """
    settings = read_environment(WorkersSettings)
    try:
        redis = connect(settings.redis_url)
        azure = Azure(
            settings.arm_endpoint,
            settings.arm_scope,
            settings.arm_token,
            settings.identity,
            may_write=Brakes(
                store=RedisStore(redis),
                clock=SystemClock(),
                observes=lambda: read_policy(settings.policy).observes,
            ).may_write,
        )
    except ValueError as error:
        fail(UNREACHABLE, str(error))
    async with redis, azure:
        yield azure


async def note(kind: str, about: str, **details: object) -> None:
    """Put into the audit what was changed in Azure, and who typed it.

    Args:
        kind: past tense, such as ``alerts.applied``.
        about: the id of the VM or of the subscription, in any case.
        details: JSON-ready.

    Raises:
        DependencyAway: the store does not answer.
    """
    async with session() as opened:
        record = AuditRecord(
            kind=kind, at=opened.clock.now(), vm=about.lower(), by=operator(), details=dict(details)
        )
        await opened.store.commit(Commit(partition=partition_of_vm(about.lower()), audit=(record,)))


async def subscriptions(azure: Azure, wanted: Sequence[str] = ()) -> list[Subscription]:
    """The subscriptions with these ids or names; all that this identity sees, if none is named.

    Raises:
        NotFound: one of them is not seen, or several have that name; says which there are.
    """
    async with asking("list the subscriptions"):
        listed = [one.as_dict() async for one in azure.subscriptions().subscriptions.list()]
    seen = [
        Subscription(str(one["subscriptionId"]), str(one.get("displayName") or one["subscriptionId"]))
        for one in listed
        if str(one.get("state") or "").lower() in READABLE
    ]
    if not wanted:
        return seen
    chosen = []
    for name in dict.fromkeys(wanted):
        named = [one for one in seen if name.lower() in (one.id.lower(), one.name.lower())]
        if len(named) != 1:
            there = ", ".join(map(str, seen)) or "none"
            raise NotFound(
                f"{len(named)} subscriptions are called {name!r}; this identity sees: {there}. Give the id "
                "of one, or give this identity a role on it"
            )
        chosen.extend(named)
    return chosen
