"""The processes of the sandbox: their health, and killing and starting them."""

import asyncio
import contextlib
import os
import signal
import time
from typing import Any

from deploy.sandbox.page.board import Board
from deploy.sandbox.processes import NotReady, Process
from deploy.sandbox.system import System

LOOK_S = 0.5
TOPIC = "process"

ABOUT = {
    "azure": "Azure stand-in",
    "servicebus": "Service Bus stand-in",
    "slack": "Slack stand-in",
    "valkey": "Valkey, the store",
    "workers": "Startgate: the workers",
    "bot": "Startgate: the bot",
}
KEPT_ON_DISK = frozenset({"valkey", "servicebus"})
PRODUCT = frozenset({"workers", "bot"})
KILLABLE = PRODUCT | KEPT_ON_DISK
"""Azure and Slack hold the simulated world in memory: without it there would be nothing to come back to."""


class Children:
    """Watches the processes and lets them be killed, hung and started again."""

    def __init__(self, board: Board, system: System) -> None:
        self._board = board
        self._system = system
        self._busy: dict[str, str] = {}
        self._hung: set[str] = set()
        self._since: dict[str, float] = {}
        self._answers: dict[str, bool] = {}

    def answers(self, name: str, *, does: bool) -> None:
        """Whether a process answers, as found out by who talks to it."""
        self._answers[name] = does

    async def run(self) -> None:
        """Look at all of them, for ever."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Put every process on the board as it is now."""
        for name, process in self._system.processes.items():
            self._board.put(TOPIC, name, self._health(name, process))

    def _health(self, name: str, process: Process) -> dict[str, Any]:
        state = self._busy.get(name) or ("running" if process.alive else "dead")
        if state == "running" and name in self._hung:
            state = "hung"
        if state == "running" and not self._answers.get(name, True):
            state = "silent"
        return {
            "name": name,
            "about": ABOUT.get(name, name),
            "state": state,
            "pid": process.pid,
            "memory_mb": 5 * round(process.resident_mb() / 5),  # in steps, or it would change all the time
            "killable": name in KILLABLE,
            "since_ms": self._started(name, process.pid),
        }

    def _started(self, name: str, pid: int | None) -> float:
        return self._since.setdefault(f"{name} {pid}", round(time.time() * 1000))

    async def kill(self, name: str) -> None:
        """SIGKILL; it stays dead until it is started.

        Raises:
            KeyError: there is no such process, or it must not be killed.
        """
        process = self._killable(name)
        await process.kill()
        self._hung.discard(name)
        self.look()

    async def start(self, name: str) -> None:
        """Start it again, having killed it if it still runs.

        Raises:
            KeyError: as for ``kill``.
            NotReady: it did not come up.
        """
        process = self._killable(name)
        if name in self._busy:
            return
        self._busy[name] = "starting"
        self.look()
        try:
            await process.kill()
            self._hung.discard(name)
            if name == "servicebus":
                _pin_port(process, self._system.bus_url)
            await process.start()
        finally:
            del self._busy[name]
            self.look()

    def hang(self, name: str, *, hung: bool) -> None:
        """Stop the process in its tracks, or let it go on: it is there, and says nothing."""
        pid = self._killable(name).pid
        if pid is None:
            self._hung.discard(name)
            return
        os.kill(pid, signal.SIGSTOP if hung else signal.SIGCONT)
        (self._hung.add if hung else self._hung.discard)(name)
        self.look()

    def release(self) -> None:
        """Let everything that hangs go on, so that it can end in order."""
        for name in list(self._hung):
            with contextlib.suppress(KeyError, ProcessLookupError):
                self.hang(name, hung=False)

    def _killable(self, name: str) -> Process:
        if name not in KILLABLE:
            raise KeyError(f"{name!r} cannot be killed; these can: {', '.join(sorted(KILLABLE))}")
        return self._system.processes[name]


def _pin_port(process: Process, url: str) -> None:
    """Let it listen again where it listened before, also if its first port was just a free one."""
    at = process.command.index("--port") + 1
    process.command[at] = url.rpartition(":")[2]


__all__ = ["ABOUT", "KILLABLE", "Children", "NotReady"]
