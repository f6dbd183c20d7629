"""``python -m deploy.sandbox up|play``: the whole system on this machine."""

import argparse
import asyncio
import sys

from deploy.sandbox.play.player import play
from deploy.sandbox.up import up


def main() -> int:
    """Run a command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("up", help="start everything and keep it running until Ctrl-C")
    run.add_argument("--speed", type=float, default=1.0, help="Azure's pace: 1 real time, 0 instant")
    run.add_argument("--port", type=int, default=8080, help="the page's port; the others follow it")
    run.add_argument("--open", action="store_true", help="open the page in a browser")
    story = commands.add_parser("play", help="play the stories and print a timeline")
    story.add_argument("--speed", type=float, default=0.0, help="Azure's pace: 1 real time, 0 instant")
    options = parser.parse_args()
    if options.command == "play":
        return asyncio.run(play(speed=options.speed))
    return asyncio.run(up(port=options.port, speed=options.speed, show=options.open))


if __name__ == "__main__":
    sys.exit(main())
