"""The command line against the Azure stand-in and a real Redis."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from deploy.sandbox.azure.server import TOKEN, AzureServer
from deploy.sandbox.system import POLICY
from tests.valkey_server import Valkey
from workers.arm.read.subscriptions.inventory import list_vms
from workers.arm.session.clients import Azure
from workers.cli import app
from workers.domain.ports.clock import SystemClock
from workers.store.connection import connect
from workers.store.inventory import RedisInventory


class CommandLine:
    """``startgate``, with an environment that leads to the stand-ins."""

    def __init__(self, arm: AzureServer, valkey: Valkey, environment: pytest.MonkeyPatch) -> None:
        self.arm, self._valkey, self._environment = arm, valkey, environment
        for name, value in {
            "SERVICEBUS_CONNECTION": "Endpoint=sb://127.0.0.1;SharedAccessKeyName=k;SharedAccessKey=s",
            "REDIS_URL": valkey.url,
            "ARM_ENDPOINT": arm.url,
            "ARM_TOKEN": TOKEN,
        }.items():
            environment.setenv(f"STARTGATE_{name}", value)
        self.policy(POLICY)

    def policy(self, path: Path) -> None:
        self._environment.setenv("STARTGATE_POLICY", str(path))

    async def __call__(self, *arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, arguments)

    async def json(self, *arguments: str) -> Any:
        result = await self(*arguments, "--json")
        return json.loads(result.stdout)

    async def take_inventory(self) -> None:
        """As the workers do it."""
        async with (
            connect(SecretStr(self._valkey.url)) as client,
            Azure(self.arm.url, None, SecretStr(TOKEN)) as azure,
        ):
            inventory = RedisInventory(client)
            async for listing in list_vms(azure, SystemClock().now()):
                await inventory.put(listing.vms, whole_subscription=listing.subscription_id)

    def sent(self, *methods: str) -> list[str]:
        """What the stand-in was sent, by method."""
        entries = self.arm.record.since(0, "request")
        return [entry.data["path"] for entry in entries if entry.data["method"] in methods]

    def sent_to(self, end: str) -> list[str]:
        """Paths of requests that end so."""
        entries = self.arm.record.since(0, "request")
        return [entry.data["path"] for entry in entries if entry.data["path"].endswith(end)]
