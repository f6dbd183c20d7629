"""What network interfaces hang on: networks, subnets, route tables, public addresses, application groups.

Shape of a route table: ``RouteTable`` of the REST specification,
https://learn.microsoft.com/rest/api/virtualnetwork/route-tables/get
"""

from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, listing
from deploy.sandbox.azure.model import ASG, PUBLIC_IP, SUBNET, VNET, Estate

_NETWORK = "/providers/Microsoft.Network"
_VNETS = f"{_NETWORK}/virtualNetworks"
_ADDRESSES = f"{_NETWORK}/publicIPAddresses"
_ROUTES = f"{_NETWORK}/routeTables"
_ASGS = f"{_NETWORK}/applicationSecurityGroups"


class Networks:
    """Those of Microsoft.Network that are only read."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{GROUP}{_VNETS}/{{vnet}}", self.get),
            Route("GET", f"{SUBSCRIPTION}{_VNETS}", self.list_vnets),
            Route("GET", f"{GROUP}{_VNETS}/{{vnet}}/subnets/{{subnet}}", self.get),
            Route("GET", f"{GROUP}{_VNETS}/{{vnet}}/subnets", self.list_subnets),
            Route("GET", f"{GROUP}{_ADDRESSES}/{{address}}", self.get),
            Route("GET", f"{GROUP}{_ADDRESSES}", self.list_addresses),
            Route("GET", f"{SUBSCRIPTION}{_ADDRESSES}", self.list_addresses),
            Route("GET", f"{GROUP}{_ROUTES}/{{table}}", self.get),
            Route("GET", f"{GROUP}{_ASGS}/{{asg}}", self.get),
            Route("GET", f"{GROUP}{_ASGS}", self.list_asgs),
        ]

    def get(self, call: Call) -> Answer:
        found = self._estate.get(call.resource_id)
        return Answer(body=found.as_json(), headers={"ETag": found.etag})

    def list_vnets(self, call: Call) -> Answer:
        return self._list(call, VNET, call.scope)

    def list_subnets(self, call: Call) -> Answer:
        return self._list(call, SUBNET, self._estate.get(call.parent_id).id)

    def list_addresses(self, call: Call) -> Answer:
        return self._list(call, PUBLIC_IP, call.scope)

    def list_asgs(self, call: Call) -> Answer:
        return self._list(call, ASG, call.scope)

    def _list(self, call: Call, kind: str, scope: str) -> Answer:
        return listing(call, [r.as_json() for r in self._estate.of(kind, scope)])
