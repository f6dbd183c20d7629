"""Network interfaces: read, and replaced whole by each PUT."""

from typing import Any

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, accepted, listing
from deploy.sandbox.azure.ids import same, subscription_of
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import (
    ASG,
    LOAD_BALANCER,
    NIC,
    NSG,
    PUBLIC_IP,
    SUBNET,
    Estate,
    Resource,
    Vm,
    new_etag,
)
from deploy.sandbox.azure.network.exposure import effective_groups
from deploy.sandbox.azure.network.lost import KEPT, KEPT_DNS, Loss, compare
from deploy.sandbox.azure.network.nsg import check_match, checked_location
from deploy.sandbox.azure.network.put_over import put_over

PUT_S = 3.0
EFFECTIVE_S = 4.0
_NICS = "/providers/Microsoft.Network/networkInterfaces"
_TOP = ("extendedLocation",)
_WRITABLE = (
    "enableAcceleratedNetworking",
    "enableIPForwarding",
    "disableTcpStateTracking",
    "workloadType",
    "nicType",
    "privateLinkService",
    "migrationPhase",
    "auxiliaryMode",
    "auxiliarySku",
)
"""Kept as they are given. Source: NetworkInterfacePropertiesFormat of the REST specification."""
_REFERRED = (
    ("applicationSecurityGroups", ASG),
    ("loadBalancerBackendAddressPools", LOAD_BALANCER),
    ("loadBalancerInboundNatRules", LOAD_BALANCER),
)
"""Lists of references in an IP configuration, and what they lead to."""


class Interfaces:
    """``Microsoft.Network/networkInterfaces``.

    Attributes:
        losses: the PUTs that left something out, in order.
    """

    def __init__(self, *, estate: Estate, locks: Locks, lro: Lro) -> None:
        self._estate = estate
        self._locks = locks
        self._lro = lro
        self.losses: list[Loss] = []

    def routes(self) -> list[Route]:
        one = f"{GROUP}{_NICS}/{{nic}}"
        return [
            Route("GET", one, self.get),
            Route("PUT", one, self.put),
            Route("POST", f"{one}/effectiveNetworkSecurityGroups", self.effective),
            Route("GET", f"{GROUP}{_NICS}", self.list_all),
            Route("GET", f"{SUBSCRIPTION}{_NICS}", self.list_all),
        ]

    def get(self, call: Call) -> Answer:
        found = self._estate.get(call.resource_id)
        return Answer(body=found.as_json(), headers={"ETag": found.etag})

    def list_all(self, call: Call) -> Answer:
        return listing(call, self._estate.of(NIC, call.scope), Resource.as_json)

    def put(self, call: Call) -> Answer:
        """Replace an interface. What the body leaves out is gone, but for what Azure alone sets."""
        body = call.body or {}
        old = self._estate.find(call.resource_id)
        check_match(call, old)
        self._locks.check_write(call.resource_id, "Microsoft.Network/networkInterfaces/write")
        self._lro.operations.check_free(call.resource_id, "AnotherOperationInProgress")
        location = checked_location(body, old)
        nic_id = old.id if old else call.resource_id
        etag = new_etag()
        properties = self._replaced(nic_id, location, body.get("properties") or {}, old)
        for item in properties["ipConfigurations"]:
            item["etag"] = etag
        if old is not None:
            self._note_losses(call, old, body)
        new = Resource(
            id=nic_id,
            kind=NIC,
            location=location,
            etag=etag,
            tags=dict(body.get("tags") or {}),
            extra={key: body[key] for key in _TOP if key in body},
            properties=properties,
        )
        return put_over(
            call,
            old,
            new,
            estate=self._estate,
            lro=self._lro,
            named="NIC PUT",
            lasts_s=PUT_S,
            shown=new.as_json(),
        )

    def _note_losses(self, call: Call, old: Resource, body: dict[str, Any]) -> None:
        lost, left_out = compare(old.as_json(), body)
        if lost or left_out:
            self.losses.append(
                Loss(
                    resource_id=old.id,
                    lost=lost,
                    left_out=left_out,
                    client_request_id=call.client_request_id,
                )
            )

    def _replaced(
        self, nic_id: str, location: str, given: dict[str, Any], old: Resource | None
    ) -> dict[str, Any]:
        configurations = given.get("ipConfigurations") or []
        self._check_configurations(nic_id, configurations, old)
        before = old.properties if old else {}
        new = {
            "provisioningState": "Succeeded",
            "enableAcceleratedNetworking": False,
            "enableIPForwarding": False,
            "disableTcpStateTracking": False,
            "hostedWorkloads": [],
            "tapConfigurations": [],
            "nicType": "Standard",
            **{key: given[key] for key in _WRITABLE if given.get(key) is not None},
            **{key: before[key] for key in KEPT if key in before},
            "dnsSettings": _dns(given.get("dnsSettings") or {}, before.get("dnsSettings") or {}),
            "ipConfigurations": [self._configuration(nic_id, location, item) for item in configurations],
        }
        group = (given.get("networkSecurityGroup") or {}).get("id")
        if group:
            new["networkSecurityGroup"] = {"id": self._reference(nic_id, location, group, NSG).id}
        return new

    @staticmethod
    def _check_configurations(nic_id: str, given: list[dict[str, Any]], old: Resource | None) -> None:
        before = old.properties["ipConfigurations"] if old else []
        names = {str(item.get("name", "")).lower() for item in given}
        lost = [item["name"] for item in before if item["name"].lower() not in names]
        if not given or lost:
            raise ArmError(
                400,
                "CannotRemoveIpConfigurations" if lost else "IpConfigurationsRequired",
                f"The network interface {nic_id} must keep its IP configurations; the request leaves out "
                f"{', '.join(lost) or 'all of them'}.",
            )

    def _configuration(self, nic_id: str, location: str, item: dict[str, Any]) -> dict[str, Any]:
        given = dict(item.get("properties") or {})
        subnet = (given.get("subnet") or {}).get("id")
        if not subnet:
            raise ArmError(
                400, "SubnetRequired", f"IP configuration '{item.get('name')}' of {nic_id} has no subnet."
            )
        given["subnet"] = {"id": self._reference(nic_id, location, subnet, SUBNET).id}
        address = (given.get("publicIPAddress") or {}).get("id")
        if address:
            given["publicIPAddress"] = {"id": self._reference(nic_id, location, address, PUBLIC_IP).id}
        else:
            given.pop("publicIPAddress", None)
        for key, kind in _REFERRED:
            if given.get(key):
                given[key] = [
                    {"id": self._part(nic_id, location, str(one.get("id")), kind)} for one in given[key]
                ]
            else:
                given.pop(key, None)
        name = str(item.get("name"))
        return {
            "name": name,
            "id": f"{nic_id}/ipConfigurations/{name}",
            "type": "Microsoft.Network/networkInterfaces/ipConfigurations",
            "properties": given | {"provisioningState": "Succeeded"},
        }

    def _part(self, nic_id: str, location: str, target: str, kind: str) -> str:
        """The id of a resource, or of something in one: a pool or a rule of a load balancer."""
        owner = target if kind == ASG else "/".join(target.split("/")[:9])
        return self._reference(nic_id, location, owner, kind).id + target[len(owner) :]

    def _reference(self, nic_id: str, location: str, target: str, kind: str) -> Resource:
        """What an interface points at; it must exist in the same region and subscription."""
        found = self._estate.find(target)
        apart = found is not None and (
            (found.location and found.location != location)
            or not same(found.subscription, subscription_of(nic_id))
        )
        if found is None or found.kind != kind or apart:
            raise ArmError(
                400,
                "InvalidResourceReference",
                f"Resource {target} referenced by resource {nic_id} was not found. Please make sure that the "
                "referenced resource exists, and that both resources are in the same region.",
            )
        return found

    def effective(self, call: Call) -> Answer:
        """The rules in force on an interface; Azure works them out only for a running machine."""
        nic = self._estate.get(call.parent_id)
        owner = self._estate.find((nic.properties.get("virtualMachine") or {}).get("id", ""))
        if not isinstance(owner, Vm) or owner.power != "running":
            raise ArmError(
                400,
                "NicIsNotAttachedToRunningVm",
                f"The network interface {nic.id} must be attached to a running virtual machine.",
            )
        operation = self._lro.network("effectiveNetworkSecurityGroups", nic.id, nic.location, EFFECTIVE_S)
        operation.result = lambda: {"value": effective_groups(self._estate, nic)}
        self._lro.operations.begin(operation, lambda: None, holds=False)
        answer = accepted(call, operation)
        # Network POSTs are polled at Location alone.
        headers = {key: value for key, value in answer.headers.items() if key != "Azure-AsyncOperation"}
        return Answer(status=202, headers=headers)


def _dns(given: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The settings given, and what Azure itself has put there."""
    kept = {key: before[key] for key in KEPT_DNS if key in before}
    own = {key: value for key, value in given.items() if key not in KEPT_DNS}
    return {"dnsServers": [], "appliedDnsServers": [], **own, **kept}
