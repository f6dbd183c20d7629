"""``startgate alerts`` typed against the stand-in, and what Azure has then."""

import json
from typing import Any

import aiohttp
import pytest
from typer.testing import Result

from deploy.sandbox.azure.model import Group, Resource
from deploy.sandbox.azure.monitor.names import ACTION_GROUP, ALERT_RULE
from deploy.sandbox.azure.server import AzureServer
from tests.contract.arm.driver import sent
from tests.contract.operator.desk import Desk as OperatorsDesk
from tests.valkey_server import Valkey

NAME = "startgate"
HOOK = "https://alerts.example/in/secret-path?code=hunter2"
WRITES = ("PUT", "DELETE")


class Desk(OperatorsDesk):
    """Where alert rules are typed."""

    def __init__(self, arm: AzureServer, valkey: Valkey, environment: pytest.MonkeyPatch) -> None:
        super().__init__(arm, valkey, environment)
        arm.estate.add_group(Group(subscription=self.subscription, name=NAME, location="westeurope"))

    async def apply(self, *more: str) -> Result:
        return await self.type("alerts", "apply", self.subscription, *more)

    async def applied(self) -> Result:
        done = await self.apply("--webhook", HOOK)
        assert done.exit_code == 0, done.output
        return done

    async def logic_app(self, **ask: Any) -> str:
        async with aiohttp.ClientSession() as http, http.post(f"{self.arm.url}/_logic_app", json=ask) as made:
            return str((await made.json())["id"])

    def rules(self) -> dict[str, Resource]:
        return {one.name: one for one in self.arm.estate.of(ALERT_RULE)}

    def groups(self) -> dict[str, Resource]:
        return {one.name: one for one in self.arm.estate.of(ACTION_GROUP)}

    def writes(self) -> list[dict[str, Any]]:
        return [one for method in WRITES for one in sent(self.arm, method, "microsoft.insights")]

    def as_it_is(self) -> str:
        return json.dumps(
            [one.as_json() for one in (*self.rules().values(), *self.groups().values())], sort_keys=True
        )
