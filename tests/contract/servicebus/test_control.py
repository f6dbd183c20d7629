"""The Service Bus stand-in over HTTP: messages, the record, and faults."""

import json
import time
from typing import Any
from uuid import uuid4

import pytest
from azure.servicebus.exceptions import ServiceBusError

from deploy.sandbox.servicebus.server import BusServer
from tests.contract.servicebus.rig import MARKS, Bus, only

pytestmark = MARKS


# -- HTTP ----------------------------------------------------------------------------------------------


async def test_a_message_put_over_http_is_received_over_amqp(bus: Bus) -> None:
    url = f"{bus.server.url}/_queues/plain/messages"
    message = {"body": {"vm": "a"}, "message_id": "h", "application_properties": {"n": 1}}
    async with bus.http.post(url, json=message) as response:
        assert response.status == 201
    async with bus.receiver("plain") as receiver:
        (got,) = await only(receiver)
        assert (json.loads(str(got)), got.message_id) == ({"vm": "a"}, "h")
        assert got.application_properties == {b"n": 1}
    later = {"body": "later", "schedule_at_ms": round(time.time() * 1000) + 60_000}
    async with bus.http.post(url, json=later) as response:
        number = (await response.json())["sequence_number"]
    (_, planned) = (await bus.state("plain"))["messages"]
    assert (planned["sequence_number"], planned["state"]) == (number, "scheduled")
    assert planned["scheduled_ms"] == later["schedule_at_ms"]
    async with bus.http.delete(url) as response:
        assert await response.json() == {"removed": 2}


async def test_wrong_http_requests_are_told_why(bus: Bus) -> None:
    for path, status in (("plain", 400), ("nowhere", 404)):
        url = f"{bus.server.url}/_queues/{path}/messages"
        async with bus.http.post(url, json={"body": "x", "surprise": 1}) as response:
            assert response.status == status
    async with bus.http.put(f"{bus.server.url}/_faults", json={"delay": 3}) as response:
        assert response.status == 400


async def test_the_record_tells_a_message_s_life(bus: Bus) -> None:
    own = uuid4().hex
    await bus.send("plain", "x", message_id=own)
    async with bus.receiver("plain") as receiver:
        (got,) = await only(receiver)
        await receiver.abandon_message(got)
        (got,) = await only(receiver)
        await receiver.dead_letter_message(got, reason="r", error_description="d")
    async with bus.http.get(f"{bus.server.url}/_record") as response:
        life = [e for e in await response.json() if e.get("message_id") == own]
    assert [e["kind"] for e in life] == ["enqueued", "delivered", "abandoned", "delivered", "dead-lettered"]
    assert [e.get("delivery_count") for e in life if e["kind"] == "delivered"] == [0, 1]
    assert (life[-1]["queue"], life[-1]["reason"], life[-1]["description"]) == ("plain", "r", "d")


# -- faults --------------------------------------------------------------------------------------------


async def faults(bus: Bus, **wanted: Any) -> None:
    async with bus.http.put(f"{bus.server.url}/_faults", json=wanted) as response:
        assert response.status == 200


@pytest.mark.quiet
async def test_a_delay_holds_back_answers(bus: Bus) -> None:
    await bus.send("plain", "quickly")
    await faults(bus, delay_ms=300)
    started = time.monotonic()
    await bus.send("plain", "slowly")
    assert 0.3 <= time.monotonic() - started < 1


async def test_a_send_whose_answer_was_cut_off_is_retried_and_found_a_duplicate(bus: Bus) -> None:
    own, seen = uuid4().hex, len(bus.events("duplicate-dropped"))
    await bus.send("once", "opens the link", message_id=uuid4().hex)
    await faults(bus, drop_after_send=1)
    await bus.send("once", "twice", message_id=own)
    assert [e["message_id"] for e in bus.events("duplicate-dropped")[seen:]] == [own]
    assert [m["body"] for m in (await bus.state("once"))["messages"]] == ["opens the link", "twice"]


async def test_the_client_comes_back_after_a_cut(bus: Bus) -> None:
    await bus.send("plain", "opens the link")
    await faults(bus, drop_connections=True)
    await bus.send("plain", "after the cut")
    assert (await bus.state("plain"))["active"] == 2


async def test_refused_connections_are_errors_of_the_connection(bus: Bus) -> None:
    await faults(bus, refuse_connections=True)
    async with bus.impatient() as client:
        with pytest.raises(ServiceBusError):
            async with client.get_queue_sender("plain"):
                pass


async def test_limits_are_read_and_set_and_wrong_ones_are_told_why(bus: Bus) -> None:
    url = f"{bus.server.url}/_limits"
    async with bus.http.put(url, json={"link_idle_s": 2.5}) as response:
        assert response.status == 200
    async with bus.http.get(url) as response:
        told = await response.json()
    assert (told["link_idle_s"], told["token_within_s"]) == (2.5, 20)
    for wrong in ({"link_idle_s": 0}, {"links": 1}):
        async with bus.http.put(url, json=wrong) as response:
            assert response.status == 400


async def test_what_happens_once_reads_back_as_off(bus: Bus, own: BusServer) -> None:
    url = f"{own.url}/_faults"
    once = {"detach": True, "close": "forced", "expire_tokens": True, "drop_connections": True}
    async with bus.http.put(url, json={**once, "busy": True}) as response:
        told = await response.json()
    assert {key: told[key] for key in once} == dict.fromkeys(once, False) | {"close": ""}
    assert told["busy"]
