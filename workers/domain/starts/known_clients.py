"""Applications of Microsoft that start VMs, or with which people start them, by the names that people know.

An id proves nothing about who stands behind it; it only reads better as a name. What each rests on stands
beside it. Microsoft documents some of these ids, and publishes no list of all that start VMs.
"""

from typing import NamedTuple


class KnownClient(NamedTuple):
    """One application.

    Attributes:
        app_id: in lower case.
        name: for people.
        source: where the id is named so.
    """

    app_id: str
    name: str
    source: str


_SIGN_INS = (
    "https://learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in"
)

KNOWN_CLIENTS = (
    # With these people start VMs.
    KnownClient("c44b4083-3bb0-49c1-b47d-974e53cbdf3c", "Azure portal", _SIGN_INS),
    KnownClient("04b07795-8ddb-461a-bbee-02f9e1bf7b46", "Azure CLI", _SIGN_INS),
    KnownClient("1950a258-227b-4e31-a9cf-717495945fc2", "Azure PowerShell", _SIGN_INS),
    KnownClient("0a7bdc5c-7b57-40be-9939-d4c5fc7cd417", "Azure mobile app", _SIGN_INS),
    KnownClient("872cd9fa-d31f-45e0-9eab-6e460a02d1f1", "Visual Studio", _SIGN_INS),
    KnownClient("aebc6443-996d-45c2-90f0-388ff96faa56", "Visual Studio Code", _SIGN_INS),
    # These start VMs by themselves.
    KnownClient(
        "9cdead84-a844-4324-93f2-b2e6bb768d07",
        "Azure Virtual Desktop",
        "https://learn.microsoft.com/azure/virtual-desktop/start-virtual-machine-connect",
    ),
    KnownClient(
        "7cd684f4-8a78-49b0-91ec-6a35d38739ba",
        "Azure Logic Apps",
        "https://learn.microsoft.com/azure/logic-apps/logic-apps-enterprise-integration-certificates",
    ),
    KnownClient(
        "1a14be2a-e903-4cec-99cf-b2e209259a0f",
        "Azure DevTest Labs or Lab Services",
        "https://learn.microsoft.com/azure/lab-services/how-to-attach-detach-shared-image-gallery names it"
        " for lab accounts; Activity Logs in public reports show it for schedules of DevTest Labs, too",
    ),
    KnownClient(
        "c7bb12bf-0b39-4f7f-9171-f418ff39b76a",
        "Azure Lab Services",
        "https://learn.microsoft.com/azure/lab-services/how-to-attach-detach-shared-image-gallery",
    ),
    KnownClient(
        "fc75330b-179d-49af-87dd-3b1acf6827fa",
        "Azure Automation",
        "lists of service principals in public tenants; not found in Microsoft's documentation. Runbooks"
        " usually sign in with a managed identity of their own, which has another id",
    ),
)

NAMES = {client.app_id: client.name for client in KNOWN_CLIENTS}
"""Id in lower case → name."""
