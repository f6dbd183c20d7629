"""Network interfaces, and what they hang on: subnets and public addresses."""

from typing import Any

from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.ids import same, subscription_of
from deploy.sandbox.azure.locks import Locks
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import (
    NIC,
    NSG,
    PUBLIC_IP,
    SUBNET,
    VNET,
    Estate,
    Resource,
    Vm,
    new_etag,
    settle,
)
from deploy.sandbox.azure.nsg import all_rules, check_match, checked_location, nsg_of
from deploy.sandbox.azure.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, accepted, listing
from deploy.sandbox.azure.rules import open_ports

PUT_S = 3.0
EFFECTIVE_S = 4.0
_NICS = "/providers/Microsoft.Network/networkInterfaces"
_VNETS = "/providers/Microsoft.Network/virtualNetworks"
_ADDRESSES = "/providers/Microsoft.Network/publicIPAddresses"
_KEPT = ("resourceGuid", "macAddress", "virtualMachine", "primary", "hostedWorkloads", "nicType")
"""Set by Azure alone: a PUT neither changes nor loses them."""


class Interfaces:
    """``Microsoft.Network/networkInterfaces``, ``virtualNetworks`` and ``publicIPAddresses``."""

    def __init__(self, *, estate: Estate, locks: Locks, lro: Lro) -> None:
        self._estate = estate
        self._locks = locks
        self._lro = lro

    def routes(self) -> list[Route]:
        one = f"{GROUP}{_NICS}/{{nic}}"
        return [
            Route("GET", one, self.get),
            Route("PUT", one, self.put),
            Route("POST", f"{one}/effectiveNetworkSecurityGroups", self.effective),
            Route("GET", f"{GROUP}{_NICS}", self.list_all),
            Route("GET", f"{SUBSCRIPTION}{_NICS}", self.list_all),
            Route("GET", f"{GROUP}{_VNETS}/{{vnet}}", self.get),
            Route("GET", f"{SUBSCRIPTION}{_VNETS}", self.list_vnets),
            Route("GET", f"{GROUP}{_VNETS}/{{vnet}}/subnets/{{subnet}}", self.get),
            Route("GET", f"{GROUP}{_VNETS}/{{vnet}}/subnets", self.list_subnets),
            Route("GET", f"{GROUP}{_ADDRESSES}/{{address}}", self.get),
            Route("GET", f"{GROUP}{_ADDRESSES}", self.list_addresses),
            Route("GET", f"{SUBSCRIPTION}{_ADDRESSES}", self.list_addresses),
        ]

    def get(self, call: Call) -> Answer:
        found = self._estate.get(call.resource_id)
        return Answer(body=found.as_json(), headers={"ETag": found.etag})

    def list_all(self, call: Call) -> Answer:
        return self._list(call, NIC, call.scope)

    def list_vnets(self, call: Call) -> Answer:
        return self._list(call, VNET, call.scope)

    def list_subnets(self, call: Call) -> Answer:
        return self._list(call, SUBNET, self._estate.get(call.parent_id).id)

    def list_addresses(self, call: Call) -> Answer:
        return self._list(call, PUBLIC_IP, call.scope)

    def _list(self, call: Call, kind: str, scope: str) -> Answer:
        return listing(call, [r.as_json() for r in self._estate.of(kind, scope)])

    def put(self, call: Call) -> Answer:
        """Replace an interface. What the body leaves out is gone, but for what Azure alone sets."""
        body = call.body or {}
        old = self._estate.find(call.resource_id)
        check_match(call, old)
        self._locks.check_write(call.resource_id, "Microsoft.Network/networkInterfaces/write")
        self._lro.operations.check_free(call.resource_id, "AnotherOperationInProgress")
        location = checked_location(body, old)
        nic_id = old.id if old else call.resource_id
        properties = self._replaced(nic_id, location, body.get("properties") or {}, old)
        new = Resource(
            id=nic_id,
            kind=NIC,
            location=location,
            etag=new_etag(),
            tags=dict(body.get("tags") or {}),
            properties=properties,
        )
        return self._store(call, old, new)

    def _store(self, call: Call, old: Resource | None, new: Resource) -> Answer:
        """Keep the old interface in force until the operation ends."""
        standing = old or self._estate.add(new)
        standing.properties["provisioningState"] = "Updating"

        def done() -> None:
            settle(new, "Succeeded")
            self._estate.add(new)

        operation = self._lro.network("NIC PUT", new.id, new.location, PUT_S)
        shown = new.as_json()
        shown["properties"] = {**new.properties, "provisioningState": "Updating"}
        self._lro.operations.begin(operation, done, failed=lambda: settle(standing, operation.status))
        return accepted(call, operation, status=201 if old is None else 200, body=shown)

    def _replaced(
        self, nic_id: str, location: str, given: dict[str, Any], old: Resource | None
    ) -> dict[str, Any]:
        configurations = given.get("ipConfigurations") or []
        self._check_configurations(nic_id, configurations, old)
        kept = {key: old.properties[key] for key in _KEPT if old and key in old.properties}
        new = {
            "provisioningState": "Succeeded",
            "dnsSettings": given.get("dnsSettings") or {"dnsServers": [], "appliedDnsServers": []},
            "enableAcceleratedNetworking": bool(given.get("enableAcceleratedNetworking")),
            "enableIPForwarding": bool(given.get("enableIPForwarding")),
            "ipConfigurations": [self._configuration(nic_id, location, item) for item in configurations],
            **kept,
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
        name = str(item.get("name"))
        return {
            "name": name,
            "id": f"{nic_id}/ipConfigurations/{name}",
            "type": "Microsoft.Network/networkInterfaces/ipConfigurations",
            "properties": given | {"provisioningState": "Succeeded"},
        }

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


def filters(estate: Estate, nic: Resource) -> tuple[Resource | None, Resource | None]:
    """The security groups on the way to an interface: its subnet's, and its own."""
    configurations = nic.properties["ipConfigurations"]
    subnet = estate.find(configurations[0]["properties"]["subnet"]["id"])
    return estate.find(nsg_of(subnet)) if subnet else None, estate.find(nsg_of(nic))


def open_to_internet(estate: Estate, nic: Resource) -> list[str]:
    """Ports of an interface that the rules open to the whole Internet, whether or not it has an address."""
    subnet_nsg, own_nsg = filters(estate, nic)
    return open_ports(*(None if nsg is None else all_rules(nsg) for nsg in (subnet_nsg, own_nsg)))


def effective_groups(estate: Estate, nic: Resource) -> list[dict[str, Any]]:
    """The answer of ``effectiveNetworkSecurityGroups``: one entry for each group on the way."""
    subnet_id = nic.properties["ipConfigurations"][0]["properties"]["subnet"]["id"]
    sides = ("subnet", subnet_id), ("networkInterface", nic.id)
    return [
        {
            "networkSecurityGroup": {"id": nsg.id},
            "association": {side: {"id": where}},
            "effectiveSecurityRules": [_effective_rule(item) for item in all_rules(nsg)],
        }
        for (side, where), nsg in zip(sides, filters(estate, nic), strict=True)
        if nsg is not None
    ]


def _effective_rule(item: dict[str, Any]) -> dict[str, Any]:
    part = item["type"].rpartition("/")[2]
    given = item["properties"]
    return {
        "name": f"{part}/{item['name']}",
        "protocol": "All" if given["protocol"] == "*" else given["protocol"],
        **{key: value for key, value in given.items() if key not in ("protocol", "provisioningState")},
    }
