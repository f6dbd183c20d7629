"""Networks, public addresses and interfaces that are made and deleted.

Codes and sentences are those that Azure's own troubleshooting pages give (aka.ms/deletenic, -subnet,
-publicip); where none was found, the check says so.
"""

import ipaddress
import uuid
from typing import Any

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import GROUP, Answer, Call, Route, accepted
from deploy.sandbox.azure.ids import same
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import NIC, NSG, PUBLIC_IP, SUBNET, VNET, Estate, Resource, new_etag, settle
from deploy.sandbox.azure.network.nsg import check_match, checked_location

PUT_S, DELETE_S = 3.0, 3.0
_NETWORK = f"{GROUP}/providers/Microsoft.Network"


class MadeNetworks:
    """``virtualNetworks`` and ``publicIPAddresses``: PUT and DELETE; ``networkInterfaces``: DELETE."""

    def __init__(self, *, estate: Estate, locks: Locks, lro: Lro) -> None:
        self._estate = estate
        self._locks = locks
        self._lro = lro

    def routes(self) -> list[Route]:
        return [
            Route("PUT", f"{_NETWORK}/virtualNetworks/{{vnet}}", self.put_network),
            Route("DELETE", f"{_NETWORK}/virtualNetworks/{{vnet}}", self.delete_network),
            Route("PUT", f"{_NETWORK}/publicIPAddresses/{{address}}", self.put_address),
            Route("DELETE", f"{_NETWORK}/publicIPAddresses/{{address}}", self.delete_address),
            Route("DELETE", f"{_NETWORK}/networkInterfaces/{{nic}}", self.delete_interface),
        ]

    def put_network(self, call: Call) -> Answer:
        body, given = call.body or {}, (call.body or {}).get("properties") or {}
        location = self._writable(call, VNET)
        space = [
            _network(text, call) for text in (given.get("addressSpace") or {}).get("addressPrefixes") or []
        ]
        if not space:
            raise ArmError(
                400, "InvalidRequestFormat", "Cannot parse the request: addressSpace has no addressPrefixes."
            )
        subnets = [self._subnet(call, location, one, space) for one in given.get("subnets") or []]
        network = Resource(
            id=call.resource_id,
            kind=VNET,
            location=location,
            etag=new_etag(),
            tags=dict(body.get("tags") or {}),
            properties={
                "provisioningState": "Updating",
                "resourceGuid": str(uuid.uuid4()),
                "addressSpace": {"addressPrefixes": [str(one) for one in space]},
            },
        )
        return self._made(call, network, "VNET PUT", subnets)

    def _subnet(self, call: Call, location: str, given: dict[str, Any], space: list[Any]) -> Resource:
        properties = given.get("properties") or {}
        prefix = _network(str(properties.get("addressPrefix")), call)
        if not any(prefix.subnet_of(one) for one in space):
            raise ArmError(
                400,
                "NetcfgInvalidSubnet",
                f"Subnet '{given.get('name')}' is not valid in virtual network '{call.params['vnet']}'.",
            )
        kept: dict[str, Any] = {"provisioningState": "Succeeded", "addressPrefix": str(prefix)}
        if group := (properties.get("networkSecurityGroup") or {}).get("id"):
            found = self._estate.find(group)
            if found is None or found.kind != NSG or found.location != location:
                raise ArmError(
                    400,
                    "InvalidResourceReference",
                    f"Resource {group} referenced by resource {call.resource_id} was not found. Please make "
                    "sure that the referenced resource exists, and that both resources are in the same "
                    "region.",
                )
            kept["networkSecurityGroup"] = {"id": found.id}
        return Resource(
            id=f"{call.resource_id}/subnets/{given.get('name')}",
            kind=SUBNET,
            etag=new_etag(),
            properties=kept,
        )

    def put_address(self, call: Call) -> Answer:
        body, given = call.body or {}, (call.body or {}).get("properties") or {}
        location = self._writable(call, PUBLIC_IP)
        sku = {"name": "Standard", "tier": "Regional", **(body.get("sku") or {})}
        if sku["name"] == "Standard" and given.get("publicIPAllocationMethod") != "Static":
            # That Standard is static is documented; code and words were not found.
            raise ArmError(400, "BadRequest", "Standard SKU public IP addresses have to be static.")
        address = Resource(
            id=call.resource_id,
            kind=PUBLIC_IP,
            location=location,
            etag=new_etag(),
            tags=dict(body.get("tags") or {}),
            extra={"sku": sku},
            properties={
                "idleTimeoutInMinutes": 4,
                "publicIPAddressVersion": "IPv4",
                **given,
                "provisioningState": "Updating",
                "resourceGuid": str(uuid.uuid4()),
                "ipAddress": f"20.99.{uuid.uuid4().int % 250}.{uuid.uuid4().int % 250 + 1}",
            },
        )
        return self._made(call, address, "public IP PUT", [])

    def _writable(self, call: Call, kind: str) -> str:
        old = self._estate.find(call.resource_id)
        check_match(call, old)
        self._locks.check_write(call.resource_id, f"{kind}/write")
        self._lro.operations.check_free(call.resource_id, "AnotherOperationInProgress")
        return checked_location(call.body or {}, old)

    def _made(self, call: Call, resource: Resource, name: str, more: list[Resource]) -> Answer:
        new = self._estate.find(resource.id) is None
        for one in (resource, *more):
            self._estate.add(one)
        operation = self._lro.network(name, resource.id, resource.location, PUT_S)
        self._lro.operations.begin(
            operation,
            lambda: settle(resource, "Succeeded"),
            failed=lambda: settle(resource, operation.status),
        )
        return accepted(call, operation, status=201 if new else 200, body=resource.as_json())

    def delete_network(self, call: Call) -> Answer:
        subnets = [one for one in self._estate.of(SUBNET) if _inside(one.id, call.resource_id)]
        for subnet in subnets:
            users = [
                f"{nic.id}/ipConfigurations/{part['name']}"
                for nic in self._estate.of(NIC)
                for part in nic.properties["ipConfigurations"]
                if same(part["properties"]["subnet"]["id"], subnet.id)
            ]
            if users:
                raise ArmError(
                    400,
                    "InUseSubnetCannotBeDeleted",
                    f"Subnet {subnet.name} is in use by {users[0]} and cannot be deleted. In order to delete "
                    "the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.",
                )
        return self._deleted(call, "VNET DELETE", [one.id for one in subnets])

    def delete_address(self, call: Call) -> Answer:
        for nic in self._estate.of(NIC):
            for part in nic.properties["ipConfigurations"]:
                if same((part["properties"].get("publicIPAddress") or {}).get("id", ""), call.resource_id):
                    raise ArmError(
                        400,
                        "PublicIPAddressCannotBeDeleted",
                        f"Public IP address {call.resource_id} can not be deleted since it is still "
                        f"allocated to resource {nic.id}/ipConfigurations/{part['name']}. In order to delete "
                        "the public IP, disassociate/detach the Public IP address from the resource. To "
                        "learn how to do this, see aka.ms/deletepublicip.",
                    )
        return self._deleted(call, "public IP DELETE", [])

    def delete_interface(self, call: Call) -> Answer:
        nic = self._estate.find(call.resource_id)
        user = ((nic.properties if nic else {}).get("virtualMachine") or {}).get("id")
        if user:
            raise ArmError(
                400,
                "NicInUse",
                f"Network Interface {call.resource_id} is used by existing resource {user}. In order to "
                "delete the network interface, it must be dissociated from the resource. To learn more, see "
                "aka.ms/deletenic.",
            )
        return self._deleted(call, "NIC DELETE", [])

    def _deleted(self, call: Call, name: str, more: list[str]) -> Answer:
        resource = self._estate.find(call.resource_id)
        if resource is None:
            return Answer(status=204)
        self._locks.check_delete(resource.id)
        self._lro.operations.check_free(resource.id, "AnotherOperationInProgress")
        resource.properties["provisioningState"] = "Deleting"
        operation = self._lro.network(name, resource.id, resource.location, DELETE_S)

        def done() -> None:
            for one in (resource.id, *more):
                self._estate.remove(one)

        self._lro.operations.begin(operation, done, failed=lambda: settle(resource, operation.status))
        return accepted(call, operation)


def _network(text: str, call: Call) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(text)
    except ValueError:
        raise ArmError(
            400,
            "InvalidAddressPrefixFormat",
            f"Address prefix {text} of resource {call.resource_id} is not formatted correctly. It should "
            "follow CIDR notation, for example 10.0.0.0/24.",
        ) from None


def _inside(resource_id: str, parent_id: str) -> bool:
    return resource_id.lower().startswith(f"{parent_id.lower()}/")
