"""Kinds of resources of Azure Monitor, and what their names may be."""

import re

from deploy.sandbox.azure.errors import ArmError

ACTION_GROUP = "Microsoft.Insights/ActionGroups"
ALERT_RULE = "Microsoft.Insights/ActivityLogAlerts"
WORKFLOW = "Microsoft.Logic/workflows"

_NAME = re.compile(r"[^:<>+/&%\\?|\x00-\x1f]{1,260}(?<![ .])")
"""Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftinsights"""


def check_name(name: str) -> None:
    """Raise 400 for a name that Azure Monitor does not take. The code is ARM's own for names."""
    if not _NAME.fullmatch(name):
        raise ArmError(400, "InvalidResourceName", f"The provided resource name '{name}' is not valid.")


def check_location(given: object, kind: str, regions: tuple[str, ...]) -> str:
    """The location as it was given.

    Raises:
        ArmError: none was given (https://github.com/Azure/azure-rest-api-specs/issues/35342), or another than
            the resource type has; by ARM's own code.
    """
    location = str(given or "")
    if not location:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    if location.replace(" ", "").lower() not in regions:
        raise ArmError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{location}' is not available for resource type '{kind}'. List of "
            f"available regions for the resource type is '{','.join(regions)}'.",
        )
    return location
