"""Looks at the api-versions: whether this cloud serves each one that is sent."""

import asyncio
from collections import defaultdict

from workers.arm.read.subscriptions.provided import versions_of
from workers.arm.session.api_versions import USED, ApiVersions
from workers.arm.session.clients import Azure
from workers.operator.looks.subscriptions import named, usable
from workers.runtime.checks import Check, Failed


def version_check(azure: Azure, sent: ApiVersions) -> Check:
    """Asks the first subscription: a cloud serves the same in all of them."""

    async def look() -> str:
        (subscription_id, name), *_ = await usable(azure)
        by_provider: defaultdict[str, list[str]] = defaultdict(list)
        for kind in USED:
            by_provider[kind.partition("/")[0]].append(kind)
        with named(f"{name}: "):
            served = await asyncio.gather(
                *(versions_of(azure, subscription_id, provider) for provider in by_provider)
            )
        known = {kind: versions for one in served for kind, versions in one.items()}
        wrong = [
            f"{kind} {version} (the newest is {max(versions)})"
            for kind, usual in USED.items()
            # A provider that does not list a kind says nothing of it.
            if (versions := known.get(kind.lower())) and (version := sent.of(kind, usual)) not in versions
        ]
        if wrong:
            raise Failed(f"not served in this cloud: {', '.join(wrong)}")
        return f"all of {len(USED)} are served"

    return Check(
        name="Azure api-versions",
        look=look,
        remedy="name one that is served in STARTGATE_API_VERSIONS, such as "
        "Microsoft.Network=2025-05-01,Microsoft.Compute/disks=2025-01-02",
    )
