"""What the commands about Azure share: clients by the environment's settings, subscriptions by name."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from workers.arm.read.inventory import READABLE
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.domain.errors import NotFound
from workers.operator.session import UNREACHABLE, fail
from workers.runtime.environment import read_environment
from workers.settings import WorkersSettings


class Subscription(NamedTuple):
    """One that this identity sees."""

    id: str
    name: str

    def __str__(self) -> str:
        """Name and id."""
        return f"{self.name} ({self.id})"


@contextlib.asynccontextmanager
async def connected_azure() -> AsyncIterator[Azure]:
    """The clients of Azure, with the identity of the settings; closed at the end."""
    settings = read_environment(WorkersSettings)
    try:
        azure = Azure(settings.arm_endpoint, settings.arm_scope, settings.arm_token, settings.identity)
    except ValueError as error:
        fail(UNREACHABLE, str(error))
    async with azure:
        yield azure


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
