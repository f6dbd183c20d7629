"""Subscriptions and resource groups."""

from typing import Any

from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, listing
from deploy.sandbox.azure.model import Estate, Group


class Subscriptions:
    """``/subscriptions`` and the groups in them."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/subscriptions", self.list_all),
            Route("GET", SUBSCRIPTION, self.get),
            Route("GET", f"{SUBSCRIPTION}/resourceGroups", self.list_groups),
            Route("GET", GROUP, self.get_group),
            Route("HEAD", GROUP, self.head_group),
            Route("PUT", GROUP, self.put_group),
        ]

    def list_all(self, _call: Call) -> Answer:
        shown = [self._shown(key) for key in self._estate.subscriptions]
        return Answer(body={"value": shown, "count": {"type": "Total", "value": len(shown)}})

    def get(self, call: Call) -> Answer:
        return Answer(body=self._shown(call.params["subscription"].lower()))

    def _shown(self, subscription: str) -> dict[str, Any]:
        return {
            "id": f"/subscriptions/{subscription}",
            "subscriptionId": subscription,
            "tenantId": self._estate.tenant,
            "displayName": self._estate.subscriptions[subscription],
            "state": "Enabled",
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01",
                "quotaId": "PayAsYouGo_2014-09-01",
                "spendingLimit": "Off",
            },
        }

    def list_groups(self, call: Call) -> Answer:
        return listing(call, [_group(group) for group in self._estate.groups(call.subscription)])

    def get_group(self, call: Call) -> Answer:
        return Answer(body=_group(self._estate.group(call.subscription, call.params["group"])))

    def head_group(self, _call: Call) -> Answer:
        return Answer(status=204)

    def put_group(self, call: Call) -> Answer:
        location = str((call.body or {}).get("location") or "").replace(" ", "").lower()
        if not location:
            raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
        group = Group(subscription=call.subscription, name=call.params["group"], location=location)
        known = self._estate.add_group(group)
        return Answer(status=201 if known is group else 200, body=_group(known))


def _group(group: Group) -> dict[str, Any]:
    return {
        "id": group.id,
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
        "properties": {"provisioningState": "Succeeded"},
    }
