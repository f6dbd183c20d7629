"""What a provider serves in a subscription: the kinds of resources, and the api-versions of each.

Source: https://learn.microsoft.com/rest/api/resources/providers/get
"""

from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.runtime.json_text import parsed

_PROVIDERS_VERSION = "2021-04-01"


async def versions_of(azure: Azure, subscription_id: str, provider: str) -> dict[str, frozenset[str]]:
    """Kind of resource in lower case, such as ``microsoft.compute/disks`` → its versions.

    Raises:
        DependencyAway: Azure does not answer.
        NotFound: there is no such provider in this cloud.
        StepFailed: we may not read it.
    """
    path = f"/subscriptions/{subscription_id}/providers/{provider}"
    async with asking(f"read what {provider} serves"):
        response = await azure.send("GET", path, api_version=_PROVIDERS_VERSION)
        found = parsed(response.content)
    types = found.get("resourceTypes") if isinstance(found, dict) else None
    return {
        f"{provider}/{one['resourceType']}".lower(): frozenset(map(str, one.get("apiVersions") or ()))
        for one in types or ()
        if isinstance(one, dict) and "resourceType" in one
    }
