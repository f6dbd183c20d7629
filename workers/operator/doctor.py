"""``startgate doctor``: whether the workers' identity may do what the workers do."""

import asyncio
import contextlib
from typing import Annotated

import typer
from redis.asyncio import Redis

from workers.arm.session.api_versions import ApiVersions
from workers.arm.session.clients import Azure
from workers.bus.checks import Needs, bus_checks
from workers.bus.connection import NOTICES, STARTS, WORK, connected
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import InvalidPolicy
from workers.operator.azure.rights import rights_checks
from workers.operator.looks.queues import queue_checks
from workers.operator.looks.subscriptions import azure_checks, usable
from workers.operator.looks.versions import version_check
from workers.outside.archive.checks import archive_check
from workers.runtime.checks import Check, Found, State, finding, findings, report, settings_of
from workers.settings import WorkersSettings
from workers.store.checks import redis_checks
from workers.store.connection import connect
from workers.store.redis_store import RedisStore
from workers.use_cases.read_policy import policy_check, read_policy

NEEDS = (Needs(STARTS, True, True), Needs(WORK, True, True), Needs(NOTICES, False, True))  # noqa: FBT003 - a table
"""Workers send to ``starts`` too: what comes while something is away is scheduled there for later."""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Check settings, policy, Redis, Service Bus and Azure with this identity. Exits 1 if anything fails.

    A row each: ok, warn or fail, what was found, and what to do.

    Example: startgate doctor --json
    """
    raise typer.Exit(asyncio.run(_doctor(as_json=as_json)))


async def _doctor(*, as_json: bool) -> int:
    settings, found = settings_of(WorkersSettings)
    if settings is not None:
        found += await _look(settings)
    return report(found, typer.echo, as_json=as_json)


async def _look(settings: WorkersSettings) -> list[Found]:
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
                Azure(
                    settings.arm_endpoint,
                    settings.arm_scope,
                    settings.arm_token,
                    settings.identity,
                    api_versions=settings.versions,
                )
            )
        except ValueError as error:
            return [finding("settings", State.FAIL, str(error), "correct it")]
        return await findings(
            [
                *quick_checks(settings, redis),
                archive_check(settings.archive_url, settings.archive_key, settings.identity),
                *bus_checks(client, NEEDS),
                *queue_checks(azure, settings.servicebus_namespace),
                *azure_checks(azure, STARTS),
                version_check(azure, ApiVersions(settings.versions)),
                *rights_checks(azure, _profiles(settings), lambda: usable(azure)),
            ]
        )


def quick_checks(settings: WorkersSettings, redis: Redis) -> list[Check]:
    """Those that each process makes when it starts: what nothing else would show before it is too late."""
    return [policy_check(settings.policy), *redis_checks(redis, RedisStore(redis))]


def _profiles(settings: WorkersSettings) -> tuple[LockdownProfile, ...]:
    """Every lockdown that may be used; none of a policy that can't be read, which is a finding of its own."""
    try:
        return read_policy(settings.policy).profiles
    except InvalidPolicy:
        return ()
