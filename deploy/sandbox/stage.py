"""What people do in a story or a test, and what they see: everything through the front door.

People act in Slack and press start in Azure through the stand-ins; what they see is read from what Slack and
Azure really received. Nothing here looks into the product.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.azure.messages import message_id
from deploy.sandbox.client import PATIENCE_S, NothingCame
from deploy.sandbox.system import System

Entry = dict[str, Any]
WRITES = frozenset({"PUT", "POST", "PATCH", "DELETE"})
_READS_BY_POST = ("backupstatus", "effectivenetworksecuritygroups", "microsoft.resourcegraph/resources", "/_")


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """A start that somebody pressed in Azure."""

    vm: str
    vm_id: str
    correlation_id: str
    seq: int
    """Slack's record up to here knows nothing of it."""
    bus_seq: int
    message_id: str = ""
    """Of the event on the queue, where one message tells of the start."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CardCopy:
    """One posted copy of a card."""

    channel: str
    ts: str
    at_ms: float


_CONFIRM = "approval.confirm"
_WHY_EXPECTED = "planned work of ours"


class Stage:
    """The running system, seen from where people sit."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.slack = system.slack
        self.azure = system.azure
        self.bus = system.bus

    # In Azure

    async def start_vm(self, vm: str, who: str, **options: Any) -> Started:
        """Somebody starts a VM; the event is published at once."""
        seq, bus_seq = await self.slack.last_seq(), await self.bus.last_seq()
        answer = await self.azure.post("/_vm/start", vm=vm, **{"as": who, "immediate": True, **options})
        return Started(
            vm=vm,
            vm_id=answer["vm_id"],
            correlation_id=answer["correlation_id"],
            seq=seq,
            bus_seq=bus_seq,
            message_id=message_id(answer["event_ids"][0]),
        )

    async def vm(self, name: str) -> Entry:
        """The VM as Azure has it."""
        state = await self.azure.get("/_state")
        for vm in state["vms"]:
            if vm["name"] == name:
                found: Entry = vm
                return found
        raise KeyError(name)

    async def writes(self, vm_id: str, since: int = 0) -> list[Entry]:
        """ARM requests that change something and belong to this VM: on it, or on a NIC named after it."""
        name = vm_id.rpartition("/")[2].lower()
        return [
            e
            for e in await self.azure.record(since, "request")
            if e["method"] in WRITES
            and not any(read in e["path"].lower() for read in _READS_BY_POST)
            and (name in e["path"].lower() or name in json.dumps(e.get("request") or "").lower())
        ]

    # In Slack

    async def card(self, start: Started, *, within_s: float = PATIENCE_S) -> CardCopy:
        """The first copy of the card that asks about a start."""
        entry = await self.slack.wait_for(
            f"a card about {start.vm}",
            lambda e: e["kind"] == "posted" and not e["thread_ts"] and start.vm in e["text"],
            since=start.seq,
            within_s=within_s,
        )
        return CardCopy(channel=entry["channel"], ts=entry["ts"], at_ms=entry["at_ms"])

    async def copies(self, start: Started, count: int, *, within_s: float = PATIENCE_S) -> list[CardCopy]:
        """That many copies of the card, in the order in which they were posted."""

        async def found() -> list[CardCopy] | None:
            posted = [
                CardCopy(channel=e["channel"], ts=e["ts"], at_ms=e["at_ms"])
                for e in await self.slack.record(start.seq, "posted")
                if not e["thread_ts"] and start.vm in e["text"]
            ]
            return posted if len(posted) >= count else None

        copies: list[CardCopy] = await eventually(
            f"{count} copies of the card about {start.vm}", found, within_s=within_s
        )
        return copies

    async def shown(self, copy: CardCopy) -> str:
        """All that a copy shows now, as text."""
        return json.dumps(await self.message(copy), ensure_ascii=False)

    async def message(self, copy: CardCopy) -> Entry:
        """A copy as Slack has it now."""
        state = await self.slack.get("/_state")
        for channel in state["channels"]:
            for message in channel["messages"]:
                if channel["id"] == copy.channel and message["ts"] == copy.ts:
                    found: Entry = message
                    return found
        raise KeyError(copy.ts)

    async def until_shown(
        self, copy: CardCopy, what: str, *words: str, within_s: float = PATIENCE_S
    ) -> Entry:
        """Wait until a copy shows all these words; returns the record's entry that made it so."""
        return await self.slack.wait_for(
            f"the card to show {what}",
            lambda e: (
                e["kind"] in ("updated", "posted")
                and (e["channel"], e["ts"]) == (copy.channel, copy.ts)
                and all(word in json.dumps([e["text"], e["blocks"]], ensure_ascii=False) for word in words)
            ),
            within_s=within_s,
        )

    async def thread(self, copy: CardCopy) -> list[str]:
        """What the thread below a copy says now."""
        state = await self.slack.get("/_state")
        return [
            json.dumps([m["text"], m["blocks"]], ensure_ascii=False)
            for channel in state["channels"]
            if channel["id"] == copy.channel
            for m in channel["messages"]
            if m.get("thread_ts") == copy.ts and m["ts"] != copy.ts
        ]

    async def click(self, who: str, copy: CardCopy, action_id: str, **options: Any) -> Entry:
        """Press a button on a copy; a question is answered yes, and one that wants a reason gets one."""
        if action_id == _CONFIRM and not options and await self._wants_reason(copy):
            options = {"wait_view_ms": 3000}
        answer: Entry = await self.slack.post(
            "/_act/click",
            user=who,
            channel=copy.channel,
            ts=copy.ts,
            action_id=action_id,
            **{"confirmed": True, **options},
        )
        if action_id == _CONFIRM and "view_id" in answer:
            submitted: Entry = await self.slack.post(
                "/_act/submit", user=who, view_id=answer["view_id"], values={"reason": _WHY_EXPECTED}
            )
            return submitted
        return answer

    async def _wants_reason(self, copy: CardCopy) -> bool:
        """Whether Slack itself asks nothing more at the click: a start of high risk takes a reason."""
        try:
            blocks = (await self.message(copy)).get("blocks", [])
        except KeyError:  # it was deleted
            return False
        confirm = [
            element
            for block in blocks
            for element in block.get("elements", [])
            if element.get("action_id") == _CONFIRM
        ]
        return bool(confirm) and "confirm" not in confirm[0]

    async def reject(self, who: str, copy: CardCopy, reason: str) -> Entry:
        """Press Reject and submit the dialog with this reason."""
        opened = await self.click(who, copy, "approval.reject", wait_view_ms=3000)
        if "view_id" not in opened:
            return opened
        answer: Entry = await self.slack.post(
            "/_act/submit", user=who, view_id=opened["view_id"], values={"reason": reason}
        )
        return answer | {"view_id": opened["view_id"], "submitted_ms": time.time() * 1000}

    async def command(self, who: str, text: str, *, channel: str = "app", **options: Any) -> Entry:
        """Type a slash command, such as ``/vm-lockdown db-01 odd traffic``."""
        name, _, rest = text.partition(" ")
        answer: Entry = await self.slack.post(
            "/_act/command", user=who, channel=channel, command=name, text=rest, **options
        )
        return answer

    async def told(self, who_id: str, *words: str, since: int = 0, within_s: float = PATIENCE_S) -> Entry:
        """Wait until this person is told something that only they can see."""
        return await self.slack.wait_for(
            f"{who_id} to be told {' '.join(words)}",
            lambda e: (
                e["kind"] == "ephemeral"
                and e.get("user") == who_id
                and all(word.lower() in json.dumps(e, ensure_ascii=False).lower() for word in words)
            ),
            since=since,
            within_s=within_s,
        )


async def eventually(what: str, look: Callable[[], Any], *, within_s: float = PATIENCE_S) -> Any:
    """Look again and again until there is something to see.

    Raises:
        NothingCame: naming what.
    """
    deadline = time.monotonic() + within_s
    while True:
        seen = await look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise NothingCame(f"{what}: not within {within_s:.0f} s")
        await asyncio.sleep(0.02)
