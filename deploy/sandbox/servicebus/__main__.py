"""``python -m deploy.sandbox.servicebus``: a Service Bus namespace on loopback, as a process."""

import argparse
import asyncio
import logging
from pathlib import Path
from typing import Any

from deploy.sandbox.servicebus.auth.certificate import AMQPS_PORT
from deploy.sandbox.servicebus.messages import Settings
from deploy.sandbox.servicebus.server import BusServer
from deploy.sandbox.standin import serve

QUEUE_HELP = (
    "a queue, with dedup=SECONDS (off), lock=SECONDS (30), ttl=SECONDS (for ever), max_delivery=N (10) or "
    "expired=drop|dead-letter (drop); repeat it for more. Without any: starts (dedup=600), work, notices"
)


def queue(text: str) -> Settings:
    """A queue from its name and options, as ``QUEUE_HELP`` says, with commas between.

    Raises:
        argparse.ArgumentTypeError: an option is unknown or has no such value.
    """
    name, *options = text.split(",")
    chosen: dict[str, Any] = {"name": name.strip("/").lower()}
    for option in options:
        key, _, value = option.partition("=")
        try:
            if key in ("dedup", "lock", "ttl"):
                chosen[f"{key}_ms"] = int(float(value) * 1000)
            elif key == "max_delivery":
                chosen[key] = int(value)
            elif key == "expired" and value in ("drop", "dead-letter"):
                chosen[key] = value
            else:
                raise argparse.ArgumentTypeError(
                    f"{option!r} is not dedup=SECONDS, lock=SECONDS, ttl=SECONDS, max_delivery=N or expired=…"
                )
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{option!r} needs a number") from error
    return Settings(**chosen)


def main() -> None:
    """Read the command line and serve until told to stop."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.sandbox.servicebus", description="A Service Bus namespace on loopback."
    )
    parser.add_argument("--port", type=int, default=0, help="HTTP port; 0 takes a free one")
    parser.add_argument("--amqp-port", type=int, default=0, help="AMQP port; 0 takes a free one")
    parser.add_argument(
        "--tls-port", type=int, help=f"another AMQP port, with TLS; clients look for it on {AMQPS_PORT}"
    )
    parser.add_argument("--data", type=Path, help="directory of the journal; without it nothing is kept")
    parser.add_argument(
        "--queue", type=queue, action="append", default=[], metavar="NAME[,OPTION=VALUE]…", help=QUEUE_HELP
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    if options.data is not None:
        options.data.mkdir(parents=True, exist_ok=True)
    server = BusServer(
        port=options.port,
        amqp_port=options.amqp_port,
        tls_port=options.tls_port,
        queues=options.queue,
        data=options.data,
    )
    asyncio.run(serve(server))


if __name__ == "__main__":
    main()
