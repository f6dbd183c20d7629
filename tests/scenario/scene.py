"""The running system as scenario tests use it: people act, and what is on record is read back.

Every VM is new and has a resource group of its own, so that whatever Azure was told about that group was told
about that VM.
"""

import asyncio
import io
import json
import os
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from deploy.sandbox.client import PATIENCE_S, Control
from deploy.sandbox.stage import CardCopy, Entry, Stage, Started, eventually
from deploy.sandbox.system import APP_TOKEN, ARM_TOKEN, BOT_TOKEN, System
from tests.scenario.newcomer import Newcomer, join
from workers.operator.audit import Wanted
from workers.store.audit.log import AuditLog
from workers.store.connection import connect

OLIVIA, COLIN, NADIA, SAM = "U0OLIVIA01", "U0COLIN002", "U0NADIA003", "U0SAM00004"
ONCALL_GROUP = "S0ONCALL01"
APPROVALS, ONCALL = "C0APPROVALS", "C0ONCALL001"
OWNER_TAG = {"owner": "olivia@contoso.example", "env": "prod"}

CONFIRM, REJECT = "approval.confirm", "approval.reject"
EVERY_STEP = "approval.reject.plan"
ROOT = Path(__file__).parents[2]

_READS_BY_POST = (
    "/backupstatus",
    "/effectivenetworksecuritygroups",
    "/getactivesessions",
    "/microsoft.resourcegraph/resources",
)
_LOCK_MS, _WORKED_ON_MS = 30_000, 5_000
_SHARED_ACCESS_KEY = "SAS_KEY_VALUE"
SECRETS = (BOT_TOKEN, APP_TOKEN, ARM_TOKEN, _SHARED_ACCESS_KEY)


class _Control(Control):
    """Remembers how far it has looked: a long suite's record is long, too."""

    _newest = 0

    def __init__(self, control: Control) -> None:
        super().__init__(control._session, control.url)

    async def last_seq(self) -> int:
        entries = await self.record(self._newest)
        if entries:
            self._newest = int(entries[-1]["seq"])
        return self._newest


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A start that somebody was asked about."""

    start: Started
    copies: tuple[CardCopy, ...]
    azure_seq: int
    """Azure's record up to here knows nothing of it."""

    @property
    def vm(self) -> str:
        return self.start.vm

    @property
    def dm(self) -> CardCopy:
        """The first copy in a direct message."""
        return next(copy for copy in self.copies if copy.channel.startswith("D"))

    @property
    def channel(self) -> CardCopy:
        """The copy in the approvals channel."""
        return next(copy for copy in self.copies if copy.channel == APPROVALS)


class Scene(Stage):
    """A running system and what is on record about it."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.slack = _Control(system.slack)
        self.azure = _Control(system.azure)
        self.bus = _Control(system.bus)
        self._born: dict[str, int] = {}

    async def newcomer(
        self,
        prefix: str = "new",
        *,
        tz: str = "UTC",
        tz_offset_s: int = 0,
        usergroups: tuple[str, ...] = (),
    ) -> Newcomer:
        """Somebody of this test's own, for whatever is one person's: lists, Home, reports, quiet hours.

        Name them in a VM's tags: ``scene.ask(tags=newcomer.tags)``.
        """
        return await join(
            self.slack, self.azure, prefix=prefix, tz=tz, tz_offset_s=tz_offset_s, usergroups=usergroups
        )

    # Azure

    async def new_vm(self, prefix: str = "vm", **seed: Any) -> Entry:
        """A VM that no other test knows: owned by olivia, one NIC with a public IP and port 22 open."""
        name = seed.pop("name", f"{prefix}-{uuid.uuid4().hex[:10]}")
        nics = [{"public_ip": "20.60.1.7", "open": ["22"]}]
        seed = {"group": f"rg-{prefix}-{uuid.uuid4().hex[:10]}", "tags": OWNER_TAG, "nics": nics} | seed
        vm: Entry = await self.azure.post("/_vm", name=name, **seed)
        # What came before can't be about it; the whole record is read nowhere.
        self._born[vm["id"]] = await self.azure.last_seq()
        return vm

    async def press_start(self, vm: Entry, who: str = "intruder", **options: Any) -> Started:
        """Somebody starts this VM."""
        start = await self.start_vm(vm["id"], who, **options)
        return Started(
            vm=vm["name"],
            vm_id=vm["id"],
            correlation_id=start.correlation_id,
            seq=start.seq,
            bus_seq=start.bus_seq,
            message_id=start.message_id,
        )

    async def ask(
        self, who: str = "intruder", *, copies: int = 2, how: Entry | None = None, **seed: Any
    ) -> Asked:
        """A new VM is started, and its card is in Slack."""
        vm = await self.new_vm(**seed)
        azure_seq = await self.azure.last_seq()
        start = await self.press_start(vm, who, **(how or {}))
        return Asked(start=start, copies=tuple(await self.copies(start, copies)), azure_seq=azure_seq)

    async def vm_now(self, vm_id: str) -> Entry:
        """The VM as Azure has it."""
        state = await self.azure.get("/_state")
        found: Entry = next(vm for vm in state["vms"] if vm["id"] == vm_id)
        return found

    async def requests(self, vm_id: str, since: int = 0) -> list[Entry]:
        """ARM requests about the VM's resource group, in order."""
        group = vm_id.partition("/providers/")[0].lower() + "/"
        since = max(since, self._born.get(vm_id, 0))
        return [e for e in await self.azure.record(since, "request") if group in e["path"].lower()]

    async def changes(self, vm_id: str, since: int = 0) -> list[Entry]:
        """Those of them that change something."""
        return [
            e
            for e in await self.requests(vm_id, since)
            if e["method"] != "GET" and not e["path"].lower().endswith(_READS_BY_POST)
        ]

    async def wait_for_change(
        self, vm_id: str, what: str, since: int = 0, *, within_s: float = PATIENCE_S
    ) -> Entry:
        """The first request that changes something and whose path ends so."""

        def matches(entry: Entry) -> bool:
            group = vm_id.partition("/providers/")[0].lower()
            path = str(entry.get("path", "")).lower()
            return entry["kind"] == "request" and path.startswith(group) and path.endswith(what.lower())

        since = max(since, self._born.get(vm_id, 0))
        return await self.azure.wait_for(f"{what} of {vm_id}", matches, since=since, within_s=within_s)

    # Slack

    async def root_posts(self, words: str, since: int) -> list[Entry]:
        """Messages outside threads that name this."""
        return [
            e
            for e in await self.slack.record(since, "posted")
            if not e["thread_ts"] and words in json.dumps([e["text"], e["blocks"]], ensure_ascii=False)
        ]

    async def headline(self, copy: CardCopy) -> str:
        """What a copy's header says now."""
        message = await self.message(copy)
        return str(message["blocks"][0]["text"]["text"])

    async def oncall_card(self, vm: str, since: int) -> CardCopy:
        """The card of a lockdown, in the on-call channel."""
        entry = await self.slack.wait_for(
            f"a card about {vm} in the on-call channel",
            lambda e: (
                e["kind"] == "posted"
                and e["channel"] == ONCALL
                and not e["thread_ts"]
                and vm in json.dumps(e["blocks"], ensure_ascii=False)
            ),
            since=since,
        )
        return CardCopy(channel=entry["channel"], ts=entry["ts"], at_ms=entry["at_ms"])

    async def until_in_thread(self, copy: CardCopy, words: str) -> None:
        """Wait until the thread below a copy says so: it may lag behind the card."""

        async def said() -> bool:
            return any(words in reply for reply in await self.thread(copy))

        await eventually(f"the thread to say {words!r}", said)

    async def until_contained(self, copy: CardCopy, *, within_s: float = PATIENCE_S) -> Entry:
        """Wait until a copy says CONTAINED; the record's entry that made it so."""
        return await self.until_shown(copy, "CONTAINED", "CONTAINED", within_s=within_s)

    async def dialog(self, who: str, copy: CardCopy) -> Entry:
        """Press Reject; the dialog that opens."""
        seq = await self.slack.last_seq()
        opened = await self.click(who, copy, REJECT, wait_view_ms=3000)
        assert "view_id" in opened, f"no dialog opened: {opened}"
        entry = await self.slack.wait_for(
            "the dialog", lambda e: e["kind"] == "view" and e.get("view_id") == opened["view_id"], since=seq
        )
        view: Entry = entry["view"]
        return view

    async def every_step(self, who: str, user_id: str, view_id: str) -> Entry:
        """Press *Show every step* in the dialog that asks for a reason; the plan, which is closed again."""
        await self.slack.post(
            "/_act/view-action", user=who, view_id=view_id, action_id=EVERY_STEP, wait_view_ms=3000
        )
        plan: Entry = (await self.slack.get("/_state"))["views"][user_id][-1]
        assert plan["id"] != view_id, "the plan opens above the dialog"
        await self.slack.post("/_act/close", user=who, view_id=plan["id"])
        return plan

    async def submit(self, who: str, view_id: str, **values: str) -> Entry:
        """Submit a dialog."""
        answer: Entry = await self.slack.post("/_act/submit", user=who, view_id=view_id, values=values)
        return answer

    # The bus

    async def send(
        self, body: object, message_id: str | None = None, *, properties: Entry | None = None
    ) -> str:
        """Put a message on the queue ``starts`` as it comes from outside; answers its id."""
        message_id = message_id or f"test-{uuid.uuid4()}"
        url = f"{self.bus.url}/_queues/starts/messages"
        message = {"body": body, "message_id": message_id, "application_properties": properties or {}}
        content = io.BytesIO(json.dumps(message).encode())
        async with self.bus._session.post(url, data=content) as answer:
            assert answer.status == 201, await answer.text()
        return message_id

    async def done_with(self, start: Started) -> None:
        """Wait until the workers are done with the event of this start, and with all that it caused."""
        await self.bus.wait_for(
            "the event to be done with",
            lambda e: (
                e["kind"] == "completed" and e["queue"] == "starts" and e["message_id"] == start.message_id
            ),
            since=start.bus_seq,
        )
        await self.quiet()

    async def dead_letter(self, message_id: str) -> Entry:
        """Wait until this message is a dead letter; the record's entry, with reason and description."""
        return await self.bus.wait_for(
            f"{message_id} among the dead letters",
            lambda e: e["kind"] == "dead-lettered" and e["message_id"] == message_id,
        )

    async def quiet(self) -> None:
        """Wait until nothing is on its way from Azure to Slack any more.

        A notice goes out before the message that caused it is completed, so one look at all queues is enough.
        What a process that was killed holds stays locked for half a minute; nobody works on that.
        """

        def busy(message: Entry) -> bool:
            if message["state"] == "locked":
                return bool(message["locked_until_ms"] > time.time() * 1000 + _LOCK_MS - _WORKED_ON_MS)
            return message["state"] == "active"

        async def at_rest() -> bool:
            state = await self.bus.get("/_state")
            return not any(busy(message) for queue in state.values() for message in queue["messages"])

        await eventually("the queues to be at rest", at_rest)

    # The operator

    async def startgate(self, *arguments: str) -> str:
        """A command of the operator's, against the running system; what it prints."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "workers", *arguments),
            env=self.system.environment() | {"PATH": os.environ["PATH"]},
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    async def audit(self, kind: str = "", *, vm_id: str = "") -> list[Entry]:
        """What ``startgate audit show`` would tell, without a process for each look: one takes a second."""
        wanted = Wanted(vm=vm_id, kind=kind)
        async with connect(SecretStr(self.system.redis_url)) as client:
            entries = AuditLog(client).merged(wanted.partitions())
            records = [json.loads(entry.record) async for entry in entries]
        return [record for record in records if wanted.fits(record)]

    async def audited(self, kind: str, vm_id: str = "", *, count: int = 1) -> list[Entry]:
        """That many records of one kind, no more and no fewer."""
        records = [r for r in await self.audit(kind, vm_id=vm_id) if r["kind"] == kind]
        assert len(records) == count, f"{len(records)} records of {kind}, not {count}: {records}"
        return records


def texts(node: object) -> list[str]:
    """Every text in blocks, in order."""
    if isinstance(node, list):
        return [text for item in node for text in texts(item)]
    if not isinstance(node, dict):
        return []
    own = [node["text"]] if isinstance(node.get("text"), str) else []
    return own + [text for value in node.values() for text in texts(value)]


def grid_event(vm_id: str, **changes: Any) -> Entry:
    """An Event Grid event of a start, with some of its data changed; ``None`` takes a part away."""
    data = {
        "authorization": {"scope": vm_id, "evidence": {"role": "Owner", "principalType": "User"}},
        "claims": {"name": "Mallory Guest", "appid": "1950a258-227b-4e31-a9cf-717495945fc2"},
        "correlationId": str(uuid.uuid4()),
        "resourceUri": vm_id,
        "operationName": "Microsoft.Compute/virtualMachines/start/action",
        "status": "Succeeded",
    } | changes
    return {
        "subject": vm_id,
        "eventType": "Microsoft.Resources.ResourceActionSuccess",
        "eventTime": "2026-11-24T03:49:00.1234567Z",
        "id": str(uuid.uuid4()),
        "data": {key: value for key, value in data.items() if value is not None},
    }


def leaks(text: str) -> list[str]:
    """Which secrets stand in a text."""
    return [secret for secret in SECRETS if secret in text]
