"""``python -m deploy.sandbox.bench.bare``: the azure-servicebus client alone, receiving and completing.

It is what a start's intake is held against: nothing is done with a message but to take it and to settle it.
"""

import argparse
import asyncio
import json
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver


async def _drain(client: ServiceBusClient, given: argparse.Namespace) -> None:
    receiver = client.get_queue_receiver(
        given.queue, prefetch_count=given.prefetch, socket_timeout=given.socket_timeout
    )
    slots = asyncio.Semaphore(given.concurrency)
    under_way: set[asyncio.Task[None]] = set()
    async with receiver:
        async for message in receiver:
            await slots.acquire()
            task = asyncio.create_task(_settle(receiver, message, slots))
            under_way.add(task)
            task.add_done_callback(under_way.discard)


async def _settle(
    receiver: ServiceBusReceiver, message: ServiceBusReceivedMessage, slots: asyncio.Semaphore
) -> None:
    try:
        await receiver.complete_message(message)
    finally:
        slots.release()


async def _main(given: argparse.Namespace) -> None:
    quiet: Any = {"logging_enable": False}
    async with ServiceBusClient.from_connection_string(given.connection, **quiet) as client:
        print(json.dumps({"ready": "bare"}), flush=True)
        async with asyncio.TaskGroup() as group:
            for _ in range(given.receivers):
                group.create_task(_drain(client, given))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox.bench.bare", description=__doc__)
    parser.add_argument("--connection", required=True, help="connection string of the stand-in")
    parser.add_argument("--queue", default="starts", help="the queue to drain")
    parser.add_argument("--receivers", type=int, default=4, help="links, each with a connection")
    parser.add_argument("--socket-timeout", type=float, default=0.05, help="seconds a link waits in a read")
    parser.add_argument("--concurrency", type=int, default=32, help="settlements under way on each link")
    parser.add_argument("--prefetch", type=int, default=200, help="messages a link asks for ahead")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(_main(_arguments()))
