"""Keys, rights, and what a connection may do by its tokens, and for how long."""

import base64
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
)

from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.servicebus.amqp.frames import Detach
from deploy.sandbox.servicebus.auth.claims import Claims
from deploy.sandbox.servicebus.auth.keys import ROOT, Keys, Policy
from deploy.sandbox.servicebus.faults import BusFaults
from deploy.sandbox.servicebus.limits import Limits
from deploy.sandbox.servicebus.server import BusServer
from deploy.sandbox.servicebus.wire.cbs import TokenNode
from deploy.sandbox.servicebus.wire.replies import Request
from tests.contract.servicebus.peer import Peer, condition, signature
from tests.contract.servicebus.rig import MARKS, QUEUES, Bus, only, texts

pytestmark = MARKS

PLAIN = "sb://localhost:5672/plain"
LISTEN = Policy(name="listens", key="one", rights=frozenset({"listen"}))
SEND = Policy(name="sends", key="two", rights=frozenset({"send"}))
NARROW = Policy(name="narrow", key="three", entity="plain")


def identity(lives_s: float) -> str:
    """A JSON web token with nothing in it but its expiry."""
    payload = base64.urlsafe_b64encode(json.dumps({"exp": int(time.time() + lives_s)}).encode()).decode()
    return f"e30.{payload.rstrip('=')}.c2ln"


GOOD = partial(signature, PLAIN)
ELSEWHERE = "sb://localhost:5672/elsewhere"
CASES: dict[str, tuple[str | None, Callable[[], str], int, str]] = {
    "good": (PLAIN, GOOD, 202, "Accepted"),
    "another spelling": ("sb://localhost:5672/PLAIN/", GOOD, 202, "Accepted"),
    "for the namespace": (PLAIN, partial(signature, "sb://localhost:5672/"), 202, "Accepted"),
    "identity": (PLAIN, partial(identity, 60), 202, "Accepted"),
    "wrong key": (PLAIN, partial(GOOD, key="another"), 401, "InvalidSignature"),
    "unknown policy": (PLAIN, partial(GOOD, policy="another"), 401, "InvalidSignature"),
    "made to last": (PLAIN, lambda: GOOD().replace("&se=", "&se=9"), 401, "InvalidSignature"),
    "half a signature": (PLAIN, lambda: "SharedAccessSignature sr=x", 401, "InvalidSignature"),
    "expired": (PLAIN, partial(GOOD, lives_s=-1), 401, "ExpiredToken"),
    "expired identity": (PLAIN, partial(identity, -1), 401, "ExpiredToken"),
    "for another queue": (PLAIN, partial(signature, "sb://localhost:5672/quick"), 401, "InvalidAudience"),
    "no token": (PLAIN, lambda: "anything", 401, "InvalidToken"),
    "empty": (PLAIN, str, 401, "InvalidToken"),
    "missing queue": (ELSEWHERE, partial(signature, ELSEWHERE), 404, "could not be found"),
    "missing queue, wrong key": (ELSEWHERE, partial(signature, ELSEWHERE, key="x"), 401, "InvalidSignature"),
    "for nothing": (None, GOOD, 400, "put-token"),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_token_is_good_only_signed_valid_and_for_what_it_is_put_for(bus: Bus, case: str) -> None:
    name, make, status, word = CASES[case]
    claims = Claims()
    node = TokenNode(claims, Keys(), bus.server.namespace)
    told = node(Request(uuid4(), {"operation": "put-token", "name": name}, make())).properties
    assert (told["status-code"], word in told["status-description"]) == (status, True), told
    assert claims.allow("plain", "send") is (status == 202)
    assert claims.allow("plain/$deadletterqueue", "listen") is (status == 202)
    assert not claims.allow("plainer", "send")


def client_of(server: BusServer, policy: Policy, *, key: str = "") -> ServiceBusClient:
    text = server.connection.replace(f"Name={ROOT.name}", f"Name={policy.name}")
    text = text.replace(f"AccessKey={ROOT.key}", f"AccessKey={key or policy.key}")
    return ServiceBusClient.from_connection_string(text, retry_total=0)


async def with_policies(*policies: Policy) -> BusServer:
    server = BusServer(queues=QUEUES, policies=(ROOT, *policies))
    await server.start()
    return server


async def test_a_wrong_key_is_an_error_of_authentication(bus: Bus) -> None:
    async with client_of(bus.server, ROOT, key="wrong") as client:
        with pytest.raises(ServiceBusAuthenticationError) as caught:
            await client.get_queue_sender("plain").__aenter__()
    assert "Status code: 401" in str(caught.value.inner_exception)


async def test_rights_that_a_key_lacks_are_refused_by_name() -> None:
    server = await with_policies(LISTEN, SEND, NARROW)
    message = ServiceBusMessage("x")
    async with client_of(server, SEND) as client:
        async with client.get_queue_sender("plain") as sender:
            await sender.send_messages(message)
        with pytest.raises(ServiceBusAuthorizationError, match=r"'Listen' claim\(s\) are required"):
            await client.get_queue_receiver("plain").__aenter__()
    async with client_of(server, LISTEN) as client:
        async with client.get_queue_receiver("plain", max_wait_time=PATIENCE_S) as receiver:
            assert texts(await receiver.peek_messages()) == ["x"]
            assert texts(await only(receiver)) == ["x"]
        with pytest.raises(ServiceBusAuthorizationError, match=r"'Send' claim\(s\) are required"):
            await client.get_queue_sender("plain").__aenter__()
    async with client_of(server, NARROW) as client:
        async with client.get_queue_sender("plain") as sender:
            await sender.send_messages(message)
        with pytest.raises(ServiceBusAuthenticationError):
            await client.get_queue_sender("quick").__aenter__()
    await server.stop()


async def test_management_looks_at_the_right_of_each_operation() -> None:
    server = await with_policies(LISTEN)
    token = signature("sb://localhost/plain", policy=LISTEN.name, key=LISTEN.key)
    async with Peer.connect(server.amqp_port) as peer:
        await peer.opened()
        assert await peer.put_token("plain", token) == 202

        async def status(operation: str, body: dict[str, Any]) -> int:
            told = await peer.ask((1, 2), "plain/$management", body, operation=f"com.microsoft:{operation}")
            return int(told["statusCode"])

        assert await status("peek-message", {"from-sequence-number": 0, "message-count": 1}) == 204
        assert await status("schedule-message", {"messages": []}) == 401
    await server.stop()


# -- time ----------------------------------------------------------------------------------------------


async def test_a_connection_without_a_good_token_is_dropped(own: BusServer) -> None:
    own.broker.limit(Limits(token_within_s=0.4))
    async with Peer.connect(own.amqp_port) as bare, Peer.connect(own.amqp_port) as good:
        await bare.opened()
        await good.opened()
        assert await bare.put_token("plain", "anything") == 401
        assert await good.put_token("plain") == 202
        await good.attach(0, "plain", receives=True)
        assert await good.quiet(0.6)
        assert await bare.reader.read() == b""


async def test_links_are_dropped_when_their_token_expires_and_stay_when_it_is_renewed(own: BusServer) -> None:
    async with Peer.connect(own.amqp_port) as peer:
        await peer.opened()
        await peer.put_token("plain", signature("sb://localhost/plain", lives_s=2))
        await peer.put_token("quick", signature("sb://localhost/quick", lives_s=2))
        await peer.attach(0, "plain", receives=True)
        await peer.attach(1, "quick", receives=True)
        await peer.put_token("quick")
        detached = await peer.expect(Detach)
        assert detached.handle == 0
        why, words = condition(detached)
        assert why == "amqp:link:detach-forced"
        assert "Code: RenewToken. Details: Unauthorized access. 'Listen' claim(s) are required" in words
        assert await peer.quiet(0.5)


async def test_the_client_comes_back_with_a_new_token(bus: Bus) -> None:
    await bus.send("plain", "before")
    async with bus.receiver("plain", max_wait_time=PATIENCE_S) as receiver:
        await only(receiver)
        bus.server.broker.apply(BusFaults(expire_tokens=True))
        await bus.send("plain", "after")
        assert texts(await only(receiver)) == ["after"]


async def test_a_token_that_expired_before_it_was_used_opens_nothing(own: BusServer) -> None:
    async with Peer.connect(own.amqp_port) as peer:
        await peer.opened()
        await peer.put_token("plain")
        own.broker.apply(BusFaults(expire_tokens=True))
        assert (await peer.attach(0, "plain", receives=True)).source is None
