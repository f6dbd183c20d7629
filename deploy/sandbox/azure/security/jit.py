"""Just-in-time access: ``Microsoft.Security/locations/jitNetworkAccessPolicies``.

A policy lies in a resource group and a region, and lists machines with the ports that may be asked for. A PUT
replaces it whole, and it has no entity tag.
Source: https://learn.microsoft.com/rest/api/defenderforcloud/jit-network-access-policies, and the models of
its api-version 2020-01-01 for what a port takes.
It needs Defender for Servers Plan 2, and a machine of Azure Resource Manager:
https://learn.microsoft.com/azure/defender-for-cloud/just-in-time-access-overview. The codes of its refusals
are published nowhere; those here are ARM's common ones.

Where a machine is put into a policy, Defender for Cloud denies its ports in the security groups of its
interfaces, behind the rules that are there: one rule a machine, named and described as the release notes of
2021 and public exports of such groups have it. What becomes of it once the machine is taken out again was
found nowhere; here it stays.
Source: https://learn.microsoft.com/azure/defender-for-cloud/release-notes-archive (names of JIT rules)
"""

import re
import uuid
from typing import Any

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, listing
from deploy.sandbox.azure.model import JIT_POLICY, Estate, Resource, Vm
from deploy.sandbox.azure.network.nsg import nsg_of
from deploy.sandbox.azure.network.rules import rule, stored
from deploy.sandbox.azure.security.plans import Plans

_HERE = "/providers/Microsoft.Security/locations/{region}/jitNetworkAccessPolicies"
_ALL = "/providers/Microsoft.Security/jitNetworkAccessPolicies"
_PROTOCOLS = ("TCP", "UDP", "*")
_DURATION = re.compile(r"PT(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?|P1D")
_SHORTEST_MIN, _LONGEST_MIN = 5, 24 * 60
_HIGHEST_PORT = 65535
_RULE = "MicrosoftDefenderForCloud-JITRule"
_LAST_PRIORITY = 4096


class JitPolicies:
    """The policies there are."""

    def __init__(self, estate: Estate, locks: Locks, plans: Plans) -> None:
        self._estate = estate
        self._locks = locks
        self._plans = plans

    def routes(self) -> list[Route]:
        one = f"{GROUP}{_HERE}/{{policy}}"
        return [
            Route("GET", one, self.get),
            Route("PUT", one, self.put),
            Route("DELETE", one, self.delete),
            Route("GET", f"{GROUP}{_HERE}", self.list_here),
            Route("GET", f"{SUBSCRIPTION}{_HERE}", self.list_here),
            Route("GET", f"{GROUP}{_ALL}", self.list_all),
            Route("GET", f"{SUBSCRIPTION}{_ALL}", self.list_all),
        ]

    def get(self, call: Call) -> Answer:
        return Answer(body=_shown(self._estate.get(call.resource_id)))

    def put(self, call: Call) -> Answer:
        """Replace a policy with what is given; requests for access that are not given are forgotten."""
        body = call.body or {}
        properties = body.get("properties") or {}
        machines = properties.get("virtualMachines")
        if not isinstance(machines, list):
            raise ArmError(400, "BadRequest", "'virtualMachines' is required.")
        for machine in machines:
            self._check(machine)
        self._locks.check_write(call.resource_id, f"{JIT_POLICY}/write")
        policy = Resource(
            id=call.resource_id,
            kind=JIT_POLICY,
            location=call.params["region"],
            extra={"kind": body.get("kind", "Basic")},
            properties={"requests": [], **properties, "provisioningState": "Succeeded"},
        )
        self._estate.add(policy)
        for machine in machines:
            self._close_ports(self._estate.vm(machine["id"]), machine.get("ports") or [], policy.name)
        return Answer(body=_shown(policy))

    def delete(self, call: Call) -> Answer:
        known = self._estate.find(call.resource_id) is not None
        self._locks.check_delete(call.resource_id)
        self._estate.remove(call.resource_id)
        return Answer(status=200 if known else 204)

    def list_here(self, call: Call) -> Answer:
        """The policies of one region."""
        region = call.params["region"].lower()
        return listing(call, [one for one in self._within(call) if one["location"].lower() == region])

    def list_all(self, call: Call) -> Answer:
        return listing(call, self._within(call))

    def _within(self, call: Call) -> list[dict[str, Any]]:
        scope = call.path[: call.path.lower().index("/providers/")]
        return [_shown(policy) for policy in self._estate.of(JIT_POLICY, scope)]

    def _close_ports(self, vm: Vm, ports: list[dict[str, Any]], policy: str) -> None:
        wanted = sorted({str(port["number"]) for port in ports})
        for nic in filter(None, map(self._estate.find, vm.nic_ids())):
            group = self._estate.find(nsg_of(nic))
            if group is None or not wanted:
                continue
            address = nic.properties["ipConfigurations"][0]["properties"].get("privateIPAddress", "*")
            name = f"{_RULE}_{uuid.uuid5(uuid.NAMESPACE_URL, vm.id).hex.upper()}"
            rules = [one for one in group.properties["securityRules"] if one["name"] != name]
            taken = {one["properties"]["priority"] for one in rules}
            priority = next(one for one in range(_LAST_PRIORITY, 0, -1) if one not in taken)
            denied = rule(name, "Deny", priority, destination=address)
            del denied["properties"]["destinationPortRange"]
            denied["properties"]["destinationPortRanges"] = wanted
            said = f"MDC JIT Network Access rule for policy '{policy}' of VM '{vm.name}'."
            denied["properties"]["description"] = said
            group.touch()
            group.properties["securityRules"] = [
                *rules,
                *stored([denied], group.id, group.etag, "securityRules"),
            ]

    def _check(self, machine: dict[str, Any]) -> None:
        vm = self._estate.vm(str(machine.get("id")))
        if vm.classic:
            raise ArmError(400, "BadRequest", f"{vm.name}: just-in-time access does not support classic VMs.")
        if not self._plans.protects(vm.id, "P2"):
            raise ArmError(
                400, "BadRequest", f"{vm.name}: just-in-time access requires Defender for Servers Plan 2."
            )
        for port in machine.get("ports") or []:
            _check_port(port)


def _shown(policy: Resource) -> dict[str, Any]:
    """As an answer shows it: with a region, but without tags."""
    return {key: value for key, value in policy.as_json().items() if key != "tags"}


def _check_port(port: dict[str, Any]) -> None:
    number, duration = port.get("number"), _minutes(str(port.get("maxRequestAccessDuration")))
    prefixes = {"allowedSourceAddressPrefix", "allowedSourceAddressPrefixes"} & port.keys()
    if not isinstance(number, int) or not 0 <= number <= _HIGHEST_PORT:
        raise ArmError(400, "BadRequest", f"{number} is not a port.")
    if port.get("protocol") not in _PROTOCOLS:
        raise ArmError(400, "BadRequest", f"protocol must be one of {', '.join(_PROTOCOLS)}.")
    if not _SHORTEST_MIN <= duration <= _LONGEST_MIN:
        raise ArmError(400, "BadRequest", "maxRequestAccessDuration must be from 5 minutes to 1 day.")
    if len(prefixes) > 1:
        raise ArmError(400, "BadRequest", "Give one of allowedSourceAddressPrefix and …Prefixes, not both.")


def _minutes(duration: str) -> int:
    found = _DURATION.fullmatch(duration)
    if found is None:
        return 0
    if duration == "P1D":
        return _LONGEST_MIN
    return int(found["hours"] or 0) * 60 + int(found["minutes"] or 0)
