"""``python -m deploy.sandbox.bench.bare``: the azure-servicebus client alone, receiving and completing.

It is what a start's intake is held against: nothing is done with a message but to take it and to settle it.
"""

import argparse
import asyncio
import json
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

CONCURRENCY = 32
SOCKET_TIMEOUT_S = 0.01
"""As the product's: with the SDK's own 0.2 s, settling stalls behind reads."""


async def _drain(client: ServiceBusClient, queue: str) -> None:
    receiver = client.get_queue_receiver(queue, prefetch_count=200, socket_timeout=SOCKET_TIMEOUT_S)
    slots = asyncio.Semaphore(CONCURRENCY)
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
                group.create_task(_drain(client, given.queue))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox.bench.bare", description=__doc__)
    parser.add_argument("--connection", required=True, help="connection string of the stand-in")
    parser.add_argument("--queue", default="starts", help="the queue to drain")
    parser.add_argument("--receivers", type=int, default=8, help="links; 4 to 8 fill a process")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(_main(_arguments()))
