"""The sandbox as rounds of chaos need it: short deadlines, short locks, and two Redis servers."""

from pathlib import Path
from typing import Any

from deploy.sandbox.system import System
from tests.chaos.system.failover import Pair

SPEED = 0.03
"""Of Azure's operations: a deallocation takes 0.6 s."""
LOCK_S = 6
"""How long the bus keeps a message that a killed process had taken; 30 s or more in production."""
EXPIRE_S = 4

QUICK = {
    "STARTGATE_RESYNC_EVERY_S": "1",
    "STARTGATE_INVENTORY_EVERY_S": "5",
    "STARTGATE_SERVICEBUS_QUIET_S": "3",
}
BESIDE = "workers-beside"
_OF_ANOTHER_VERSION = (
    "import sys; sys.path[0] = {0!r}; sys.argv = ['startgate', 'workers']; "
    "from workers.__main__ import main; main()"
)
"""A program: the workers of the code at this path."""


def policy(on_silence: str) -> dict[str, Any]:
    """Deadlines of seconds; ``snapshot``-less steps, since a backup takes four seconds at any speed."""
    return {
        "owner": {"tags": ["owner", "contact"], "fallback": "#vm-approvals"},
        "oncall": {"usergroup": "S0ONCALL01", "channel": "#vm-oncall"},
        "defaults": {
            "remind_after": "1.5s",
            "escalate_after": "2.5s",
            "expire_after": f"{EXPIRE_S}s",
            "on_silence": on_silence,
        },
        # People press the card of each start. Cards of bursts have their own tests of kills and two bots.
        "bursts": {"together": False},
        "cap": {"containments_per_hour": 10_000},
        "lockdowns": {"standard": {"steps": ["isolate", "stop"], "page_after": "8s", "give_up_after": "16s"}},
    }


class Sandbox(System):
    """A bus with shorter locks, so that what a killed process had taken comes back within a round.

    Redis is a primary and a replica behind one name. With ``beside``, the path of another version's code, its
    workers run beside those of this one.
    """

    beside: Path | None = None

    async def _valkey(self, port: int) -> None:
        await super()._valkey(port)
        assert self.directory is not None
        self.pair = Pair(self.processes, port, directory=self.directory, logs=self.logs)
        await self.pair.open()

    def environment(self, who: str = "") -> dict[str, str]:
        given = super().environment(who) | {"STARTGATE_REDIS_URL": self.pair.url}
        if who == "bot":
            self.token.write_text(given.pop("STARTGATE_SLACK_BOT_TOKEN"), encoding="utf-8")
            given["STARTGATE_SLACK_BOT_TOKEN_FILE"] = str(self.token)
        return given

    @property
    def token(self) -> Path:
        """The file from which the bot reads its token."""
        assert self.directory is not None
        return self.directory / "bot-token"

    async def aclose(self) -> None:
        await super().aclose()
        if hasattr(self, "pair"):
            await self.pair.name.close()

    async def _spawn(
        self, name: str, *command: str, environment: dict[str, str] | None = None
    ) -> dict[str, object]:
        if name == "servicebus":
            queues = (f"starts,dedup=600,lock={LOCK_S}", f"work,lock={LOCK_S}", f"notices,lock={LOCK_S}")
            command = (*command, *(part for queue in queues for part in ("--queue", queue)))
        if name == "workers" and self.beside is not None:
            await super()._spawn(
                BESIDE, "-c", _OF_ANOTHER_VERSION.format(str(self.beside)), environment=environment
            )
        return await super()._spawn(name, *command, environment=environment)
