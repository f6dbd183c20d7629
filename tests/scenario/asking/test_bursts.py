"""Many starts by one person for one owner: one card, answered for all, or one by one."""

import asyncio
import json
from collections import Counter

import pytest_asyncio

from deploy.sandbox.play.burst import ALIKE, GROUP, OPEN_SSH, burst_of_forty
from deploy.sandbox.play.figures import Figures
from deploy.sandbox.play.timeline import Timeline
from deploy.sandbox.stage import CardCopy, eventually
from deploy.sandbox.system import System
from tests.scenario.conftest import POLICY, QUICK, Start
from tests.scenario.scene import OLIVIA, Scene, texts

PATIENT = {"STARTGATE_FACTS_BUDGET_S": "20"}
"""A start whose facts come late looks unlike the others, and would have a card of its own."""

CONFIRM_ALL, REJECT_ALL, LIST = "burst.confirm", "burst.reject", "burst.list"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def grouped(own: Start, tmp_path_factory: object) -> Scene:
    policy = tmp_path_factory.mktemp("bursts") / "policy.yaml"  # type: ignore[attr-defined]
    together = {
        "bursts": {"within": "20s"},
        "lockdowns": {"standard": {"steps": ["isolate", "stop", "backup"]}},
    }
    policy.write_text(json.dumps(POLICY | together), encoding="utf-8")
    return await own(System(policy=policy, speed=0, extra=QUICK | PATIENT))


async def _started(scene: Scene, count: int) -> tuple[list[str], CardCopy]:
    """So many VMs of olivia's, started by herself at once; the copy of the one card in her messages."""
    vms = [await scene.new_vm(nics=[{"open": []}]) for _ in range(count)]
    seq = await scene.slack.last_seq()
    await asyncio.gather(*(scene.press_start(vm, "olivia") for vm in vms))
    shown = await scene.slack.wait_for(
        f"a card about {count} starts",
        lambda e: (
            e["kind"] in ("posted", "updated")
            and e["channel"].startswith("D")
            and f"Were these {count} starts expected?" in json.dumps(e["blocks"])
        ),
        since=seq,
    )
    roots = [e for e in await scene.slack.record(seq, "posted") if not e["thread_ts"]]
    assert len([e for e in roots if e["channel"] == shown["channel"]]) == 1, "one card in her messages"
    return [vm["id"] for vm in vms], CardCopy(channel=shown["channel"], ts=shown["ts"], at_ms=0)


async def test_one_tap_confirms_all_and_the_list_rejects_one(grouped: Scene) -> None:
    ids, card = await _started(grouped, 6)
    opened = await grouped.click("olivia", card, LIST, wait_view_ms=3000)
    state = await grouped.slack.get("/_state")
    view = state["views"][OLIVIA][-1]
    assert view["id"] == opened["view_id"]
    (menu,) = [b["element"] for b in view["blocks"] if b.get("block_id") == "chosen"]
    assert len(menu["options"]) == 6
    chosen = menu["options"][0]
    answer = await grouped.slack.post(
        "/_act/submit",
        user="olivia",
        view_id=opened["view_id"],
        values={"chosen": [chosen["value"]], "answer": "reject", "reason": "not this one"},
    )
    assert answer["closed"], answer
    await grouped.slack.wait_for(
        "what follows", lambda e: e["kind"] == "posted" and "Rejecting 1 start" in e["text"]
    )

    async def waits_for_five() -> bool:
        return "*5* of them wait" in "\n".join(texts((await grouped.message(card))["blocks"]))

    await eventually("five to be left", waits_for_five)
    await grouped.click("olivia", card, CONFIRM_ALL)
    await grouped.until_shown(card, "that all are answered", "Answered: 6 starts")

    about = {vm_id.lower() for vm_id in ids}
    records = [record for record in await grouped.audit() if record["vm"].lower() in about]
    kinds = Counter(record["kind"] for record in records)
    assert (kinds["approval.confirmed"], kinds["approval.rejected"], kinds["approval.asked"]) == (5, 1, 6)


async def test_of_forty_starts_one_tap_answers_all_but_the_two_that_differ(grouped: Scene) -> None:
    await burst_of_forty(grouped, Timeline("a burst", quiet=True), Figures())
    records = [record for record in await grouped.audit() if f"/{GROUP}/" in record["vm"].lower()]
    kinds = Counter(record["kind"] for record in records)
    assert (kinds["start.failed"], kinds["approval.asked"]) == (3, ALIKE + 2)
    assert (kinds["approval.confirmed"], kinds["approval.rejected"]) == (ALIKE + 1, 1)
    (rejected,) = [record for record in records if record["kind"] == "approval.rejected"]
    assert rejected["vm"].lower().endswith(f"/{OPEN_SSH}")
