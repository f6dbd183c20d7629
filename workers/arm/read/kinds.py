"""Which resources a start needs that can be read one by one or as a list, and what is kept of each."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from workers.arm.read import network
from workers.arm.read.machine import machine_facts, read_machine
from workers.arm.read.network_facts import nic_links, public_ip
from workers.arm.read.together import Kind
from workers.arm.session.clients import Azure
from workers.arm.session.pages import COMPUTE_VERSION, NETWORK_VERSION
from workers.domain.starts.vm import VmRef

_Json = dict[str, Any]
_T = TypeVar("_T")

MACHINES = Kind(
    collection="Microsoft.Compute/virtualMachines",
    api_version=COMPUTE_VERSION,
    read=lambda azure, vm_id: read_machine(azure, VmRef.parse(vm_id)),
    told=machine_facts,
)


def _of_network(
    collection: str, read: Callable[[Azure, str], Coroutine[Any, Any, _Json]], told: Callable[[_Json], _T]
) -> Kind[_T]:
    return Kind(
        collection=f"Microsoft.Network/{collection}", api_version=NETWORK_VERSION, read=read, told=told
    )


def _whole(nsg: _Json) -> _Json:
    """As it is: to take all NSGs of a group apart, for the few that are wanted, would be too much."""
    return nsg


NICS = _of_network("networkInterfaces", network.read_nic, nic_links)
NSGS = _of_network("networkSecurityGroups", network.read_nsg, _whole)
PUBLIC_IPS = _of_network("publicIPAddresses", network.read_public_ip, public_ip)
