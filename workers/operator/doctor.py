"""``startgate doctor``: whether the workers' identity may do what the workers do."""

import asyncio
import contextlib
from collections.abc import Iterator

import typer

from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.bus.checks import Needs, bus_checks, duplicate_detection
from workers.bus.connection import NOTICES, STARTS, WORK, connected
from workers.domain.errors import InvalidPolicy, StartgateError, StepFailed
from workers.operator.session import BROKEN, FINE
from workers.runtime.checks import Check, Failed, line, make, settings_of
from workers.settings import WorkersSettings
from workers.store.checks import redis_checks
from workers.store.connection import connect
from workers.store.redis_store import RedisStore
from workers.use_cases.read_policy import read_policy

NEEDS = (Needs(STARTS, True, True), Needs(WORK, True, True), Needs(NOTICES, False, True))  # noqa: FBT003 - a table
"""Workers send to ``starts`` too: what comes while something is away is scheduled there for later."""

_READABLE = frozenset({"enabled", "warned", "pastdue"})


def doctor() -> None:
    """Check settings, policy, Redis, Service Bus and Azure with this identity. Exits 0 or 1."""
    raise typer.Exit(asyncio.run(_doctor()))


async def _doctor() -> int:
    settings = settings_of(WorkersSettings, typer.echo)
    if settings is None:
        return BROKEN
    async with contextlib.AsyncExitStack() as stack:
        try:
            redis = await stack.enter_async_context(connect(settings.redis_url))
            client = await stack.enter_async_context(
                connected(
                    connection=settings.servicebus_connection,
                    namespace=settings.servicebus_namespace,
                )
            )
            azure = await stack.enter_async_context(
                Azure(settings.arm_endpoint, settings.arm_scope, settings.arm_token)
            )
        except ValueError as error:
            typer.echo(line("✗", "settings", str(error), "correct it"))
            return BROKEN
        checks = [
            policy_check(settings),
            *redis_checks(redis, RedisStore(redis)),
            *bus_checks(client, NEEDS),
            duplicate_detection(STARTS),
            *azure_checks(azure),
        ]
        return FINE if await make(checks, typer.echo) else BROKEN


def policy_check(settings: WorkersSettings) -> Check:
    """The policy file, as the processes read it."""

    async def look() -> str:
        try:
            policy = read_policy(settings.policy)
        except InvalidPolicy as invalid:
            raise Failed("; ".join(part.strip() for part in invalid.diagnostics().splitlines())) from None
        return f"valid; a rejection does: {', '.join(policy.lockdown.steps)}"

    return Check(
        name="policy", look=look, remedy="correct the file; `startgate policy check FILE` tells more"
    )


def azure_checks(azure: Azure) -> list[Check]:
    """Which subscriptions this identity sees, and whether it may read VMs in one of them."""

    async def subscriptions() -> str:
        seen = await _subscriptions(azure)
        names = ", ".join(name for _, name in seen[:5]) + (", …" if len(seen) > 5 else "")  # noqa: PLR2004 - a few
        return f"{len(seen)} subscription{'s' if len(seen) != 1 else ''}: {names}"

    async def machines() -> str:
        (subscription_id, name), *_ = await _subscriptions(azure)
        count = 0
        with _named():
            async with asking(f"list the VMs of {name}"):
                pages = azure.compute(subscription_id).virtual_machines.list_all().by_page()
                async for page in pages:
                    count = len([machine async for machine in page])
                    break
        return f"may list the VMs of {name}: {count} on the first page"

    reader = (
        "give this identity the role Startgate's deployment names, or Reader at least, on the subscription"
    )
    return [
        Check(name="Azure subscriptions", look=subscriptions, remedy=reader),
        Check(name="Azure VMs", look=machines, remedy=reader),
    ]


async def _subscriptions(azure: Azure) -> list[tuple[str, str]]:
    with _named():
        async with asking("list the subscriptions"):
            seen = [one.as_dict() async for one in azure.subscriptions().subscriptions.list()]
    usable = [
        (str(one["subscriptionId"]), str(one.get("displayName") or one["subscriptionId"]))
        for one in seen
        if str(one.get("state") or "").lower() in _READABLE
    ]
    if not usable:
        raise Failed("this identity sees no enabled subscription")
    return usable


@contextlib.contextmanager
def _named() -> Iterator[None]:
    """The adapter's errors name the missing right and the remedy already."""
    try:
        yield
    except StepFailed as error:
        raise Failed(error.diagnostics(), remedy="give the named right") from None
    except StartgateError as error:
        raise Failed(
            error.diagnostics(), remedy="check STARTGATE_ARM_ENDPOINT and the way out to it"
        ) from None
