"""Looks at Azure's subscriptions: which this identity sees, and whether it may list the VMs of each."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta

from workers.arm.read import classic
from workers.arm.read.subscriptions.event_sources import ArmEventSources
from workers.arm.read.subscriptions.inventory import subscriptions
from workers.arm.read.subscriptions.start_log import ArmStartLog
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.domain.errors import StartgateError, StepFailed
from workers.runtime.checks import CannotTell, Check, Failed

_FEW = 5
_A_WHILE = timedelta(minutes=1)
_READER = "give this identity the role Startgate's deployment names, or Reader at least, on the subscription"


def azure_checks(azure: Azure, queue: str) -> list[Check]:
    """The subscriptions; and of each, its VMs, its classic VMs, its Activity Log, and its events.

    Args:
        azure: asked.
        queue: where events of starts must go.
    """

    async def seen() -> str:
        found = await usable(azure)
        names = ", ".join(name for _, name in found[:_FEW]) + (", …" if len(found) > _FEW else "")
        return f"{len(found)} subscription{'s' if len(found) != 1 else ''}: {names}"

    async def machines(subscription_id: str) -> None:
        async with asking("list the VMs"):
            async for _page in azure.compute(subscription_id).virtual_machines.list_all().by_page():
                return

    async def classics(subscription_id: str) -> None:
        await classic.list_machines(azure, subscription_id)

    async def records(subscription_id: str) -> None:
        now = datetime.now(UTC)
        async for _record in ArmStartLog(azure, lambda _: ())(subscription_id, now - _A_WHILE, now):
            return

    async def each(listing: Callable[[str], Awaitable[None]]) -> str:
        found = await usable(azure)
        await asyncio.gather(*(_of(name, listing(key)) for key, name in found))
        return f"may list those of {', '.join(name for _, name in found)}"

    async def events() -> str:
        found = await usable(azure)
        sources = ArmEventSources(azure, queue)
        silent = {name: why for key, name in found if (why := await _answer(name, sources(key)))}
        if silent:
            raise CannotTell(
                "; ".join(f"{name}: {why}" for name, why in silent.items())
                + ". Starts there are found late, by sweeps, unless alert rules tell of them"
            )
        return f"come from {', '.join(name for _, name in found)}"

    return [
        Check(name="Azure subscriptions", look=seen, remedy=_READER),
        Check(name="Azure VMs", look=lambda: each(machines), remedy=_READER),
        Check(name="Azure classic VMs", look=lambda: each(classics), remedy=_READER),
        Check(name="Azure Activity Log", look=lambda: each(records), remedy=_READER),
        Check(name="Azure events", look=events, remedy=_READER),
    ]


async def usable(azure: Azure) -> list[tuple[str, str]]:
    """Ids and names of the subscriptions.

    Raises:
        Failed: there are none, or they can't be listed.
    """
    with named():
        found = [(one.id, one.name or one.id) for one in await subscriptions(azure)]
    if not found:
        raise Failed("this identity sees no enabled subscription")
    return found


async def _of(subscription: str, asked: Awaitable[None]) -> None:
    with named(f"{subscription}: "):
        await asked


async def _answer(subscription: str, asked: Awaitable[str]) -> str:
    with named(f"{subscription}: "):
        return await asked


@contextlib.contextmanager
def named(where: str = "") -> Iterator[None]:
    """The adapter's errors name the missing right and the remedy already."""
    try:
        yield
    except StepFailed as error:
        raise Failed(f"{where}{error.diagnostics()}", remedy="give the named right") from None
    except StartgateError as error:
        raise Failed(
            f"{where}{error.diagnostics()}", remedy="check STARTGATE_ARM_ENDPOINT and the way out to it"
        ) from None
