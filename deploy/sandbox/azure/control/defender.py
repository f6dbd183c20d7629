"""The ``/_defender`` endpoint: what Defender for Cloud is set to and has found, behind the product's back."""

from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from deploy.sandbox.azure.model import JIT_POLICY, Estate, Resource, Vm
from deploy.sandbox.azure.security.findings import Findings, Recommendation, SecurityAlert
from deploy.sandbox.azure.security.plans import Plans


class DefenderAsk(BaseModel):
    """Body of ``PUT /_defender``.

    Attributes:
        vm: name or id of a machine that the rest is about.
        subscription: id of a subscription whose plan is set; without it, ``plan`` is the machine's own.
        plan: the plan for servers. ``Inherit`` takes the machine's own away.
        enforce: the subscription's plan holds for all its machines.
        alerts: added, or replaced by their names.
        recommendations: the same.
        jit: whether somebody else has put the machine into the policy ``default`` of its group and region.
    """

    model_config = ConfigDict(extra="forbid")

    vm: str = ""
    subscription: str = ""
    plan: Literal["Free", "P1", "P2", "Inherit"] | None = None
    enforce: bool = False
    alerts: list[SecurityAlert] = []
    recommendations: list[Recommendation] = []
    jit: bool | None = None


class DefenderControl:
    """Sets plans, alerts, recommendations and just-in-time access."""

    def __init__(self, *, estate: Estate, plans: Plans, findings: Findings) -> None:
        self._estate = estate
        self._plans = plans
        self._findings = findings

    def routes(self) -> list[web.RouteDef]:
        return [web.put("/_defender", self._put)]

    async def _put(self, request: web.Request) -> web.Response:
        return web.json_response(self.apply(DefenderAsk.model_validate(await request.json())))

    def apply(self, ask: DefenderAsk) -> dict[str, Any]:
        """Do it; returns the plan that holds now.

        Raises:
            ValueError: no machine, or more than one, is called so.
        """
        if ask.subscription:
            scope = f"/subscriptions/{ask.subscription}"
            self._set_plan(scope, ask)
            if not ask.vm:
                return {"scope": scope}
        vm = self._vm(ask.vm)
        if not ask.subscription:
            self._set_plan(vm.id, ask)
        for alert in ask.alerts:
            self._findings.alert(vm, alert)
        for recommendation in ask.recommendations:
            self._findings.recommend(vm, recommendation)
        if ask.jit:
            others_entry(self._estate, vm)
        return {"scope": vm.id, **self._plans.of_machine(vm.id)}

    def _set_plan(self, scope: str, ask: DefenderAsk) -> None:
        if ask.plan == "Inherit":
            self._plans.forget(scope)
        elif ask.plan == "Free":
            self._plans.set(scope, "Free", enforce="True" if ask.enforce else "False")
        elif ask.plan is not None:
            self._plans.set(scope, "Standard", ask.plan, enforce="True" if ask.enforce else "False")

    def _vm(self, name: str) -> Vm:
        found = [vm for vm in self._estate.vms() if name.lower() in (vm.name.lower(), vm.id.lower())]
        if len(found) != 1:
            raise ValueError(f"{len(found)} machines are called {name!r}")
        return found[0]


def others_entry(estate: Estate, vm: Vm, *, policy: str = "default", port: int = 22) -> Resource:
    """Somebody else puts a machine into a just-in-time policy of its group and region."""
    policy_id = (
        f"/subscriptions/{vm.subscription}/resourceGroups/{vm.group}/providers/Microsoft.Security/locations/"
        f"{vm.location}/jitNetworkAccessPolicies/{policy}"
    )
    found = estate.find(policy_id) or estate.add(
        Resource(
            id=policy_id,
            kind=JIT_POLICY,
            location=vm.location,
            extra={"kind": "Basic"},
            properties={"virtualMachines": [], "requests": [], "provisioningState": "Succeeded"},
        )
    )
    entry = {
        "id": vm.id,
        "ports": [
            {
                "number": port,
                "protocol": "TCP",
                "allowedSourceAddressPrefix": "10.1.2.0/24",
                "maxRequestAccessDuration": "PT1H",
            }
        ],
    }
    found.properties["virtualMachines"].append(entry)
    return found
