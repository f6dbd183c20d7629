"""Makes a load balancer of the world, and has the machines behind it refer to it."""

from typing import Any

from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.model import LOAD_BALANCER, PUBLIC_IP, VM, Estate, Resource, new_etag
from deploy.sandbox.world import LoadBalancerSeed, World

_TYPES = "Microsoft.Network/loadBalancers"


def add_load_balancer(estate: Estate, world: World, seed: LoadBalancerSeed) -> Resource:
    """One more load balancer, in front of machines that exist.

    Raises:
        ValueError: there is one of this name, or a machine behind it does not exist or has no interface.
    """
    subscription = world.subscriptions[seed.subscription].id
    balancer_id = arm_id(subscription, seed.group, LOAD_BALANCER, seed.name)
    if estate.find(balancer_id) is not None:
        raise ValueError(f"{balancer_id} exists already")
    maker = _Maker(estate, seed, subscription, balancer_id)
    return maker.make()


class _Maker:
    """Puts the parts together; each part has its id below the load balancer."""

    def __init__(self, estate: Estate, seed: LoadBalancerSeed, subscription: str, balancer_id: str) -> None:
        self._estate = estate
        self._seed = seed
        self._subscription = subscription
        self._id = balancer_id
        self._etag = new_etag()
        self._frontend = {"id": f"{balancer_id}/frontendIPConfigurations/front"}
        self._pool = {"id": f"{balancer_id}/backendAddressPools/machines"}

    def make(self) -> Resource:
        seed = self._seed
        names = {*seed.backends, *(nat.vm for nat in seed.nat)}
        configurations = {name: self._configuration(name) for name in names}
        for name in seed.backends:
            _refer(configurations[name], "loadBalancerBackendAddressPools", self._pool["id"])
        for nat in seed.nat:
            _refer(configurations[nat.vm], "loadBalancerInboundNatRules", self._nat_id(nat.vm, nat.port))
        return self._estate.add(
            Resource(
                id=self._id,
                kind=LOAD_BALANCER,
                location=seed.location,
                etag=self._etag,
                extra={"sku": {"name": "Standard", "tier": "Regional"}},
                properties=self._properties(),
            )
        )

    def _properties(self) -> dict[str, Any]:
        seed, timeouts = self._seed, {"idleTimeoutInMinutes": 4, "enableTcpReset": False}
        common = {"frontendIPConfiguration": self._frontend, **timeouts, "enableFloatingIP": False}
        rules = [
            self._part(
                "loadBalancingRules",
                f"rule-{front}",
                **common,
                frontendPort=front,
                backendPort=back,
                protocol="Tcp",
                loadDistribution="Default",
                disableOutboundSnat=seed.outbound,
                backendAddressPool=self._pool,
                backendAddressPools=[self._pool],
            )
            for front, back in map(_ports, seed.rules)
        ]
        nats = [
            self._part(
                "inboundNatRules",
                f"{nat.vm}-{nat.port}",
                **common,
                frontendPort=nat.port,
                backendPort=nat.to,
                protocol="Tcp",
            )
            for nat in seed.nat
        ]
        pools = [
            self._part(
                "inboundNatPools",
                f"pool-{first}",
                **common,
                frontendPortRangeStart=first,
                frontendPortRangeEnd=last,
                backendPort=to,
                protocol="Tcp",
            )
            for first, last, to in seed.nat_pools
        ]
        outbound = [
            self._part(
                "outboundRules",
                "out",
                **timeouts,
                allocatedOutboundPorts=0,
                protocol="All",
                backendAddressPool=self._pool,
                frontendIPConfigurations=[self._frontend],
            )
        ]
        return {
            "provisioningState": "Succeeded",
            "frontendIPConfigurations": [self._part("frontendIPConfigurations", "front", **self._address())],
            "backendAddressPools": [self._part("backendAddressPools", "machines")],
            "loadBalancingRules": rules,
            "probes": [],
            "inboundNatRules": nats,
            "inboundNatPools": pools,
            "outboundRules": outbound if seed.outbound else [],
        }

    def _part(self, kind: str, name: str, **properties: Any) -> dict[str, Any]:
        return {
            "name": name,
            "id": f"{self._id}/{kind}/{name}",
            "etag": self._etag,
            "type": f"{_TYPES}/{kind}",
            "properties": {"provisioningState": "Succeeded", **properties},
        }

    def _address(self) -> dict[str, Any]:
        """A public frontend has an address of its own; a private one lies in the first machine's subnet."""
        if not self._seed.public_ip:
            subnet = self._configuration(self._seed.backends[0])["properties"]["subnet"]
            return {
                "privateIPAddress": "10.0.0.250",
                "privateIPAllocationMethod": "Static",
                "privateIPAddressVersion": "IPv4",
                "subnet": subnet,
            }
        address = Resource(
            id=arm_id(self._subscription, self._seed.group, PUBLIC_IP, f"{self._seed.name}-ip"),
            kind=PUBLIC_IP,
            location=self._seed.location,
            etag=new_etag(),
            extra={"sku": {"name": "Standard", "tier": "Regional"}},
            properties={
                "provisioningState": "Succeeded",
                "ipAddress": self._seed.public_ip,
                "publicIPAddressVersion": "IPv4",
                "publicIPAllocationMethod": "Static",
                "idleTimeoutInMinutes": 4,
                "ipConfiguration": self._frontend,
            },
        )
        self._estate.add(address)
        return {"publicIPAddress": {"id": address.id}, "privateIPAllocationMethod": "Dynamic"}

    def _nat_id(self, vm: str, port: int) -> str:
        return f"{self._id}/inboundNatRules/{vm}-{port}"

    def _configuration(self, name: str) -> dict[str, Any]:
        """The first IP configuration of a machine's first interface."""
        vm_id = arm_id(self._subscription, self._seed.group, VM, name)
        vm = self._estate.find(vm_id)
        interfaces = vm.properties["networkProfile"]["networkInterfaces"] if vm is not None else []
        if not interfaces:
            raise ValueError(f"{vm_id} is not there, or has no interface")
        nic = self._estate.get(interfaces[0]["id"])
        configuration: dict[str, Any] = nic.properties["ipConfigurations"][0]
        return configuration


def _refer(configuration: dict[str, Any], key: str, part_id: str) -> None:
    configuration["properties"].setdefault(key, []).append({"id": part_id})


def _ports(text: str) -> tuple[int, int]:
    """``443`` or, where the machines listen elsewhere, ``443:8443``."""
    front, _, back = text.partition(":")
    return int(front), int(back or front)
