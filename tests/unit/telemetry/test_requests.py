"""Requests are named by what they ask for: never by a VM, a group, a subscription or a channel."""

import pytest
from yarl import URL

from bot.slack.web_api_method import web_api_method
from workers.arm.session.operation import operation

GROUP = "/subscriptions/s1/resourceGroups/rg-web"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/web-02"


@pytest.mark.parametrize(
    ("method", "path", "called"),
    [
        ("GET", VM, "microsoft.compute/virtualmachines"),
        ("GET", VM.upper(), "microsoft.compute/virtualmachines"),
        ("POST", f"{VM}/deallocate", "microsoft.compute/virtualmachines/deallocate"),
        (
            "GET",
            "/subscriptions/s1/providers/Microsoft.Compute/locations/westeurope/operations/7f",
            "microsoft.compute/locations/operations",
        ),
        (
            "PUT",
            f"{VM}/providers/Microsoft.Authorization/locks/startgate",
            "microsoft.authorization/locks",
        ),
        (
            "GET",
            f"{GROUP}/providers/Microsoft.Network/networkInterfaces",
            "microsoft.network/networkinterfaces",
        ),
        ("POST", "/providers/Microsoft.ResourceGraph/resources", "microsoft.resourcegraph/resources"),
        ("GET", "/subscriptions", "subscriptions"),
        ("GET", GROUP, "subscriptions/resourcegroups"),
    ],
)
def test_a_request_to_arm_is_called_by_its_kind_of_resource(method: str, path: str, called: str) -> None:
    url = URL(f"https://management.azure.com{path}?api-version=2024-07-01&t=secret")
    assert operation(method, url) == f"{method} {called}"


@pytest.mark.parametrize(
    ("address", "called"),
    [
        ("https://slack.com/api/chat.postMessage", "chat.postMessage"),
        ("https://hooks.slack.com/actions/T1/2/3", "response_url"),
    ],
)
def test_a_call_of_slack_is_called_by_its_method(address: str, called: str) -> None:
    assert web_api_method("POST", URL(address)) == called
