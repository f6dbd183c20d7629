"""An operator who types commands, and a stand-in that remembers what Azure was sent."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner, Result

from deploy.sandbox.azure.server import TOKEN, AzureServer
from deploy.sandbox.system import POLICY
from tests.valkey_server import Valkey
from workers.cli import app


class Desk:
    """An operator at the command line, with a stand-in that remembers.

    Attributes:
        directory: where files are written.
    """

    directory = Path()

    def __init__(self, arm: AzureServer, valkey: Valkey, environment: pytest.MonkeyPatch) -> None:
        self.arm = arm
        self.subscription = arm.world.subscriptions[0].id
        for name, value in {
            "SERVICEBUS_CONNECTION": "Endpoint=sb://localhost;SharedAccessKeyName=k;SharedAccessKey=v",
            "REDIS_URL": valkey.url,
            "ARM_ENDPOINT": arm.url,
            "ARM_TOKEN": TOKEN,
            "POLICY": str(POLICY),
        }.items():
            environment.setenv(f"STARTGATE_{name}", value)

    async def type(self, *words: str) -> Result:
        """In a thread: the stand-in runs on this loop."""
        return await asyncio.to_thread(CliRunner().invoke, app, [*words])

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """The stand-in itself, as its page does."""
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, f"{self.arm.url}{path}", json=body) as answer,
        ):
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def audited(self, kind: str) -> list[dict[str, Any]]:
        """Records of one kind."""
        shown = await self.type("audit", "show", "--json", "--kind", kind)
        return [json.loads(line) for line in shown.stdout.splitlines()]
