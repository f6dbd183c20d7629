"""The ``/_…`` endpoints for how Azure behaves: its pace, its limits, what it refuses, what fails."""

from collections.abc import Callable

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from deploy.sandbox.azure.failures import EndAsk, Failure, Failures, end_now
from deploy.sandbox.azure.front.refusals import Refusal, Refusals
from deploy.sandbox.azure.front.throttling import Throttle
from deploy.sandbox.azure.operations import Operations


class SpeedAsk(BaseModel):
    """Body of ``PUT /_speed``."""

    model_config = ConfigDict(extra="forbid")

    factor: float = Field(ge=0)


class ThrottlingAsk(BaseModel):
    """Body of ``PUT /_throttling``."""

    model_config = ConfigDict(extra="forbid")

    enforced: bool


class Trouble:
    """The endpoints. Slow calls and cut connections are faults: ``PUT /_faults``, with ``delay_ms``.

    Args:
        changed: ``changed(what, **data)`` puts a change into the record.
    """

    def __init__(
        self,
        *,
        operations: Operations,
        failures: Failures,
        refusals: Refusals,
        throttle: Throttle,
        changed: Callable[..., None],
    ) -> None:
        self._operations = operations
        self._failures = failures
        self._refusals = refusals
        self._throttle = throttle
        self._changed = changed

    def routes(self) -> list[web.RouteDef]:
        return [
            web.put("/_speed", self._speed),
            web.put("/_throttling", self._throttling),
            web.get("/_failures", self._get_failures),
            web.put("/_failures", self._put_failures),
            web.post("/_operations/end", self._end_operations),
            web.get("/_refusals", self._get_refusals),
            web.put("/_refusals", self._put_refusals),
        ]

    async def _speed(self, request: web.Request) -> web.Response:
        self._operations.set_speed(SpeedAsk.model_validate(await request.json()).factor)
        self._changed("speed", factor=self._operations.speed)
        return web.json_response({"factor": self._operations.speed})

    async def _throttling(self, request: web.Request) -> web.Response:
        self._throttle.enforced = ThrottlingAsk.model_validate(await request.json()).enforced
        self._throttle.clear()
        self._changed("throttling", enforced=self._throttle.enforced)
        return web.json_response({"enforced": self._throttle.enforced})

    async def _get_failures(self, _request: web.Request) -> web.Response:
        return web.json_response([failure.model_dump() for failure in self._failures.planned])

    async def _put_failures(self, request: web.Request) -> web.Response:
        self._failures.put(*(Failure.model_validate(item) for item in await request.json()))
        return await self._get_failures(request)

    async def _end_operations(self, request: web.Request) -> web.Response:
        ended = end_now(self._operations, EndAsk.model_validate(await request.json()))
        return web.json_response({"ended": [operation.id for operation in ended]})

    async def _get_refusals(self, _request: web.Request) -> web.Response:
        return web.json_response([refusal.model_dump() for refusal in self._refusals.planned])

    async def _put_refusals(self, request: web.Request) -> web.Response:
        self._refusals.put(*(Refusal.model_validate(item) for item in await request.json()))
        return await self._get_refusals(request)
