"""``python -m deploy.sandbox.azure``: run the Azure stand-in until it is told to stop."""

import argparse
import asyncio
from pathlib import Path

from deploy.sandbox.azure.delivery import ServiceBusQueue
from deploy.sandbox.azure.server import TOKEN, AzureServer
from deploy.sandbox.standin import serve
from deploy.sandbox.world import DEFAULT, World


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox.azure", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="HTTP port; 0 takes a free one")
    parser.add_argument(
        "--servicebus",
        metavar="CONNECTION_STRING",
        help="where start events go; without it they are recorded",
    )
    parser.add_argument("--queue", default="starts", help="the queue for start events")
    parser.add_argument("--token", default=TOKEN, help="the bearer token that ARM calls need")
    parser.add_argument("--world", type=Path, default=DEFAULT, help="people and machines")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="factor on every duration; 0 waits for nothing"
    )
    return parser.parse_args()


async def _main(given: argparse.Namespace) -> None:
    queue = ServiceBusQueue(given.servicebus, given.queue) if given.servicebus else None
    server = AzureServer(
        port=given.port, queue=queue, token=given.token, world=World.load(given.world), speed=given.speed
    )
    await serve(server)


if __name__ == "__main__":
    asyncio.run(_main(_arguments()))
