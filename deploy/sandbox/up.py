"""``make sandbox``: starts everything, says where it is and what to try first, and ends it on Ctrl-C."""

import asyncio
import signal
from pathlib import Path

from deploy.sandbox.processes import NotReady
from deploy.sandbox.system import Ports, System

STATE = Path(__file__).parents[2] / ".sandbox"


async def up(*, port: int, speed: float, show: bool) -> int:
    """Run until Ctrl-C or SIGTERM; 0, or 1 when something could not start."""
    del show  # the page comes with the browser part
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    ports = Ports(azure=port + 1, slack=port + 2, bus=port + 3, amqp=5672, valkey=port + 4)
    print("Starting Azure, Service Bus, Slack and Valkey stand-ins, the workers and the bot …", flush=True)
    try:
        async with System(speed=speed, ports=ports, directory=STATE) as system:
            print(_welcome(system), flush=True)
            await stop.wait()
            print("\nStopping …", flush=True)
    except NotReady as error:
        print(
            f"\nThe sandbox could not start: {error}\nIs another one running, or a port in use?", flush=True
        )
        return 1
    return 0


def _welcome(system: System) -> str:
    azure, slack = system.azure_url, system.slack_url
    return f"""
Startgate runs. All of it is on this machine; nothing here is in a cloud.

  Azure        {azure}     GET /_state shows every VM
  Slack        {slack}     GET /_state?user=olivia shows what Olivia sees
  Service Bus  {system.bus_url}     GET /_state shows the queues
  Valkey       {system.redis_url}
  Logs         {system.logs}

Start a first VM, as somebody who should not:

  curl -s {azure}/_vm/start -d '{{"vm": "web-02", "as": "intruder"}}' -H 'Content-Type: application/json'

Then look at what its owner sees in Slack:

  curl -s '{slack}/_state?user=olivia' | python3 -m json.tool | less

Ctrl-C stops everything.
"""
