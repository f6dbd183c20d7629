"""``make sandbox``: starts everything, says where it is and what to try first, and ends it on Ctrl-C."""

import asyncio
import shutil
import signal
import webbrowser
from pathlib import Path

from deploy.sandbox.page.server import Page
from deploy.sandbox.processes import NotReady
from deploy.sandbox.system import Ports, System

STATE = Path(__file__).parents[2] / ".sandbox"


async def up(*, port: int, speed: float, show: bool) -> int:
    """Run until Ctrl-C or SIGTERM; 0, or 1 when something could not start.

    Args:
        port: the page's; the stand-ins take the next ones.
        speed: how long Azure's operations take, as a factor of real time.
        show: open the page in a browser.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    ports = Ports(azure=port + 1, slack=port + 2, bus=port + 3, amqp=port + 4, valkey=port + 5)
    # Azure and Slack begin anew each time; a store that remembers the last time would only confuse.
    shutil.rmtree(STATE, ignore_errors=True)
    print("Starting stand-ins for Azure, Service Bus and Slack, Valkey, workers and bot …", flush=True)
    try:
        async with System(speed=speed, ports=ports, directory=STATE) as system:
            page = Page(system, port=port)
            await page.start()
            try:
                print(_welcome(page, system), flush=True)
                if show:
                    webbrowser.open(page.url)
                await stop.wait()
                print("\nStopping …", flush=True)
            finally:
                await page.stop()
    except (NotReady, OSError) as error:
        print(f"\nThe sandbox could not start: {error}", flush=True)
        print(
            "Is another one running, or a port in use? make sandbox ARGS='--port 9000' takes others.",
            flush=True,
        )
        return 1
    return 0


def _welcome(page: Page, system: System) -> str:
    azure = system.azure_url
    return f"""
Startgate runs. All of it is on this machine; nothing here is in a cloud.

  Open         {page.url}     and take the tour

  Azure        {azure}     /_state shows every VM
  Slack        {system.slack_url}     /_state?user=olivia shows what Olivia sees
  Service Bus  {system.bus_url}     /_state shows the queues
  Logs         {system.logs}

Or, without a browser, start a first VM as somebody who should not, and look at what its owner sees:

  curl -s {azure}/_vm/start -H 'Content-Type: application/json' -d '{{"vm": "web-02", "as": "intruder"}}'
  curl -s '{system.slack_url}/_state?user=olivia' | python3 -m json.tool

Ctrl-C stops everything.
"""
