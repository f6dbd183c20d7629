"""The ends of a security rule: which addresses and service tags Azure takes."""

import ipaddress
from typing import Any

from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.ids import same, subscription_of
from deploy.sandbox.azure.model import ASG, Estate, Resource

_TAG_NAMES = """
actiongroup apimanagement appconfiguration appservice appservicemanagement azureactivedirectory
azureactivedirectorydomainservices azureadvancedthreatprotection azurearcinfrastructure azureattestation
azurebackup azurebotservice azurecloud azurecognitivesearch azureconnectors azurecontainerregistry
azurecosmosdb azuredatabricks azuredataexplorermanagement azuredevops azuredigitaltwins azureeventgrid
azurefrontdoor azureinformationprotection azureiothub azurekeyvault azureloadbalancer
azuremachinelearning azuremonitor azureplatformdns azureplatformimds azureplatformlkm
azureresourcemanager azuresentinel azuresignalr azuresiterecovery azurestack azuretrafficmanager
azureupdatedelivery azurewebpubsub batchnodemanagement chaosstudio cognitiveservicesmanagement
datafactory datafactorymanagement eventhub gatewaymanager guestandhybridmanagement hdinsight internet
logicapps logicappsmanagement microsoftcontainerregistry microsoftdefenderforendpoint powerbi
powerplatforminfra powerqueryonline scuba servicebus servicefabric sql sqlmanagement storage
storagesyncservice virtualnetwork windowsadmincenter windowsvirtualdesktop
"""
_TAGS = frozenset(_TAG_NAMES.split())
"""https://learn.microsoft.com/azure/virtual-network/service-tags-overview#available-service-tags."""


def check_peers(rule_id: str, given: dict[str, Any]) -> None:
    """What stands at either end: a tag only by itself, addresses of one family, all of them well-formed.

    Sources of codes and sentences:
    https://github.com/hashicorp/terraform-provider-azurerm/issues/5617 (a tag in a list)
    https://github.com/Azure/azure-libraries-for-net/issues/349 (a bad tag)
    https://github.com/Azure/azure-powershell/issues/4557 (bits beyond the prefix)
    https://github.com/hashicorp/terraform-provider-azurerm/issues/12534 (two families)
    """
    for kind in ("sourceAddressPrefix", "destinationAddressPrefix"):
        alone, several = given.get(kind), [str(one) for one in given.get(f"{kind}es") or []]
        for value in several:
            if value == "*" or _is_tag(value):
                raise ArmError(
                    400,
                    "SecurityRuleParameterContainsUnsupportedValue",
                    f"Security rule parameter {kind[0].upper()}{kind[1:]} for rule with Id {rule_id} cannot "
                    "specify existing VIRTUALNETWORK, INTERNET, AZURELOADBALANCER, '*' or system tags. "
                    f"Unsupported value used: {value}.",
                )
        for value in [*([str(alone)] if alone else []), *several]:
            if value != "*" and not _is_tag(value) and _network(value) is None:
                raise ArmError(
                    400,
                    "SecurityRuleInvalidAddressPrefix",
                    f"Security rule {rule_id} has invalid Address prefix. Value provided: {value}",
                )
        if len({network.version for value in several if (network := _network(value))}) > 1:
            raise ArmError(
                400,
                "ResourceCannotContainAddressPrefixesFromDifferentAddressFamilies",
                f"{rule_id} contains IP addresses or prefixes that belong to different address families. "
                "All IP addresses or prefixes in the resource should belong to the same address family.",
            )


def check_groups(estate: Estate, nsg_id: str, location: str, rules: list[dict[str, Any]]) -> None:
    """Application security groups of rules exist, in the region and subscription of their security group.

    As for an interface; the sentence is the same for every reference of Microsoft.Network.
    """
    for rule in rules:
        for side in ("source", "destination"):
            for given in rule["properties"].get(f"{side}ApplicationSecurityGroups") or []:
                found = estate.find(str(given.get("id")))
                if found is None or found.kind != ASG or not _together(found, nsg_id, location):
                    raise ArmError(
                        400,
                        "InvalidResourceReference",
                        f"Resource {given.get('id')} referenced by resource {nsg_id}/securityRules/"
                        f"{rule['name']} was not found. Please make sure that the referenced resource "
                        "exists, and that both resources are in the same region.",
                    )


def _together(found: Resource, nsg_id: str, location: str) -> bool:
    return found.location == location and same(found.subscription, subscription_of(nsg_id))


def _is_tag(value: str) -> bool:
    """With a region behind it, or without."""
    return value.partition(".")[0].lower() in _TAGS


def _network(value: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        return None
