"""``startgate doctor``: whether the workers' identity may do what the workers do."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

import typer

from workers.arm.read import classic
from workers.arm.read.inventory import subscriptions
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.bus.checks import Needs, bus_checks, duplicate_detection
from workers.bus.connection import NOTICES, STARTS, WORK, connected
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import InvalidPolicy, StartgateError, StepFailed
from workers.operator.azure.rights import rights_checks
from workers.operator.session import BROKEN, FINE
from workers.runtime.checks import Check, Failed, line, make, settings_of
from workers.settings import WorkersSettings
from workers.store.checks import redis_checks
from workers.store.connection import connect
from workers.store.redis_store import RedisStore
from workers.use_cases.read_policy import read_policy

NEEDS = (Needs(STARTS, True, True), Needs(WORK, True, True), Needs(NOTICES, False, True))  # noqa: FBT003 - a table
"""Workers send to ``starts`` too: what comes while something is away is scheduled there for later."""


def doctor() -> None:
    """Check settings, policy, Redis, Service Bus and Azure with this identity. Exits 0 or 1."""
    raise typer.Exit(asyncio.run(_doctor()))


async def _doctor() -> int:
    settings = settings_of(WorkersSettings, typer.echo)
    if settings is None:
        return BROKEN
    async with contextlib.AsyncExitStack() as stack:
        try:
            redis = await stack.enter_async_context(connect(settings.redis_url, settings.redis_sign_in))
            client = await stack.enter_async_context(
                connected(
                    connection=settings.servicebus_connection,
                    namespace=settings.servicebus_namespace,
                    credential=settings.identity,
                )
            )
            azure = await stack.enter_async_context(
                Azure(settings.arm_endpoint, settings.arm_scope, settings.arm_token, settings.identity)
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
            *rights_checks(azure, _profiles(settings), lambda: _subscriptions(azure)),
        ]
        return FINE if await make(checks, typer.echo) else BROKEN


def _profiles(settings: WorkersSettings) -> tuple[LockdownProfile, ...]:
    """Every lockdown that may be used; none of a policy that can't be read, which is a finding of its own."""
    try:
        return read_policy(settings.policy).profiles
    except InvalidPolicy:
        return ()


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
    """Which subscriptions this identity sees, and whether it may list the VMs of each."""

    async def seen_ones() -> str:
        seen = await _subscriptions(azure)
        names = ", ".join(name for _, name in seen[:5]) + (", …" if len(seen) > 5 else "")  # noqa: PLR2004 - a few
        return f"{len(seen)} subscription{'s' if len(seen) != 1 else ''}: {names}"

    async def machines(subscription_id: str) -> None:
        async with asking("list the VMs"):
            async for _page in azure.compute(subscription_id).virtual_machines.list_all().by_page():
                return

    async def classics(subscription_id: str) -> None:
        await classic.list_machines(azure, subscription_id)

    async def each(listing: Callable[[str], Awaitable[None]]) -> str:
        seen = await _subscriptions(azure)
        await asyncio.gather(*(_of(name, listing(key)) for key, name in seen))
        return f"may list those of {', '.join(name for _, name in seen)}"

    reader = (
        "give this identity the role Startgate's deployment names, or Reader at least, on the subscription"
    )
    return [
        Check(name="Azure subscriptions", look=seen_ones, remedy=reader),
        Check(name="Azure VMs", look=lambda: each(machines), remedy=reader),
        Check(name="Azure classic VMs", look=lambda: each(classics), remedy=reader),
    ]


async def _subscriptions(azure: Azure) -> list[tuple[str, str]]:
    with _named():
        usable = [(one.id, one.name or one.id) for one in await subscriptions(azure)]
    if not usable:
        raise Failed("this identity sees no enabled subscription")
    return usable


async def _of(subscription: str, asked: Awaitable[None]) -> None:
    """Wait for what is asked about a subscription; a refusal names it."""
    with _named(f"{subscription}: "):
        await asked


@contextlib.contextmanager
def _named(where: str = "") -> Iterator[None]:
    """The adapter's errors name the missing right and the remedy already."""
    try:
        yield
    except StepFailed as error:
        raise Failed(f"{where}{error.diagnostics()}", remedy="give the named right") from None
    except StartgateError as error:
        raise Failed(
            f"{where}{error.diagnostics()}", remedy="check STARTGATE_ARM_ENDPOINT and the way out to it"
        ) from None
