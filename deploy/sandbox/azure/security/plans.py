"""Plans of Defender for Cloud: ``Microsoft.Security/pricings`` of a subscription and of a single machine.

Source: https://learn.microsoft.com/rest/api/defenderforcloud/pricings/update and the examples of
azure-rest-api-specs, specification/security/resource-manager/Microsoft.Security/stable/2024-01-01. What holds
for a single machine: https://learn.microsoft.com/azure/defender-for-cloud/tutorial-enable-servers-plan.
The codes of its refusals are published nowhere; those here are ARM's common ones.
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import Answer, Call, Route
from deploy.sandbox.azure.model import PRICING, VM, Estate, Resource

SERVERS = "VirtualMachines"
"""The name of Defender for Servers."""
TIERS = ("Free", "Standard")

_PRICING = "{scope}/providers/Microsoft.Security/pricings/{plan}"
_SUBSCRIPTION = re.compile(r"/subscriptions/[^/]+", re.IGNORECASE)
_EXTENSIONS: Mapping[str, Mapping[str, str]] = {
    "P1": {"MdeDesignatedSubscription": "False"},
    "P2": {"MdeDesignatedSubscription": "False", "AgentlessVmScanning": "True"},
}
"""What a sub-plan brings along where a PUT names no extensions, and whether it is on, as in the examples.

Scanning without an agent is a part of Plan 2 only:
https://learn.microsoft.com/azure/defender-for-cloud/defender-for-servers-overview
"""


class Plans:
    """Pricings. A machine without one of its own has that of its subscription.

    Attributes:
        failing: extension → why it can't be enabled; the plan itself is changed all the same, and the answer
            says so in ``operationStatus``, as PutPricingByNamePartialSuccess_example.json shows.
    """

    def __init__(self, estate: Estate, locks: Locks) -> None:
        self._estate = estate
        self._locks = locks
        self.failing: dict[str, str] = {}

    def routes(self) -> list[Route]:
        return [
            Route("GET", _PRICING, self.get),
            Route("PUT", _PRICING, self.put),
            Route("DELETE", _PRICING, self.delete),
        ]

    def set(self, scope: str, tier: str, sub_plan: str | None = None, **more: Any) -> Resource:
        """Give a scope a plan of its own, as somebody in the portal would."""
        given = {"pricingTier": tier, **({"subPlan": sub_plan} if sub_plan else {}), **more}
        found = _properties(given)
        if not _SUBSCRIPTION.fullmatch(scope):
            found.pop("enforce", None)
        return self._estate.add(Resource(id=_id(scope), kind=PRICING, properties=found))

    def forget(self, scope: str) -> None:
        """Take a scope's own plan away."""
        self._estate.remove(_id(scope))

    def row(self, subscription: str) -> dict[str, Any]:
        """A subscription's plan as Resource Graph's table ``securityresources`` shows it.

        With its coverage, which a query in "Check the status of your free trial" of the documentation of
        Defender for Cloud takes from there.
        """
        scope = f"/subscriptions/{subscription}"
        coverage = {"resourcesCoverageStatus": self._coverage(subscription)}
        return {
            "id": _id(scope),
            "name": SERVERS,
            "type": PRICING.lower(),
            "subscriptionId": subscription,
            "properties": {**(self._own(scope) or _properties({})), **coverage},
        }

    def of_machine(self, vm_id: str) -> dict[str, Any]:
        """The plan that holds for a machine, as a GET answers it."""
        subscription = f"/subscriptions/{vm_id.split('/')[2]}"
        above = self._own(subscription)
        own = self._own(vm_id)
        if own is not None and (above or {}).get("enforce") != "True":
            return {**own, "inherited": "False", "inheritedFrom": None}
        inherited = {key: value for key, value in (above or _properties({})).items() if key != "enforce"}
        return {**inherited, "inherited": "True", "inheritedFrom": subscription}

    def protects(self, vm_id: str, sub_plan: str) -> bool:
        """Whether this sub-plan, or the full plan that names none, holds for a machine."""
        found = self.of_machine(vm_id)
        return found["pricingTier"] == "Standard" and found.get("subPlan") in (sub_plan, None)

    def get(self, call: Call) -> Answer:
        return Answer(body=self._answer(call))

    def put(self, call: Call) -> Answer:
        """Set the plan of a scope. A subscription's may forbid one of a machine's own, by ``enforce``."""
        given = (call.body or {}).get("properties") or {}
        _check(given)
        if self._machine(call):
            self._check_machine(call, given)
        scope = call.scope
        known = self._own(scope)
        self._locks.check_write(call.resource_id, f"{PRICING}/write")
        found = _properties(given)
        if self._machine(call):
            found.pop("enforce")
        self._estate.add(Resource(id=_id(scope), kind=PRICING, properties=found))
        answer = self._answer(call)
        for extension in answer["properties"]["extensions"]:
            why = self.failing.get(extension["name"])
            if why is not None:
                extension["operationStatus"] = {"code": "Failed", "message": why}
        return Answer(status=201 if known is None else 200, body=answer)

    def delete(self, call: Call) -> Answer:
        """A machine's own plan goes, and it has that of its subscription again."""
        if not self._machine(call):
            raise ArmError(400, "BadRequest", "Deleting a pricing is valid for the scope of a resource only.")
        known = self._estate.find(call.resource_id) is not None
        self._locks.check_delete(call.resource_id)
        self._estate.remove(call.resource_id)
        return Answer(status=200 if known else 204)

    def _answer(self, call: Call) -> dict[str, Any]:
        if self._machine(call):
            properties = self.of_machine(call.scope)
        else:
            own = self._own(call.scope) or _properties({})
            properties = {**own, "resourcesCoverageStatus": self._coverage(call.subscription)}
        copied = {**properties, "extensions": [dict(one) for one in properties.get("extensions", [])]}
        return Resource(id=call.resource_id, kind=PRICING, properties=copied).as_json()

    def _own(self, scope: str) -> dict[str, Any] | None:
        found = self._estate.find(_id(scope))
        return None if found is None else dict(found.properties)

    def _coverage(self, subscription: str) -> str:
        scope = f"/subscriptions/{subscription}"
        machines: Iterable[Resource] = self._estate.of(VM, scope)
        if not any(f"/providers/{VM}/".lower() in one.id.lower() for one in self._estate.of(PRICING, scope)):
            machines = itertools.islice(machines, 1)  # none has a plan of its own: one tells of all
        covered = {self.of_machine(vm.id)["pricingTier"] == "Standard" for vm in machines}
        if covered == {True}:
            return "FullyCovered"
        return "PartiallyCovered" if True in covered else "NotCovered"

    def _machine(self, call: Call) -> bool:
        """Whether the call is about a machine; it must exist, and the plan must be that for servers."""
        if call.params["plan"].lower() != SERVERS.lower():
            raise ArmError(400, "BadRequest", f"Only the plan {SERVERS} is simulated here.")
        if _SUBSCRIPTION.fullmatch(call.scope):
            return False
        if f"/providers/{VM}/".lower() not in call.scope.lower():
            raise ArmError(400, "BadRequest", "Valid scopes are a subscription and a virtual machine.")
        self._estate.vm(call.scope)
        return True

    def _check_machine(self, call: Call, given: Mapping[str, Any]) -> None:
        if given["pricingTier"] == "Standard" and given.get("subPlan") != "P1":
            raise ArmError(400, "BadRequest", "At the level of a resource, only sub-plan P1 is supported.")
        if "enforce" in given:
            raise ArmError(400, "BadRequest", "'enforce' is only available for subscription-level pricing.")
        if (self._own(f"/subscriptions/{call.subscription}") or {}).get("enforce") == "True":
            raise ArmError(
                409, "PricingEnforced", "The pricing of the subscription is enforced on all its resources."
            )


def _id(scope: str) -> str:
    return f"{scope}/providers/{PRICING}/{SERVERS}"


def _check(given: Mapping[str, Any]) -> None:
    if given.get("pricingTier") not in TIERS:
        raise ArmError(400, "BadRequest", f"pricingTier must be one of {', '.join(TIERS)}.")
    if given.get("subPlan") not in (None, *_EXTENSIONS):
        raise ArmError(400, "BadRequest", f"subPlan must be one of {', '.join(_EXTENSIONS)}.")


def _properties(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a PUT. No sub-plan is the full one."""
    tier = given.get("pricingTier") or "Free"
    found: dict[str, Any] = {"pricingTier": tier, "freeTrialRemainingTime": "PT0S"}
    if tier == "Standard":
        found["subPlan"] = given.get("subPlan") or "P2"
        found["enablementTime"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    brought = _EXTENSIONS.get(found.get("subPlan", ""), {})
    extensions = given.get("extensions") or [{"name": one, "isEnabled": on} for one, on in brought.items()]
    found["extensions"] = [dict(one) for one in extensions]
    found["enforce"] = given.get("enforce") or "False"
    return found
