"""How Azure is reached: what the machine is set up for otherwise changes nothing, or what it says."""

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.core.exceptions import HttpResponseError
from pydantic import SecretStr

from deploy.sandbox.azure.server import TOKEN, AzureServer
from workers.arm.read.machine import read_machine
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.domain.errors import DependencyAway, StepFailed
from workers.domain.starts.vm import VmRef


def vm(arm: AzureServer) -> VmRef:
    return VmRef.parse(min(one.id for one in arm.estate.vms() if "/Microsoft.Compute/" in one.id))


async def test_a_netrc_of_the_user_changes_nothing(
    arm: AzureServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))

    async with Azure(arm.url, None, SecretStr(TOKEN)) as azure:
        found = await read_machine(azure, vm(arm))

    assert found["id"] == vm(arm).resource_id


async def test_the_environments_proxy_is_used_unless_it_exempts_the_host(
    arm: AzureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(os.environ, "http_proxy", "http://127.0.0.1:9")  # nobody listens there

    async with Azure(arm.url, None, SecretStr(TOKEN)) as azure:
        with pytest.raises(DependencyAway):
            await read_machine(azure, vm(arm))

    monkeypatch.setitem(os.environ, "no_proxy", "127.0.0.1")
    async with Azure(arm.url, None, SecretStr(TOKEN)) as azure:
        assert await read_machine(azure, vm(arm))


Answer = Callable[[web.Request], Awaitable[web.Response]]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Answer], Awaitable[str]]]:
    """Starts a server that answers everything in one way; gives its address."""
    servers = []

    async def start(answer: Answer) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        servers.append(server := TestServer(app, host="127.0.0.1"))
        await server.start_server()
        return str(server.make_url("")).rstrip("/")

    yield start
    for server in servers:
        await server.close()


@pytest.mark.parametrize("way", ["next page", "redirect", "operation"])
async def test_no_answer_leads_the_token_to_another_host(
    serve: Callable[[Answer], Awaitable[str]], way: str
) -> None:
    tokens = []

    async def foreign(request: web.Request) -> web.Response:
        tokens.append(request.headers.get("Authorization"))
        return web.json_response({"value": []})

    elsewhere = await serve(foreign)

    async def ours(_: web.Request) -> web.Response:
        if way == "redirect":
            return web.Response(status=307, headers={"Location": f"{elsewhere}/list"})
        return web.json_response({"value": [], "nextLink": f"{elsewhere}/list?page=2"})

    async def follow(azure: Azure) -> None:
        async with asking("list the VMs"):
            if way == "operation":
                await azure.send("GET", f"{elsewhere}/operations/1")
            _ = [vm async for vm in azure.compute("s").virtual_machines.list_all()]

    async with Azure(await serve(ours), None, SecretStr(TOKEN)) as azure:
        with pytest.raises((StepFailed, DependencyAway)) as refused:
            await follow(azure)

    assert tokens == []
    if way != "redirect":
        assert isinstance(refused.value, StepFailed)
        assert refused.value.code == "ForeignAddress"


async def test_a_fixed_token_goes_along_and_is_never_shown(serve: Callable[[Answer], Awaitable[str]]) -> None:
    tokens = []

    async def ours(request: web.Request) -> web.Response:
        tokens.append(request.headers.get("Authorization"))
        return web.json_response({"value": []})

    async with Azure(await serve(ours), None, SecretStr(TOKEN)) as azure:
        _ = [vm async for vm in azure.compute("s").virtual_machines.list_all()]
        await azure.send("GET", "/x", api_version="1")

        assert tokens == [f"Bearer {TOKEN}"] * 2
        assert TOKEN not in repr(vars(azure))


@pytest.mark.parametrize(("status", "heard"), [(200, 1), (404, 1), (403, 1), (429, 0), (500, 0), (503, 0)])
async def test_azure_is_heard_when_it_answers_and_not_when_it_says_later(
    serve: Callable[[Answer], Awaitable[str]], status: int, heard: int
) -> None:
    times = []

    async def ours(_: web.Request) -> web.Response:
        return web.json_response({"value": []}, status=status)

    address = await serve(ours)
    async with Azure(address, None, SecretStr(TOKEN), heard=lambda: times.append(1)) as azure:
        with contextlib.suppress(HttpResponseError):
            await azure.send("GET", "/x", api_version="1")
    assert len(times) == heard


async def test_azure_is_not_heard_where_nobody_answers(serve: Callable[[Answer], Awaitable[str]]) -> None:
    times = []

    async def ours(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    address = await serve(ours)
    async with Azure(address, None, SecretStr(TOKEN), heard=lambda: times.append(1)) as azure:
        with pytest.raises(DependencyAway):
            async with asking("read"):
                await azure.send("GET", "/x", api_version="1")
    assert times == []


async def test_a_provider_that_is_not_registered_is_not_registered_by_us(
    serve: Callable[[Answer], Awaitable[str]],
) -> None:
    asked = []

    async def ours(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path}")
        error = {
            "code": "MissingSubscriptionRegistration",
            "message": "The subscription is not registered to use namespace 'Microsoft.Network'.",
        }
        return web.json_response({"error": error}, status=409)

    async with Azure(await serve(ours), None, SecretStr(TOKEN)) as azure:
        with pytest.raises(HttpResponseError, match="MissingSubscriptionRegistration"):
            await azure.network("s").network_interfaces.begin_create_or_update(
                "g", "n", {"location": "westeurope"}, polling=False
            )

    assert asked == ["PUT /subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/n"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", "<html>The proxy says hello.</html>"),
        ("application/json", "{"),
        ("application/json", '{"a":' * 100_000),
        ("application/json", "[" * 100_000),
    ],
)
async def test_an_answer_that_is_not_json_is_an_outage(
    serve: Callable[[Answer], Awaitable[str]], content_type: str, body: str
) -> None:
    async def ours(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type=content_type)

    vm_id = (
        f"/subscriptions/{UUID(int=1)}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web-01"
    )
    async with Azure(await serve(ours), None, SecretStr(TOKEN)) as azure:
        with pytest.raises(DependencyAway, match="could not read the VM web-01: the answer is not JSON"):
            await read_machine(azure, VmRef.parse(vm_id))
