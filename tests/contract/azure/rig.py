"""The Azure stand-in with every client of it, and the names of its seed that the tests use."""

import json
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import HttpResponseError

from deploy.sandbox.azure.clients import Clients
from deploy.sandbox.azure.server import TOKEN, AzureServer

PRODUCTION = "5b5a0000-0000-4000-8000-00000000000a"
DEVELOPMENT = "5b5a0000-0000-4000-8000-00000000000b"
SHOP = f"/subscriptions/{PRODUCTION}/resourceGroups/rg-shop/providers"
WEB_01 = f"{SHOP}/Microsoft.Compute/virtualMachines/web-01"
LOCK = f"{WEB_01}/providers/Microsoft.Authorization/locks/frozen?api-version=2020-05-01"
CONTAINER = "iaasvmcontainer;iaasvmcontainerv2;rg-shop;web-01"
ITEM = "vm;iaasvmcontainerv2;rg-shop;web-01"


class Cloud(Clients):
    """The stand-in, every client of it, and plain HTTP for what has no client here."""

    def __init__(self, server: AzureServer, *, token: str = TOKEN, subscription: str = PRODUCTION) -> None:
        super().__init__(server.url, token=token, subscription=subscription)
        self.server = server
        self._http = aiohttp.ClientSession(server.url, headers={"Authorization": f"Bearer {token}"})

    async def __aexit__(self, *error: object) -> None:
        await self._http.close()
        await super().__aexit__(*error)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        async with self._http.request(method, path, json=body, headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    async def power(self, name: str = "web-01") -> str:
        view = await self.compute.virtual_machines.instance_view("rg-shop", name)
        return next(s.code for s in view.statuses if s.code.startswith("PowerState/")).partition("/")[2]

    async def lockdown(self, name: str = "lockdown", location: str = "westeurope", **first: Any) -> Any:
        rule = {
            "protocol": "*",
            "sourcePortRange": "*",
            "destinationPortRange": "*",
            "sourceAddressPrefix": "*",
            "destinationAddressPrefix": "*",
            "access": "Deny",
            "priority": 100,
        }
        rules = [
            {"name": "deny-in", "properties": rule | {"direction": "Inbound"} | first},
            {"name": "deny-out", "properties": rule | {"direction": "Outbound"}},
        ]
        poller = await self.network.network_security_groups.begin_create_or_update(
            "rg-shop", name, {"location": location, "properties": {"securityRules": rules}}
        )
        return await poller.result()


def refused(error: pytest.ExceptionInfo[HttpResponseError]) -> tuple[int | None, str | None]:
    assert error.value.error is not None
    return error.value.status_code, error.value.error.code
