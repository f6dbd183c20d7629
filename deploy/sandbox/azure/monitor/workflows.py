"""Logic Apps, as far as an action group needs one: its trigger, and where that listens.

What each does is always the same: it puts what it is called with onto the queue.
Sources: https://learn.microsoft.com/rest/api/logic/workflow-triggers/list and
https://learn.microsoft.com/rest/api/logic/workflow-triggers/list-callback-url
"""

import hashlib
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from deploy.sandbox.azure.front.routing import GROUP, Answer, Call, Route, listing
from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.model import Estate, Group, Resource
from deploy.sandbox.azure.monitor.names import WORKFLOW

_ONE = f"{GROUP}/providers/Microsoft.Logic/workflows/{{workflow}}"


class LogicAppAsk(BaseModel):
    """Body of ``POST /_logic_app``: a Logic App that is there from now on; answers its id.

    Attributes:
        subscription: its GUID; by default the first one's.
        triggers: their names.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = "alerts-to-queue"
    group: str = "startgate"
    subscription: str = ""
    triggers: list[str] = ["manual"]


class Workflows:
    """``Microsoft.Logic/workflows``, their triggers only."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{_ONE}/triggers", self.list_triggers),
            Route("POST", f"{_ONE}/triggers/{{trigger}}/listCallbackUrl", self.callback_url),
        ]

    def control_routes(self) -> list[web.RouteDef]:
        return [web.post("/_logic_app", self._add)]

    async def _add(self, request: web.Request) -> web.Response:
        ask = LogicAppAsk.model_validate(await request.json())
        subscription = ask.subscription or next(iter(self._estate.subscriptions))
        self._estate.add_group(Group(subscription=subscription, name=ask.group, location="westeurope"))
        workflow = Resource(
            id=arm_id(subscription, ask.group, WORKFLOW, ask.name),
            kind=WORKFLOW,
            location="westeurope",
            extra={"triggers": ask.triggers},
        )
        self._estate.add(workflow)
        return web.json_response({"id": workflow.id})

    def list_triggers(self, call: Call) -> Answer:
        workflow = self._estate.get(call.parent_id)
        return listing(call, [_trigger(workflow, name) for name in workflow.extra["triggers"]])

    def callback_url(self, call: Call) -> Answer:
        workflow = self._estate.get(call.resource_id.rpartition("/triggers/")[0])
        url, trigger = listens_at(workflow, call.params["trigger"]), call.params["trigger"]
        base, _, query = url.partition("?")
        queries = dict(part.split("=", 1) for part in query.split("&"))
        return Answer(
            body={
                "value": url,
                "method": "POST",
                "basePath": base,
                "relativePath": f"/triggers/{trigger}",
                "queries": queries,
            }
        )


def listens_at(workflow: Resource, trigger: str) -> str:
    """The URL of a trigger, with its signature: always the same, until somebody renews the keys."""
    digest = hashlib.sha256(f"{workflow.id.lower()}/{trigger}".encode()).hexdigest()
    return (
        f"https://prod-00.{workflow.location}.logic.azure.com:443/workflows/{digest[:32]}/triggers/{trigger}"
        f"/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers%2F{trigger}%2Frun&sv=1.0&sig={digest[32:]}"
    )


def _trigger(workflow: Resource, name: str) -> dict[str, Any]:
    return {
        "id": f"{workflow.id}/triggers/{name}",
        "name": name,
        "type": f"{WORKFLOW}/triggers",
        "properties": {"provisioningState": "Succeeded", "state": "Enabled"},
    }
