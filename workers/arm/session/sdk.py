"""The SDK packages that are slow to import, in one place, so that they are imported once and on purpose.

Together they take one to four seconds and more memory than the rest of the product. ``clients`` imports this
module in a thread when it opens; nothing else does at run time.
"""

from azure.mgmt.authorization.aio import AuthorizationManagementClient
from azure.mgmt.compute.aio import ComputeManagementClient
from azure.mgmt.monitor.aio import MonitorManagementClient
from azure.mgmt.network.aio import NetworkManagementClient
from azure.mgmt.recoveryservices.aio import RecoveryServicesClient
from azure.mgmt.recoveryservicesbackup.aio import RecoveryServicesBackupClient
from azure.mgmt.resource.locks.aio import ManagementLockClient
from azure.mgmt.resource.subscriptions.aio import SubscriptionClient
from azure.mgmt.resourcegraph.aio import ResourceGraphClient
from azure.mgmt.security.aio import SecurityCenter

__all__ = [
    "AuthorizationManagementClient",
    "ComputeManagementClient",
    "ManagementLockClient",
    "MonitorManagementClient",
    "NetworkManagementClient",
    "RecoveryServicesBackupClient",
    "RecoveryServicesClient",
    "ResourceGraphClient",
    "SecurityCenter",
    "SubscriptionClient",
]
