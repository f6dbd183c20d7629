"""Child processes on loopback: started, waited for until they are ready, killed, started again."""

import asyncio
import contextlib
import fcntl
import json
import os
import random
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

READY_WITHIN_S = 40.0


class NotReady(RuntimeError):
    """A process ended, or said nothing, before it was ready; carries the end of its log."""


_PORTS = range(20_000, 32_000)
"""Below what Linux and macOS take for outgoing connections, and for listeners that name no port."""

_BLOCK = 50
"""So many neighbours belong to one process, for as long as it lives."""

_blocks: list[IO[bytes]] = []
_left: list[int] = []


def free_port() -> int:
    """A port that nothing listens on, and that nobody will be given by chance.

    A process that is killed and started again needs its port a second time: one from the system's own range
    may by then be the near end of somebody's connection. And between this answer and the listener, no other
    process that asks here gets the same: each takes from blocks of its own.
    """
    while True:
        if not _left:
            _take_block()
        port = _left.pop()
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _take_block() -> None:
    """Take a block that no living process has; its lock goes with this process.

    Raises:
        OSError: all blocks are taken.
    """
    directory = Path(tempfile.gettempdir()) / f"startgate-ports-{os.getuid()}"
    directory.mkdir(exist_ok=True)
    firsts = list(_PORTS[::_BLOCK])
    random.shuffle(firsts)
    for first in firsts:
        lock = (directory / str(first)).open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        _blocks.append(lock)
        _left.extend(range(first, first + _BLOCK))
        return
    raise OSError(f"no free ports: {len(firsts)} processes hold those from {_PORTS[0]} to {_PORTS[-1]}")


class Process:
    """One child, its output in a log file.

    A line of JSON with the key ``ready``, or the log event ``ready``, says that it is.

    Args:
        name: for people, and the log's file name.
        command: arguments after the Python interpreter.
        environment: complete; of this process's own environment only PATH, HOME and coverage's gets in.

    Attributes:
        ready_text: for a foreign program: the words in its output that say it is ready.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, logs: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.command = (
            list(command) if os.path.isabs(command[0]) else [sys.executable, *command]  # noqa: PTH117 - a string
        )
        self.log_path = logs / f"{name}.log"
        self._environment = {
            key: value
            for key, value in os.environ.items()
            if key in ("PATH", "HOME") or key.startswith("COVERAGE_PROCESS_")
        } | dict(environment or {})
        self.ready_text = ""
        self._process: asyncio.subprocess.Process | None = None
        self._read_from = 0

    @property
    def pid(self) -> int | None:
        """The process id while it lives."""
        return self._process.pid if self.alive and self._process else None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> dict[str, Any]:
        """Start it, and return its ready line once it is ready.

        Raises:
            NotReady: with the end of its log.
        """
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._read_from = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=Path(__file__).parents[2],
                start_new_session=True,  # Ctrl-C reaches the supervisor, which ends its children in order
            )
        return await self._ready()

    async def _ready(self) -> dict[str, Any]:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            if self.ready_text and self.ready_text in self.output():
                return {"ready": self.name}
            for line in self.output().splitlines():
                with contextlib.suppress(ValueError):
                    said = json.loads(line)
                    if isinstance(said, dict) and ("ready" in said or said.get("event") == "ready"):
                        return said
            if not self.alive:
                raise NotReady(f"{self.name} ended before it was ready:\n{self.output()[-2000:]}")
            await asyncio.sleep(0.02)
        raise NotReady(f"{self.name} was not ready within {READY_WITHIN_S:.0f} s:\n{self.output()[-2000:]}")

    def output(self) -> str:
        """What it wrote since its last start."""
        with self.log_path.open("rb") as log:
            log.seek(self._read_from)
            return log.read().decode(errors="replace")

    async def stop(self, *, within_s: float = 10.0) -> None:
        """SIGTERM, and SIGKILL if it takes longer."""
        if not self.alive or self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), within_s)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL."""
        if self.alive and self._process is not None:
            self._process.kill()
            await self._process.wait()

    def resident_mb(self) -> float:
        """Resident memory in MB; 0 where the system does not tell."""
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines():
                if line.startswith("VmRSS:"):
                    return round(int(line.split()[1]) / 1024, 1)
        return 0.0
