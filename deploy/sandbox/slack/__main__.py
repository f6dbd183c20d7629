"""``python -m deploy.sandbox.slack``: run the stand-in as a process."""

import argparse
import asyncio
from pathlib import Path

from deploy.sandbox.slack.delivery.deliver import EVENT_RETRIES_S
from deploy.sandbox.slack.identity import Identity
from deploy.sandbox.slack.manifest import Manifest, load_manifest
from deploy.sandbox.slack.server import SlackServer
from deploy.sandbox.slack.state import Switches
from deploy.sandbox.standin import serve
from deploy.sandbox.world import DEFAULT, World


def parser() -> argparse.ArgumentParser:
    default = Identity()
    options = argparse.ArgumentParser(prog="python -m deploy.sandbox.slack", description=__doc__)
    options.add_argument("--port", type=int, default=0, help="0 takes a free one; see the ready line")
    options.add_argument("--world", type=Path, default=DEFAULT, help="who is in the workspace")
    options.add_argument("--manifest", type=Path, help="app manifest: slash commands, scopes, events")
    options.add_argument("--bot-token", default=default.bot_token)
    options.add_argument("--app-token", default=default.app_token)
    options.add_argument("--signing-secret", default=default.signing_secret)
    options.add_argument("--request-url", default="", help="HTTP mode: where the app listens")
    options.add_argument("--no-limits", action="store_true", help="no rate limits, for tests in a hurry")
    options.add_argument(
        "--event-retries",
        type=lambda text: tuple(float(part) for part in text.split(",") if part),
        default=EVENT_RETRIES_S,
        metavar="S,S,…",
        help="waits in seconds before an unacknowledged event is sent again; Slack's own by default",
    )
    return options


def main() -> None:
    options = parser().parse_args()
    manifest = load_manifest(options.manifest) if options.manifest else Manifest()
    server = SlackServer(
        port=options.port,
        world=World.load(options.world),
        identity=Identity(
            app_name=manifest.name,
            bot_token=options.bot_token,
            app_token=options.app_token,
            signing_secret=options.signing_secret,
        ),
        request_url=options.request_url,
        commands=manifest.commands,
        events=manifest.events,
        tabs=manifest.tabs,
        event_retries_s=options.event_retries,
    )
    server.state.switches = Switches(scopes=manifest.scopes, tiers=not options.no_limits)
    asyncio.run(serve(server))


if __name__ == "__main__":
    main()
