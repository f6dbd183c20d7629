"""Gives the subnets of a machine a route table, such as one that leads everything to a firewall."""

from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.model import ROUTE_TABLE, Estate, Resource, Vm, new_etag


def add_route_table(estate: Estate, vm: Vm, name: str, *prefixes: str) -> Resource:
    """A route table beside this machine, with a route to an appliance for each prefix, on all its subnets."""
    table_id = arm_id(vm.subscription, vm.group, ROUTE_TABLE, name)
    routes = [
        {
            "name": f"route-{number}",
            "id": f"{table_id}/routes/route-{number}",
            "properties": {
                "provisioningState": "Succeeded",
                "addressPrefix": prefix,
                "nextHopType": "VirtualAppliance",
                "nextHopIpAddress": "10.9.0.4",
                "hasBgpOverride": False,
            },
        }
        for number, prefix in enumerate(prefixes, 1)
    ]
    for nic_id in vm.nic_ids():
        for configuration in estate.get(nic_id).properties["ipConfigurations"]:
            subnet = estate.get(configuration["properties"]["subnet"]["id"])
            subnet.properties["routeTable"] = {"id": table_id}
    return estate.add(
        Resource(
            id=table_id,
            kind=ROUTE_TABLE,
            location=vm.location,
            etag=new_etag(),
            properties={
                "provisioningState": "Succeeded",
                "disableBgpRoutePropagation": False,
                "routes": routes,
            },
        )
    )
