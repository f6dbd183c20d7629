"""The simulated Azure on the board: its machines, and what they can be connected to."""

import asyncio
import contextlib
from typing import Any

from deploy.sandbox.client import Control
from deploy.sandbox.page.board import Board
from deploy.sandbox.page.tail import Entry

SETTLE_S = 0.25
"""The whole estate is read again at most this often."""
LOOK_S = 2.0


class AzureSide:
    """Keeps the topics ``vm`` and ``azure`` in line with the stand-in."""

    def __init__(self, board: Board, control: Control) -> None:
        self._board = board
        self._control = control
        self._stale = asyncio.Event()

    def came(self, entry: Entry) -> None:
        """Something was recorded: take the machine it carries, or read everything again soon."""
        if entry["kind"] == "changed":
            vm = entry.get("vm")
            if vm:
                self._board.put("vm", vm["id"], vm | self._timing(entry))
            if entry.get("what") == "vm deleted":
                self._board.drop("vm", entry["vm_id"])
            if entry.get("what") != "vm" and not (vm and self._running(entry)):
                self._stale.set()
        elif entry["kind"] == "request" and entry["method"] != "GET":
            self._stale.set()

    def connected(self) -> None:
        """The stand-in is there (again)."""
        self._stale.set()

    async def run(self) -> None:
        """Read the estate again whenever it may be stale, and now and then: jobs end without a word."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stale.wait(), LOOK_S)
            self._stale.clear()
            await self._read()
            await asyncio.sleep(SETTLE_S)

    async def _read(self) -> None:
        try:
            state = await self._control.get("/_state")
        except (OSError, RuntimeError):
            return
        known = self._board.topic("vm")
        self._board.replace(
            "vm", {vm["id"]: vm | self._kept_timing(vm, known.get(vm["id"])) for vm in state["vms"]}
        )
        self._board.put("azure", "speed", state["speed"])
        self._board.put("azure", "subscriptions", state["subscriptions"])
        nsgs = [{"id": n["id"], "name": n["name"], "location": n["location"]} for n in state["nsgs"]]
        self._board.put("azure", "nsgs", nsgs)

    @staticmethod
    def _running(entry: Entry) -> bool:
        return bool(entry.get("operation", {}).get("status") == "InProgress")

    @staticmethod
    def _timing(entry: Entry) -> dict[str, Any]:
        """When a running operation began and how long it takes, for a bar that moves by itself."""
        operation = entry.get("operation") or {}
        if operation.get("status") != "InProgress" or not (entry["vm"].get("operation")):
            return {}
        return {"began": {"id": operation["id"], "at_ms": entry["at_ms"], "for_s": operation["duration_s"]}}

    @staticmethod
    def _kept_timing(vm: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any]:
        began = (known or {}).get("began")
        running = vm.get("operation")
        if not began or not running or began["id"] != running["id"]:
            return {}
        vm["operation"] = (known or {}).get("operation")  # progress moves by itself; it is no change
        return {"began": began}
