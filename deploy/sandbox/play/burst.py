"""A burst: one caller starts 40 VMs of one owner within seconds, and two of them differ from the rest."""

import asyncio
import json
import re
from typing import Any

from deploy.sandbox.play.figures import Figures
from deploy.sandbox.play.outcome import expect, is_contained
from deploy.sandbox.play.timeline import Timeline
from deploy.sandbox.stage import CardCopy, Stage, eventually

GROUP = "rg-batch"
SIZE = 40
OPEN_SSH, FAILED = "batch-17", "batch-29"
ALIKE = SIZE - 2
_EXPECTED = re.compile(r"Were these (\d+) starts expected\?")


async def burst_of_forty(stage: Stage, line: Timeline, _figures: Figures) -> None:
    """One caller starts 40 VMs of one owner: one tap answers 38 that look alike, two are answered alone."""
    names = [f"batch-{number:02}" for number in range(1, SIZE + 1)]
    made = await asyncio.gather(*(_made(stage, name) for name in names))
    await _fail(stage)
    line.now(f"colin has tried to start {FAILED} three times, and Azure failed each time")
    seq = await stage.slack.last_seq()
    await stage.azure.post("/_vm/start-many", vms=names, immediate=True, **{"as": "nightly"})
    line.now(f"the nightly build starts {SIZE} VMs of colin's at once")
    card = await _grown(stage, line, seq)
    outliers = {name: await _card_of(stage, name, seq) for name in (OPEN_SSH, FAILED)}
    await stage.until_shown(card, "how many differ", f"{ALIKE} of {SIZE} look alike; 2 differ")
    line.now(
        f"{OPEN_SSH} and {FAILED} have cards of their own: SSH is open to the Internet, and starts failed"
    )
    await _each_has_its_own_signal(stage, outliers)
    unconfirmed = await stage.click("colin", card, "burst.confirm", confirmed=False)
    expect("needs_confirm" in unconfirmed, "Slack asks once more before Confirm all counts")
    await stage.click("colin", card, "burst.confirm")
    line.now("colin presses Confirm all, and Yes, all of them")
    answered = await stage.until_shown(card, "that all are answered", f"Answered: {ALIKE} starts")
    line.at(answered["at_ms"], f"{ALIKE} starts are confirmed, each with a record of its own")
    for name, outlier in outliers.items():
        expect("approval.confirm" in await stage.shown(outlier), f"{name} still waits for an answer")
    await stage.click("colin", outliers[FAILED], "approval.confirm")
    shown = await stage.until_shown(outliers[FAILED], "the confirmation", "Confirmed", "colin")
    line.at(shown["at_ms"], f"colin looks at {FAILED} and confirms it")
    answer = await stage.reject("colin", outliers[OPEN_SSH], "nobody opened SSH on purpose")
    expect(answer.get("ok"), f"the dialog's submit is taken: {answer}")
    contained = await stage.until_shown(outliers[OPEN_SSH], "CONTAINED", "CONTAINED", within_s=60)
    line.at(contained["at_ms"], f"colin rejects {OPEN_SSH}, and it is contained")
    await is_contained(stage, OPEN_SSH)
    changed = [vm["name"] for vm in made if vm["name"] != OPEN_SSH and await stage.writes(vm["id"], seq)]
    expect(not changed, f"what was confirmed is left alone: {changed}")


async def _made(stage: Stage, name: str) -> dict[str, Any]:
    nic = {"public_ip": "20.50.4.17", "open": ["22"]} if name == OPEN_SSH else {"open": []}
    tags = {"owner": "colin@contoso.example", "app": "batch"}
    vm: dict[str, Any] = await stage.azure.post("/_vm", name=name, group=GROUP, tags=tags, nics=[nic])
    return vm


async def _fail(stage: Stage) -> None:
    """Three starts that fail, each known to the workers before the next things happen."""
    bus_seq = await stage.bus.last_seq()
    for _ in range(3):
        await stage.start_vm(FAILED, "colin", fail=True)

    async def read() -> bool:
        kinds = [e["kind"] for e in await stage.bus.record(bus_seq) if e.get("queue") == "starts"]
        return kinds.count("completed") >= kinds.count("enqueued") > 0

    await eventually("the failed starts to be read", read)


async def _grown(stage: Stage, line: Timeline, since: int) -> CardCopy:
    """The owner's copy of the card, once it asks about all that look alike."""
    sizes: list[int] = []

    def asks_about_all(entry: dict[str, Any]) -> bool:
        asked = _EXPECTED.search(json.dumps(entry.get("blocks")))
        if entry["kind"] not in ("posted", "updated") or not entry["channel"].startswith("D") or not asked:
            return False
        size = int(asked[1])
        if size not in sizes:
            sizes.append(size)
            line.at(entry["at_ms"], f"one card in colin's messages asks about {size}")
        return size == ALIKE

    grown = await stage.slack.wait_for(
        f"one card about {ALIKE} starts", asks_about_all, since=since, within_s=60
    )
    return CardCopy(channel=grown["channel"], ts=grown["ts"], at_ms=grown["at_ms"])


async def _card_of(stage: Stage, name: str, since: int) -> CardCopy:
    """The owner's copy of the card about this VM alone."""
    entry = await stage.slack.wait_for(
        f"a card about {name}",
        lambda e: (
            e["kind"] == "posted"
            and e["channel"].startswith("D")
            and not e["thread_ts"]
            and name in e["text"]
        ),
        since=since,
        within_s=60,
    )
    return CardCopy(channel=entry["channel"], ts=entry["ts"], at_ms=entry["at_ms"])


async def _each_has_its_own_signal(stage: Stage, outliers: dict[str, CardCopy]) -> None:
    for name, words in {OPEN_SSH: "SSH open to the Internet", FAILED: "failed"}.items():
        await stage.until_shown(outliers[name], f"its own signal, {words}", words)
