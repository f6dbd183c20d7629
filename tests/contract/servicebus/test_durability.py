"""The Service Bus stand-in as a process of its own, which is killed and started again."""

import asyncio
import json
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import aiohttp
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from deploy.sandbox.client import PATIENCE_S
from tests.contract.servicebus.rig import MARKS, only, until

pytestmark = MARKS


class Process:
    """The stand-in as its own process."""

    def __init__(self, process: asyncio.subprocess.Process, ready: dict[str, Any]) -> None:
        self.process = process
        self.url: str = ready["url"]
        self.connection: str = ready["connection"]

    @classmethod
    async def start(cls, data: Path, *arguments: str) -> "Process":
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "deploy.sandbox.servicebus", "--data", str(data), *arguments,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        return cls(process, json.loads(await process.stdout.readline()))

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        assert await self.process.wait() == -signal.SIGKILL

    async def stop(self) -> None:
        self.process.terminate()
        assert await self.process.wait() == 0

    async def state(self, queue: str) -> dict[str, Any]:
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}/_state") as response:
            return cast("dict[str, Any]", (await response.json())[queue])


async def test_everything_that_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    due = datetime.now(UTC) + timedelta(hours=1)
    first = await Process.start(tmp_path)
    async with (
        ServiceBusClient.from_connection_string(first.connection) as client,
        client.get_queue_sender("starts") as sender,
        client.get_queue_receiver("starts", max_wait_time=PATIENCE_S) as receiver,
    ):
        names = ("done", "failed", "set aside", "dead", "held", "waiting")
        await sender.send_messages([ServiceBusMessage(name, message_id=name) for name in names])
        await sender.schedule_messages(ServiceBusMessage("planned", message_id="planned"), due)
        done, failed, aside, dead = await only(receiver, 4)
        await receiver.complete_message(done)
        await receiver.defer_message(aside)
        await receiver.dead_letter_message(dead, reason="r", error_description="d")
        await receiver.abandon_message(failed)
        assert len(await receiver.receive_messages(2)) == 2
        await first.kill()
    second = await Process.start(tmp_path)
    state = await second.state("starts")
    counts = {m["message_id"]: (m["state"], m["delivery_count"]) for m in state["messages"]}
    assert counts == {
        "failed": ("active", 1),
        "set aside": ("deferred", 0),
        "held": ("active", 0),
        "waiting": ("active", 0),
        "planned": ("scheduled", 0),
    }
    assert state["dead_letters"][0]["application_properties"] == {
        "DeadLetterReason": "r",
        "DeadLetterErrorDescription": "d",
    }
    async with (
        ServiceBusClient.from_connection_string(second.connection) as client,
        client.get_queue_sender("starts") as sender,
    ):
        await sender.send_messages([ServiceBusMessage("done again", message_id="done")])
    assert len((await second.state("starts"))["messages"]) == 5
    await second.stop()


async def test_under_load_a_kill_loses_nothing_acknowledged_and_revives_nothing_settled(
    tmp_path: Path,
) -> None:
    first = await Process.start(tmp_path, "--queue", "work,lock=60")
    sent: set[str] = set()
    completed: set[str] = set()
    asked: set[str] = set()

    async def send(client: ServiceBusClient, own: str) -> None:
        async with client.get_queue_sender("work") as sender:
            for number in range(100_000):
                ids = [f"{own}-{number}-{index}" for index in range(20)]
                await sender.send_messages([ServiceBusMessage(i, message_id=i) for i in ids])
                sent.update(ids)

    async def receive(client: ServiceBusClient) -> None:
        async with client.get_queue_receiver("work", prefetch_count=50) as receiver:
            async for message in receiver:
                own = str(message.message_id)
                asked.add(own)
                await receiver.complete_message(message)
                completed.add(own)

    async with ServiceBusClient.from_connection_string(first.connection, retry_total=0) as client:
        load = [asyncio.create_task(send(client, own)) for own in ("a", "b")]
        load += [asyncio.create_task(receive(client)) for _ in range(2)]

        async def well_under_way() -> bool:
            return len(completed) >= 300

        await until(well_under_way)
        await first.kill()
        outcomes = await asyncio.wait_for(asyncio.gather(*load, return_exceptions=True), PATIENCE_S)
        assert all(isinstance(outcome, Exception) for outcome in outcomes)
    second = await Process.start(tmp_path, "--queue", "work,lock=60")
    state = await second.state("work")
    kept = [m["message_id"] for m in state["messages"]]
    assert len(kept) == len(set(kept))
    assert not completed & set(kept), "a completed message came back"
    assert not (sent - asked) - set(kept), "an acknowledged message was lost"
    assert {m["state"] for m in state["messages"]} <= {"active"}
    await second.stop()


async def test_a_journal_of_other_queues_is_refused_with_the_remedy(tmp_path: Path) -> None:
    first = await Process.start(tmp_path, "--queue", "old")
    async with aiohttp.ClientSession() as http:
        await http.post(f"{first.url}/_queues/old/messages", json={"body": "x"})
    await first.stop()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.sandbox.servicebus", "--data", str(tmp_path),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, complaint = await process.communicate()
    assert process.returncode
    assert b"declare them with --queue" in complaint
