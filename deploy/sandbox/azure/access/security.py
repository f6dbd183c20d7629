"""Defender for Cloud, as far as plans of single machines and just-in-time access go."""

from typing import Any

from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, listing
from deploy.sandbox.azure.model import JIT_POLICY, PRICING, VM, Estate, Resource

_PRICING = "{scope}/providers/Microsoft.Security/pricings"
_JIT = "/providers/Microsoft.Security/locations/{region}/jitNetworkAccessPolicies"
_ALL_JIT = "/providers/Microsoft.Security/jitNetworkAccessPolicies"


class Defender:
    """``Microsoft.Security/pricings`` at a resource, and ``jitNetworkAccessPolicies``."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{_PRICING}/{{plan}}", self.get_pricing),
            Route("PUT", f"{_PRICING}/{{plan}}", self.put_pricing),
            Route("GET", f"{GROUP}{_JIT}/{{policy}}", self.get_jit),
            Route("PUT", f"{GROUP}{_JIT}/{{policy}}", self.put_jit),
            Route("GET", f"{GROUP}{_ALL_JIT}", self.list_jit),
            Route("GET", f"{SUBSCRIPTION}{_ALL_JIT}", self.list_jit),
        ]

    def get_pricing(self, call: Call) -> Answer:
        """The plan of a scope; without one of its own it is free."""
        self._check_scope(call)
        found = self._estate.find(call.resource_id)
        return Answer(
            body=found.as_json() if found else self._pricing(call, {"pricingTier": "Free"}).as_json()
        )

    def put_pricing(self, call: Call) -> Answer:
        """A single machine takes plan ``VirtualMachines`` with sub-plan P1, and nothing else."""
        self._check_scope(call)
        given = (call.body or {}).get("properties") or {}
        tier, plan = given.get("pricingTier"), given.get("subPlan")
        if call.params["plan"].lower() != "virtualmachines" or tier not in ("Free", "Standard"):
            raise ArmError(
                400, "InvalidInputJson", "A resource takes plan VirtualMachines, Free or Standard."
            )
        if tier == "Standard" and plan != "P1":
            raise ArmError(400, "InvalidInputJson", "On a resource only sub-plan P1 can be set.")
        return Answer(body=self._estate.add(self._pricing(call, given)).as_json())

    @staticmethod
    def _pricing(call: Call, given: dict[str, Any]) -> Resource:
        return Resource(
            id=call.resource_id,
            kind=PRICING,
            properties={"freeTrialRemainingTime": "PT0S", "inherited": "False", **given},
        )

    def _check_scope(self, call: Call) -> None:
        if f"/providers/{VM}/".lower() in call.scope.lower():
            self._estate.vm(call.scope)

    def get_jit(self, call: Call) -> Answer:
        return Answer(body=self._estate.get(call.resource_id).as_json())

    def put_jit(self, call: Call) -> Answer:
        """Replace a policy; each machine in it must exist."""
        body = call.body or {}
        properties = body.get("properties") or {}
        for machine in properties.get("virtualMachines") or []:
            self._estate.vm(str(machine.get("id")))
        policy = Resource(
            id=call.resource_id,
            kind=JIT_POLICY,
            location=call.params["region"],
            extra={"kind": body.get("kind", "Basic")},
            properties={"requests": [], **properties, "provisioningState": "Succeeded"},
        )
        return Answer(body=self._estate.add(policy).as_json())

    def list_jit(self, call: Call) -> Answer:
        return listing(call, [policy.as_json() for policy in self._estate.of(JIT_POLICY, call.scope)])
