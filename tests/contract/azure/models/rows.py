"""Which model holds which body: a row for each resource, by the end of its path."""

import re
from dataclasses import dataclass
from typing import Any

import azure.mgmt.authorization.v2022_04_01.models as role_models
import azure.mgmt.compute.models as compute_models
import azure.mgmt.compute.types as compute_types
import azure.mgmt.monitor.models as monitor_models
import azure.mgmt.network.models as network_models
import azure.mgmt.network.types as network_types
import azure.mgmt.recoveryservices.models as vault_models
import azure.mgmt.recoveryservices.types as vault_types
import azure.mgmt.recoveryservicesbackup.models as backup_models
import azure.mgmt.recoveryservicesbackup.types as backup_types
import azure.mgmt.resource.locks.models as lock_models
import azure.mgmt.resource.subscriptions.models as subscription_models
import azure.mgmt.resource.subscriptions.types as subscription_types
import azure.mgmt.resourcegraph.models as graph_models
import azure.mgmt.security.v2020_01_01.models as jit_models
import azure.mgmt.security.v2024_01_01.models as pricing_models

from tests.contract.azure.models.older import OlderPackage
from tests.contract.azure.models.shapes import Package

COMPUTE = Package(compute_types, compute_models)
_MONITOR = OlderPackage(monitor_models)
_NETWORK = Package(network_types, network_models)
_VAULTS = Package(vault_types, vault_models)
_BACKUP = Package(backup_types, backup_models)
_SUBSCRIPTIONS = Package(subscription_types, subscription_models)
_PLANS = OlderPackage(pricing_models)
_JIT = OlderPackage(jit_models)
_GRAPH = OlderPackage(graph_models)
_LOCKS = OlderPackage(lock_models)
_ROLES = OlderPackage(role_models)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind of request.

    Attributes:
        path: regular expression for the whole path, in lower case; ``ONE`` stands for a name.
        package: whose models.
        answered: the model of the answer, or of each item where the answer is a list; empty if it has none.
        asked: by method, the model of the request's body.
    """

    path: str
    package: Package | OlderPackage
    answered: str = ""
    asked: dict[str, str]

    def fits(self, path: str) -> bool:
        return re.fullmatch(self.path.replace("ONE", "[^/]+"), path.lower().rstrip("/")) is not None


@dataclass(frozen=True, kw_only=True)
class Unheld:
    """Requests whose bodies no model describes, and why."""

    path: str
    why: str

    def fits(self, path: str) -> bool:
        return re.search(self.path, path.lower()) is not None


def _row(package: Package | OlderPackage, path: str, answered: str = "", **asked: str) -> Row:
    return Row(path=path, package=package, answered=answered, asked=asked)


_ANY = "/subscriptions/ONE"
_GROUP = f"{_ANY}/resourcegroups/ONE"
_IN = f"{_ANY}(?:/resourcegroups/ONE)?"
_VMS = "providers/microsoft.compute/virtualmachines"
_NET = "providers/microsoft.network"
_VAULT = f"{_GROUP}/providers/microsoft.recoveryservices/vaults/ONE"
_INSIGHTS = "providers/microsoft.insights"
_ITEM = f"{_VAULT}/backupfabrics/ONE/protectioncontainers/ONE/protecteditems/ONE"

REFUSED = "ErrorResponse"
"""ARM's common shape of a refusal, as Microsoft.Compute has it too."""

ROWS = (
    _row(_SUBSCRIPTIONS, "/subscriptions(?:/ONE)?", "Subscription"),
    _row(
        COMPUTE, f"{_GROUP}/{_VMS}/ONE", "VirtualMachine", PATCH="VirtualMachineUpdate", PUT="VirtualMachine"
    ),
    _row(COMPUTE, f"{_GROUP}/{_VMS}/ONE/instanceview", "VirtualMachineInstanceView"),
    _row(COMPUTE, f"{_GROUP}/{_VMS}/ONE/(?:start|deallocate|poweroff|restart)"),
    _row(COMPUTE, f"{_IN}/{_VMS}", "VirtualMachine"),
    _row(COMPUTE, f"{_ANY}/providers/microsoft.compute/skus", "ResourceSku"),
    _row(COMPUTE, f"{_GROUP}/providers/microsoft.compute/availabilitysets/ONE", "AvailabilitySet"),
    _row(COMPUTE, f"{_IN}/providers/microsoft.compute/disks(?:/ONE)?", "Disk"),
    _row(COMPUTE, f"{_IN}/providers/microsoft.compute/snapshots(?:/ONE)?", "Snapshot", PUT="Snapshot"),
    _row(_NETWORK, f"{_IN}/{_NET}/networkinterfaces(?:/ONE)?", "NetworkInterface", PUT="NetworkInterface"),
    _row(
        _NETWORK,
        f"{_GROUP}/{_NET}/networkinterfaces/ONE/effectivenetworksecuritygroups",
        "EffectiveNetworkSecurityGroup",
    ),
    _row(
        _NETWORK,
        f"{_IN}/{_NET}/networksecuritygroups(?:/ONE)?",
        "NetworkSecurityGroup",
        PUT="NetworkSecurityGroup",
    ),
    _row(_NETWORK, f"{_IN}/{_NET}/virtualnetworks(?:/ONE)?", "VirtualNetwork", PUT="VirtualNetwork"),
    _row(_NETWORK, f"{_GROUP}/{_NET}/virtualnetworks/ONE/subnets(?:/ONE)?", "Subnet"),
    _row(_NETWORK, f"{_IN}/{_NET}/publicipaddresses(?:/ONE)?", "PublicIPAddress", PUT="PublicIPAddress"),
    _row(_NETWORK, f"{_IN}/{_NET}/applicationsecuritygroups(?:/ONE)?", "ApplicationSecurityGroup"),
    _row(_NETWORK, f"{_IN}/{_NET}/loadbalancers(?:/ONE)?", "LoadBalancer"),
    _row(_NETWORK, f"{_GROUP}/{_NET}/routetables/ONE", "RouteTable"),
    _row(_NETWORK, f"{_ANY}/{_NET}/bastionhosts", "BastionHost"),
    _row(_NETWORK, f"{_GROUP}/{_NET}/bastionhosts/ONE/getactivesessions"),
    _row(
        _BACKUP,
        f"{_ANY}/providers/microsoft.recoveryservices/locations/ONE/backupstatus",
        "BackupStatusResponse",
        POST="BackupStatusRequest",
    ),
    _row(_VAULTS, _VAULT, "Vault", PUT="Vault", PATCH="PatchVault"),
    _row(_VAULTS, f"{_IN}/providers/microsoft.recoveryservices/vaults", "Vault"),
    _row(
        _BACKUP,
        f"{_VAULT}/backuppolicies(?:/ONE)?",
        "ProtectionPolicyResource",
        PUT="ProtectionPolicyResource",
    ),
    _row(
        _BACKUP,
        f"{_VAULT}/backupconfig/vaultconfig",
        "BackupResourceVaultConfigResource",
        PUT="BackupResourceVaultConfigResource",
        PATCH="BackupResourceVaultConfigResource",
    ),
    _row(_BACKUP, f"{_VAULT}/backupjobs(?:/ONE)?", "JobResource"),
    _row(_BACKUP, f"{_VAULT}/backupprotecteditems", "ProtectedItemResource"),
    _row(_BACKUP, _ITEM, "ProtectedItemResource", PUT="ProtectedItemResource"),
    _row(_BACKUP, f"{_ITEM}/backup", POST="BackupRequestResource"),
    _row(_BACKUP, f"{_ITEM}/operationsstatus/ONE", "OperationStatus"),
    _row(_VAULTS, f"{_VAULT}/operationstatus/ONE", "OperationResource"),
    _row(_ROLES, r".+/providers/microsoft\.authorization/roleassignments", "RoleAssignment"),
    _row(
        _PLANS,
        f"{_ANY}(?:/resourcegroups/ONE/{_VMS}/ONE)?/providers/microsoft.security/pricings/ONE",
        "Pricing",
        PUT="Pricing",
    ),
    _row(
        _JIT,
        f"{_IN}/providers/microsoft.security(?:/locations/ONE)?/jitnetworkaccesspolicies(?:/ONE)?",
        "JitNetworkAccessPolicy",
        PUT="JitNetworkAccessPolicy",
    ),
    _row(_GRAPH, "/providers/microsoft.resourcegraph/resources", "QueryResponse", POST="QueryRequest"),
    _row(
        _MONITOR,
        f"{_IN}/{_INSIGHTS}/activitylogalerts(?:/ONE)?",
        "ActivityLogAlertResource",
        PUT="ActivityLogAlertResource",
    ),
    _row(
        _MONITOR, f"{_IN}/{_INSIGHTS}/actiongroups(?:/ONE)?", "ActionGroupResource", PUT="ActionGroupResource"
    ),
    _row(
        _LOCKS,
        r".+/providers/microsoft\.authorization/locks(?:/ONE)?",
        "ManagementLockObject",
        PUT="ManagementLockObject",
    ),
)

UNHELD = (
    Unheld(
        path=r"/(operations|operationresults|operationstatus|operationsstatus)/[^/]+$",
        why="The status of an operation is ARM's, not a provider's: no package has a model of it. The SDKs' "
        "own pollers read it in the other contract tests.",
    ),
    Unheld(
        path=r"/providers/microsoft\.classic",
        why="The classic deployment model was retired in 2023; its REST bodies were never published.",
    ),
    Unheld(
        path=r"/providers/microsoft\.authorization/permissions",
        why="The permissions call has no id and no version of its own in the models; its own client reads "
        "them in the contract tests of the doctor.",
    ),
    Unheld(
        path=r"/providers/microsoft\.logic/",
        why="azure-mgmt-logic is no dependency of the product: it asks a Logic App only where it listens.",
    ),
    Unheld(
        path=r"/providers/microsoft\.insights/eventtypes/management/values$",
        why="azure-mgmt-monitor 7 has no operation of the Activity Log any more, and it takes a filter; what "
        "is read of it is held in tests/contract/arm/read/test_start_log.py.",
    ),
    Unheld(
        path=r"^/subscriptions/[^/]+/providers/[^/]+$",
        why="azure-mgmt-resource is no dependency of the product: it reads which api-versions are served.",
    ),
    Unheld(
        path=r"/providers/microsoft\.(servicebus|storage)/",
        why="Their management packages are no dependencies of the product: it reads few properties of each.",
    ),
    Unheld(
        path=r"/providers/microsoft\.eventgrid/",
        why="azure-mgmt-eventgrid is no dependency of the product: it reads two lists.",
    ),
    Unheld(
        path=r"/providers/microsoft\.features/",
        why="azure-mgmt-resource-features is no dependency of the product: it reads one state.",
    ),
    Unheld(
        path=r"^/subscriptions/[^/]+/resourcegroups(/[^/]+)?$",
        why="azure-mgmt-resource is no dependency of the product: it reads no resource group.",
    ),
)

EXCEPTIONS = {
    r"objectType: BackupStatusResponse has no such property$": "The service sends it, by a recorded answer "
    "(cloud-custodian, test cassette of the VM backup status); the specification leaves it out.",
    r"properties\.hardwareProfile\.vmSize: '\w+' is none of ": "The specification calls this enumeration "
    "deprecated: it ends with sizes of 2018, and sizes are listed per region instead.",
}
"""Faults that are none, by what their sentence holds (regular expressions), with the reason."""


def row_of(path: str) -> Row | None:
    """The row of a path, if a model holds its bodies."""
    return next((row for row in ROWS if row.fits(path)), None)


def bodies(answered: Any) -> list[Any]:
    """The items of a list, or the body itself."""
    if isinstance(answered, dict) and isinstance(answered.get("value"), list):
        return list(answered["value"])
    return [answered]
