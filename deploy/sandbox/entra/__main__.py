"""``python -m deploy.sandbox.entra``: run the stand-in of Entra ID until it is told to stop."""

import argparse
import asyncio
from pathlib import Path

from deploy.sandbox.entra.server import EntraServer
from deploy.sandbox.standin import serve
from deploy.sandbox.world import DEFAULT, World

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox.entra", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="HTTP port; 0 takes a free one")
    parser.add_argument("--world", type=Path, default=DEFAULT, help="people and machines")
    given = parser.parse_args()
    asyncio.run(serve(EntraServer(port=given.port, world=World.load(given.world))))
