"""Load balancers, to be read: what leads from a public address to machines that have none of their own.

Shape: ``LoadBalancer`` of the REST specification,
https://learn.microsoft.com/rest/api/load-balancer/load-balancers/get
"""

from collections.abc import Iterator
from typing import Any

from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, listing
from deploy.sandbox.azure.ids import same
from deploy.sandbox.azure.model import LOAD_BALANCER, NIC, Estate, Resource

_BALANCERS = "/providers/Microsoft.Network/loadBalancers"


class LoadBalancers:
    """``Microsoft.Network/loadBalancers``."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{GROUP}{_BALANCERS}/{{balancer}}", self.get),
            Route("GET", f"{GROUP}{_BALANCERS}", self.list_all),
            Route("GET", f"{SUBSCRIPTION}{_BALANCERS}", self.list_all),
        ]

    def get(self, call: Call) -> Answer:
        balancer = self._estate.get(call.resource_id)
        return Answer(body=self._shown(balancer), headers={"ETag": balancer.etag})

    def list_all(self, call: Call) -> Answer:
        return listing(call, [self._shown(one) for one in self._estate.of(LOAD_BALANCER, call.scope)])

    def _shown(self, balancer: Resource) -> dict[str, Any]:
        """With the IP configurations that refer to its pools and NAT rules: the interfaces hold that."""
        body = balancer.as_json()
        pools = [
            self._with(item, "backendIPConfigurations", self._users(item["id"]) or None)
            for item in balancer.properties["backendAddressPools"]
        ]
        rules = [
            self._with(item, "backendIPConfiguration", next(iter(self._users(item["id"])), None))
            for item in balancer.properties["inboundNatRules"]
        ]
        body["properties"] = {
            **balancer.properties,
            "backendAddressPools": pools,
            "inboundNatRules": rules,
        }
        return body

    @staticmethod
    def _with(item: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
        return item if value is None else {**item, "properties": {**item["properties"], key: value}}

    def _users(self, part_id: str) -> list[dict[str, str]]:
        return [{"id": found} for found in self._configurations(part_id)]

    def _configurations(self, part_id: str) -> Iterator[str]:
        """The ids of the IP configurations that refer to a pool or a NAT rule."""
        for nic in self._estate.of(NIC):
            for item in nic.properties["ipConfigurations"]:
                given = item["properties"]
                parts = [
                    *(given.get("loadBalancerBackendAddressPools") or []),
                    *(given.get("loadBalancerInboundNatRules") or []),
                ]
                if any(same(part["id"], part_id) for part in parts):
                    yield item["id"]
