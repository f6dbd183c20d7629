"""The page's server: a bundle, one live stream, acts that are passed on, and details on demand."""

import asyncio
import contextlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from pydantic import SecretStr

from deploy.sandbox.page.acts import Acts
from deploy.sandbox.page.archive import Archive
from deploy.sandbox.page.azure_side import AzureSide
from deploy.sandbox.page.board import Board, Watcher
from deploy.sandbox.page.children import Children, NotReady
from deploy.sandbox.page.details import Details
from deploy.sandbox.page.guard import guard, harden
from deploy.sandbox.page.slack_side import Eyes
from deploy.sandbox.page.tail import Entry, Tail
from deploy.sandbox.page.trouble import Trouble
from deploy.sandbox.page.ways import Ways
from deploy.sandbox.standin import StandIn
from deploy.sandbox.system import System
from deploy.sandbox.world import DEFAULT, World
from workers.store.connection import connect

STATIC = Path(__file__).with_name("static")
BREATH_S = 0.05
"""Changes within this time go to the browser together."""
PULSE_S = 10.0
"""A stream that is silent for so long says that it lives, and finds out whether the browser does."""


class Page(StandIn):
    """Serves the page of a running system, and follows everything that happens in it.

    Args:
        system: the running system; its processes can be killed from the page.
        port: the HTTP port; 0 takes a free one.
    """

    def __init__(self, system: System, *, port: int = 0) -> None:
        super().__init__("page", port=port, middlewares=(guard,))
        self._system = system
        self._world = World.load(system.world or DEFAULT)
        self._board = Board()
        self._eyes: dict[str, Eyes] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.app.on_response_prepare.append(harden)

    async def start(self) -> None:
        """Follow the system, and listen."""
        self._wire()
        await super().start()

    async def stop(self) -> None:
        """Let go of everything; safe to call twice. Processes that hang go on."""
        for task in self._tasks:
            task.cancel()
        for eyes in self._eyes.values():
            eyes.close()
        await super().stop()
        if self._tasks:
            self._tasks = []
            self._children.release()
            await self._session.close()
            await self._redis.aclose()

    def _wire(self) -> None:
        system, board = self._system, self._board
        self._session = aiohttp.ClientSession()
        self._redis = connect(SecretStr(system.redis_url))
        self._children = Children(board, system)
        self._ways = Ways(board, self._world)
        self._archive = Archive(
            self._redis,
            changed=lambda ids, records: self._ways.changed(self._archive, ids, records),
            available=partial(self._children.answers, "valkey"),
        )
        azure = AzureSide(board, system.azure)
        self._azure = self._tail("azure", lambda: system.azure_url, self._azure_came, azure.connected)
        self._azure_side = azure
        self._slack = self._tail("slack", lambda: system.slack_url, self._slack_came, self._slack_connected)
        self._bus = self._tail("servicebus", lambda: system.bus_url, self._bus_came, lambda: None)
        self._details = Details(
            board, self._ways, self._archive, azure=self._azure, slack=self._slack, bus=self._bus
        )
        self._trouble = Trouble(
            board, system, self._session, client=lambda: self._redis, children=self._children
        )
        self._acts = Acts(system, self._session)
        self._put_world()
        loops = [t.run() for t in (self._azure, self._slack, self._bus)]
        loops += [self._archive.run(), azure.run(), self._children.run()]
        self._tasks = [asyncio.create_task(loop) for loop in loops]
        self._routes()

    def _routes(self) -> None:
        self.app.add_routes(
            [
                web.get("/", self._index),
                web.get("/api/snapshot", self._snapshot),
                web.get("/api/stream", self._stream),
                web.get("/api/way/{id}", self._way),
                web.get("/api/documents/{id}", self._document),
                web.post("/api/act/{where}/{act}", self._acts.handle),
                web.post("/api/trouble/{service}/{mode}", self._put_trouble),
                web.post("/api/process/{name}/{order}", self._order),
                web.static("/", STATIC),
            ]
        )

    def _tail(self, name: str, url: Any, came: Any, connected: Any) -> Tail:
        return Tail(name, self._session, url=url, came=came, connected=connected)

    def _put_world(self) -> None:
        people = [
            {"key": p.key, "slack": p.slack, "name": p.name, "email": p.email}
            for p in self._world.people
            if not (p.deleted or p.is_bot)
        ]
        principals = [
            self._world.principal(p.key).model_dump(include={"key", "kind", "name", "role", "mfa", "app"})
            for p in self._world.principals
        ]
        self._board.put("world", "people", people)
        self._board.put("world", "principals", principals)

    # -- what happens --------------------------------------------------------------------------------

    def _azure_came(self, entry: Entry) -> None:
        self._azure_side.came(entry)
        if entry["kind"] == "event":
            self._ways.sent(entry)

    def _slack_came(self, entry: Entry) -> None:
        for eyes in self._eyes.values():
            eyes.came(entry)
        self._archive.hint("")

    def _slack_connected(self) -> None:
        for eyes in self._eyes.values():
            eyes.connected()

    def _bus_came(self, entry: Entry) -> None:
        self._archive.hint(str(entry.get("message_id", "")).partition(":")[0])

    # -- what the browser asks -----------------------------------------------------------------------

    async def _index(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _snapshot(self, request: web.Request) -> web.Response:
        eyes = self._look_as(request)
        return web.json_response([*self._board.everything(), *eyes.board.everything()])

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Everything first, then what changes, as lists of topic, key and value."""
        eyes = self._look_as(request)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        eyes.watched += 1
        with contextlib.suppress(ConnectionError), self._board.watch() as here, eyes.board.watch() as there:
            try:
                await _send(response, "all", [*self._board.everything(), *eyes.board.everything()])
                while True:
                    await _either(here, there)
                    await asyncio.sleep(BREATH_S)
                    changes = [*here.take(), *there.take()]
                    await _send(response, "some", changes)
            finally:
                eyes.watched -= 1
                eyes.left()
        return response

    def _look_as(self, request: web.Request) -> Eyes:
        keys = [person.key for person in self._world.people]
        person = request.query.get("as", keys[0])
        if person not in keys:
            raise web.HTTPBadRequest(text=f"there is no person {person[:60]!r}; there are {', '.join(keys)}")
        for name in [name for name, eyes in self._eyes.items() if eyes.idle]:
            self._eyes.pop(name).close()
        if person not in self._eyes:
            self._eyes[person] = Eyes(person, self._system.slack)
        return self._eyes[person]

    async def _way(self, request: web.Request) -> web.Response:
        try:
            return web.json_response(await self._details.of(request.match_info["id"]))
        except KeyError as error:
            return web.json_response({"error": str(error.args[0])}, status=404)

    async def _document(self, request: web.Request) -> web.Response:
        document = self._archive.documents.get(request.match_info["id"])
        if document is None:
            return web.json_response({"error": "there is no such document"}, status=404)
        return web.json_response(document)

    async def _put_trouble(self, request: web.Request) -> web.Response:
        service, mode = request.match_info["service"], request.match_info["mode"]
        try:
            await self._trouble.put(service, mode)
        except KeyError as error:
            return web.json_response({"error": str(error.args[0])}, status=404)
        except (aiohttp.ClientError, OSError) as error:
            return web.json_response({"error": f"{service} does not take it: {error}"}, status=502)
        return web.json_response({"service": service, "mode": mode})

    async def _order(self, request: web.Request) -> web.Response:
        name, order = request.match_info["name"], request.match_info["order"]
        orders = {"kill": self._children.kill, "start": self._children.start}
        if order not in orders:
            return web.json_response({"error": f"there is no order {order!r}"}, status=404)
        try:
            await orders[order](name)
        except KeyError as error:
            return web.json_response({"error": str(error.args[0])}, status=404)
        except NotReady as error:
            return web.json_response({"error": str(error)[:1000]}, status=502)
        self._trouble.forget(name)
        return web.json_response({"name": name, "order": order})


async def _either(*watchers: Watcher) -> bool:
    """Wait for the first of them that has something, or for the pulse."""
    waits = [asyncio.create_task(watcher.wait(PULSE_S)) for watcher in watchers]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return True


async def _send(response: web.StreamResponse, event: str, data: Any) -> None:
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    await response.write(f"event: {event}\ndata: {text}\n\n".encode())
