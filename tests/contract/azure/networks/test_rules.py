"""Security rules that Azure takes and refuses, asked by the real SDK client."""

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.model import ASG, Resource
from tests.contract.azure.rig import DEVELOPMENT, PRODUCTION, Cloud, refused


def asg(cloud: Cloud, name: str, *, location: str = "westeurope", subscription: str = PRODUCTION) -> str:
    asg_id = arm_id(subscription, "rg-shop", ASG, name)
    cloud.server.estate.add(Resource(id=asg_id, kind=ASG, location=location, etag='W/"1"'))
    return asg_id


@pytest.mark.parametrize(
    "given",
    [
        {"sourceAddressPrefix": "AzureMonitor"},
        {"sourceAddressPrefix": "Storage.WestEurope"},
        {"sourceAddressPrefix": "10.0.9.0/26"},
        {"sourceAddressPrefix": "10.0.9.1"},
        {"sourceAddressPrefix": None, "sourceAddressPrefixes": ["10.0.0.0/24", "10.0.1.0/24"]},
        {"sourceAddressPrefix": None, "sourceAddressPrefixes": ["2001:db8::/32"]},
        {"direction": "Outbound", "priority": 200, "destinationAddressPrefix": "Sql"},
    ],
)
async def test_what_azure_takes(cloud: Cloud, given: dict[str, Any]) -> None:
    group = await cloud.lockdown(**given)
    assert group.security_rules[0].name == "deny-in"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"sourceAddressPrefix": "Storge"}, "SecurityRuleInvalidAddressPrefix"),
        ({"sourceAddressPrefix": "any"}, "SecurityRuleInvalidAddressPrefix"),
        ({"sourceAddressPrefix": "50.206.209.68/27"}, "SecurityRuleInvalidAddressPrefix"),
        ({"destinationAddressPrefix": "10.0.0/0/16"}, "SecurityRuleInvalidAddressPrefix"),
        (
            {"sourceAddressPrefix": None, "sourceAddressPrefixes": ["10.0.0.0/24", "AzureMonitor"]},
            "SecurityRuleParameterContainsUnsupportedValue",
        ),
        (
            {"sourceAddressPrefix": None, "sourceAddressPrefixes": ["*"]},
            "SecurityRuleParameterContainsUnsupportedValue",
        ),
        (
            {"sourceAddressPrefix": None, "sourceAddressPrefixes": ["10.0.0.0/24", "2001:db8::/32"]},
            "ResourceCannotContainAddressPrefixesFromDifferentAddressFamilies",
        ),
        ({"priority": 99}, "SecurityRuleInvalidPriority"),
        ({"priority": 4097}, "SecurityRuleInvalidPriority"),
        ({"direction": "Outbound"}, "SecurityRuleConflict"),
        ({"protocol": "Gre"}, "SecurityRuleInvalidParameter"),
        ({"destinationPortRange": "90-80"}, "SecurityRuleInvalidPortRange"),
    ],
)
async def test_what_azure_refuses(cloud: Cloud, given: dict[str, Any], code: str) -> None:
    with pytest.raises(HttpResponseError) as error:
        await cloud.lockdown(**given)
    assert refused(error) == (400, code)


async def test_a_group_in_a_rule_is_of_the_same_region_and_subscription(cloud: Cloud) -> None:
    here = asg(cloud, "here")
    bare: dict[str, Any] = {"sourceAddressPrefix": None}
    await cloud.lockdown(**bare, sourceApplicationSecurityGroups=[{"id": here}])

    for wrong in (
        asg(cloud, "north", location="northeurope"),
        asg(cloud, "others", subscription=DEVELOPMENT),
        here.replace("here", "nowhere"),
    ):
        with pytest.raises(HttpResponseError) as error:
            await cloud.lockdown(**bare, sourceApplicationSecurityGroups=[{"id": wrong}])
        assert refused(error) == (400, "InvalidResourceReference")
