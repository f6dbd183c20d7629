"""Encryption at host: which sizes and subscriptions have it, and what Azure says where it can't be.

Sources:
    https://learn.microsoft.com/azure/virtual-machines/disks-enable-host-based-encryption-portal
    https://learn.microsoft.com/rest/api/compute/resource-skus/list
    https://learn.microsoft.com/rest/api/resources/features/get
"""

import re
from typing import Any

from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import SUBSCRIPTION, Answer, Call, Route, listing
from deploy.sandbox.azure.model import Estate, Vm

FEATURE = "EncryptionAtHost"
_WITHOUT = {"Standard_A2_v2": 2, "Standard_D2_v2": 2, "Standard_NC6": 6}
"""Sizes that lack it, with their processors: "Dv2, Av2" and NC are listed as not supported."""
_WITH = {
    "Standard_B1s": 1,
    "Standard_B2s": 2,
    "Standard_D4s_v5": 4,
    "Standard_E8s_v5": 8,
    "Standard_F8s_v2": 8,
    "Standard_NC6s_v3": 6,
}
_LOCATION = re.compile(r"location\s+eq\s+'([^']+)'", re.IGNORECASE)
_REGIONS = ("westeurope", "northeurope")


class HostEncryption:
    """What a machine needs to be encrypted at its host: ``Microsoft.Compute/skus``, ``Microsoft.Features``.

    Attributes:
        states: by subscription in lower case, the state of the feature; *Registered* where nothing else is
            said.
    """

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self.states: dict[str, str] = {}

    def routes(self) -> list[Route]:
        features = f"{SUBSCRIPTION}/providers/Microsoft.Features/providers/{{namespace}}/features"
        return [
            Route("GET", f"{SUBSCRIPTION}/providers/Microsoft.Compute/skus", self.list_skus),
            Route("GET", f"{features}/{{feature}}", self.get_feature),
        ]

    def list_skus(self, call: Call) -> Answer:
        """Only the filter by location is supported, as the documentation says; without it, all regions."""
        asked = _LOCATION.search(call.query.get("$filter", ""))
        regions = (asked[1].lower(),) if asked else _REGIONS
        sizes = {**_WITHOUT, **_WITH}
        disk = {"resourceType": "disks", "name": "Premium_LRS", "tier": "Premium", "size": "P10"}
        return listing(
            call,
            [
                *({**disk, "locations": [region], "restrictions": []} for region in regions),
                *(_size(name, sizes[name], region) for name in sizes for region in regions),
            ],
        )

    def get_feature(self, call: Call) -> Answer:
        namespace, feature = call.params["namespace"], call.params["feature"]
        if (namespace.lower(), feature.lower()) != ("microsoft.compute", FEATURE.lower()):
            raise ArmError(404, "FeatureNotFound", f"The feature '{feature}' could not be found.")
        return Answer(
            body={
                "id": call.resource_id,
                "name": f"Microsoft.Compute/{FEATURE}",
                "type": "Microsoft.Features/providers/features",
                "properties": {"state": self._state(call.subscription)},
            }
        )

    def check(self, vm: Vm) -> None:
        """Raise if the property can't be set on this machine now, whatever to.

        The sentences about the feature and about the power state are those that people quote:
        https://github.com/MicrosoftDocs/azure-docs/issues/68028, and the Terraform provider's source. That a
        subscription without the feature refuses ``false`` as well: bicep-registry-modules issue 2374. Which
        words the other two refusals have is not documented.
        """
        if self._state(vm.subscription) != "Registered":
            raise _invalid(f"the 'Microsoft.Compute/{FEATURE}' feature is not enabled for this subscription.")
        size = str(vm.properties["hardwareProfile"].get("vmSize"))
        if size in _WITHOUT:
            raise _invalid(f"the VM size '{size}' does not support it.")
        disks = [self._estate.find(disk_id) for disk_id in vm.disk_ids()]
        if any(
            (disk.properties.get("encryptionSettingsCollection") or {}).get("enabled")
            for disk in disks
            if disk
        ):
            raise ArmError(
                409,
                "OperationNotAllowed",
                "Encryption at host can't be enabled on a VM that uses Azure Disk Encryption.",
            )
        if vm.power != "deallocated":
            raise ArmError(
                409,
                "OperationNotAllowed",
                "'securityProfile.encryptionAtHost' can be updated only when VM is in deallocated state.",
            )

    def _state(self, subscription: str) -> str:
        return self.states.get(subscription.lower(), "Registered")


def _invalid(why: str) -> ArmError:
    place = "securityProfile.encryptionAtHost"
    message = f"The property '{place}' is not valid because {why}"
    return ArmError(400, "InvalidParameter", message, more={"target": place})


def _size(name: str, processors: int, region: str) -> dict[str, Any]:
    family = name.removeprefix("Standard_")
    return {
        "resourceType": "virtualMachines",
        "name": name,
        "tier": "Standard",
        "size": family,
        "family": f"standard{family}Family",
        "locations": [region],
        "locationInfo": [{"location": region, "zones": ["1", "2", "3"], "zoneDetails": []}],
        "capabilities": [
            {"name": "vCPUs", "value": str(processors)},
            {"name": "EncryptionAtHostSupported", "value": str(name in _WITH)},
        ],
        "restrictions": [],
    }
