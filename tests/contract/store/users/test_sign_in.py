"""Signing in to Redis by Entra ID, on a real Valkey: a token is a password there, and ends.

As on Azure, a connection whose token has ended is closed by the server.
"""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
import pytest_asyncio
import redis
from azure.core.credentials import AccessToken
from pydantic import SecretStr

from deploy.sandbox.servicebus.auth.certificate import server_context
from tests.contract.store.redis.valkey_cluster import Cluster
from tests.contract.store.redis.wire import Wire
from tests.valkey_server import Valkey
from workers.domain.errors import DependencyAway
from workers.runtime.credential import SignIn
from workers.store.connection import connect, redis_away
from workers.store.users import sign_in

OID = "0a0b0c0d-0000-4000-8000-000000000001"
SCOPE = "https://redis.azure.com/.default"


def jwt(number: int, oid: str | None = OID) -> str:
    claims = {"n": number} | ({"oid": oid} if oid else {})
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{body}.c2ln"


LIFE_S = 6
"""How long a token lives."""


class Entra:
    """Gives tokens of a fixed life, renews them early as azure-identity does, and tells the servers."""

    def __init__(self, *servers: redis.Redis, life_s: float) -> None:
        self._servers = servers
        self._life_s = life_s
        self._newest: AccessToken | None = None
        self.given = 0
        self.away = False
        self.opened = self.closed = 0

    def open(self) -> Any:
        self.opened += 1
        return self

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        assert scopes == (SCOPE,)
        if self.away:
            raise OSError("the endpoint of tokens does not answer")
        if self._newest is None or self._newest.expires_on - time.time() < self._life_s * 0.6:
            self.given += 1
            token = jwt(self.given)
            for server in self._servers:
                server.execute_command("ACL", "SETUSER", OID, "on", f">{token}", "~*", "&*", "+@all")
            self._newest = AccessToken(token, time.time() + self._life_s)  # type: ignore[arg-type]
        return self._newest

    async def close(self) -> None:
        self.closed += 1

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


@pytest.fixture
def server(valkey: Valkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey.url, decode_responses=True) as admin:
        yield admin
        admin.execute_command("ACL", "DELUSER", OID)


@pytest_asyncio.fixture
async def entra(server: redis.Redis) -> AsyncIterator[Entra]:
    yield Entra(server, life_s=LIFE_S)


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds instead of minutes, of which a busy machine may lose one."""
    monkeypatch.setattr(sign_in, "BEFORE_END_S", LIFE_S * 0.4)
    monkeypatch.setattr(sign_in, "AT_MOST_EVERY_S", LIFE_S / 15)


async def test_a_connection_signs_in_as_the_object_id_of_its_token(valkey: Valkey, entra: Entra) -> None:
    async with connect(SecretStr(valkey.url), SignIn(entra, SCOPE)) as client:
        assert await client.execute_command("ACL", "WHOAMI") == OID.encode()
    assert (entra.opened, entra.closed) == (1, 1)


async def over_tls(directory: Path, url: str) -> tuple[asyncio.Server, str]:
    """A way to the server by TLS, as there is none other on Azure, and its URL with the certificate."""
    context, certificate = server_context(directory, "127.0.0.1")
    wire = Wire()
    wire.leads_to(url)
    listening = await asyncio.start_server(wire.serve, "127.0.0.1", 0, ssl=context)
    port = listening.sockets[0].getsockname()[1]
    return listening, f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificate}"


async def test_over_tls_it_signs_in_too_and_a_certificate_of_nobody_is_refused(
    valkey: Valkey, entra: Entra, tmp_path: Path
) -> None:
    listening, url = await over_tls(tmp_path, valkey.url)
    async with listening:
        async with connect(SecretStr(url), SignIn(entra, SCOPE)) as client:
            assert await client.execute_command("ACL", "WHOAMI") == OID.encode()
        async with connect(SecretStr(url.partition("?")[0]), SignIn(entra, SCOPE)) as client:
            with pytest.raises(DependencyAway, match="CERTIFICATE_VERIFY_FAILED"):
                async with redis_away(client):
                    await client.ping()


async def ended(servers: list[redis.Redis], life_s: int, stop: asyncio.Event) -> int:
    """Close, as Azure does, what is connected for longer than a token lives; answers how many there were."""
    closed = 0
    while not stop.is_set():
        for server in servers:
            kill = ("CLIENT", "KILL", "USER", OID, "MAXAGE", life_s)
            closed += int(await asyncio.to_thread(server.execute_command, *kill))
        await asyncio.sleep(0.2)
    return closed


async def used_for(client: Any, seconds: float, *, pause_s: float) -> int:
    """How many commands went well; raises what the first one met that did not."""

    async def one(number: int) -> int:
        until, done = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            async with redis_away(client):
                await client.set(f"{{{number}}}k", done)
            done += 1
            await asyncio.sleep(pause_s)
        return done

    return sum(await asyncio.gather(*map(one, range(12))))


async def test_tokens_are_renewed_without_a_dropped_command(
    valkey: Valkey, server: redis.Redis, entra: Entra, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(monkeypatch)
    stop = asyncio.Event()
    await entra.get_token(SCOPE)
    async with connect(SecretStr(valkey.url), SignIn(entra, SCOPE)) as client:
        closing = asyncio.create_task(ended([server], LIFE_S, stop))
        assert await used_for(client, LIFE_S * 2.4, pause_s=0.005) > 100
        stop.set()
    assert await closing == 0, "a connection was still used when its token had ended"
    assert entra.given >= 3


async def test_on_a_cluster_too(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    servers = [node.client() for node in cluster.nodes]
    entra, stop = Entra(*servers, life_s=LIFE_S), asyncio.Event()
    try:
        await entra.get_token(SCOPE)
        async with connect(cluster.url, SignIn(entra, SCOPE)) as client:
            await client.ping()  # with many first commands at once, the SDK fails some of them
            closing = asyncio.create_task(ended(servers, LIFE_S, stop))
            assert await used_for(client, LIFE_S * 2.4, pause_s=0.005) > 100
            stop.set()
        # What nobody uses ends with its token: the connection that told of the nodes.
        assert await closing <= len(servers)
        assert entra.given >= 3
        assert entra.closed == 1
    finally:
        for one in servers:
            one.execute_command("ACL", "DELUSER", OID)
            one.close()


async def test_a_connection_that_rested_past_its_token_is_made_anew(
    valkey: Valkey, entra: Entra, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(monkeypatch)
    async with connect(SecretStr(valkey.url), SignIn(entra, SCOPE)) as client:
        first = await client.client_id()
        assert await client.client_id() == first
        await asyncio.sleep(LIFE_S * 0.7)
        assert await client.client_id() != first


async def test_without_a_newer_token_the_last_one_is_used_until_it_ends(
    valkey: Valkey, entra: Entra, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(monkeypatch)
    async with connect(SecretStr(valkey.url), SignIn(entra, SCOPE)) as client:
        await client.ping()
        entra.away = True
        await asyncio.sleep(LIFE_S * 0.7)
        await client.ping()
        await asyncio.sleep(LIFE_S * 0.4)
        with pytest.raises(DependencyAway, match="no token for Redis: the endpoint of tokens"):
            async with redis_away(client):
                await client.ping()
        entra.away = False
        await client.ping()


async def test_a_token_that_the_server_does_not_take_counts_as_away(
    valkey: Valkey, server: redis.Redis, entra: Entra
) -> None:
    await entra.get_token(SCOPE)
    server.execute_command("ACL", "SETUSER", OID, "resetpass")
    async with connect(SecretStr(valkey.url), SignIn(entra, SCOPE)) as client:
        with pytest.raises(DependencyAway, match="AuthenticationError"):
            async with redis_away(client):
                await client.ping()


@pytest.mark.parametrize("token", ["", "opaque", "a.!!.c", "e30.e30.x", jwt(1, oid=None)])
def test_a_token_without_an_object_id_is_no_credential(token: str) -> None:
    with pytest.raises(redis.AuthenticationError, match="names no object id"):
        sign_in.object_id(token)
