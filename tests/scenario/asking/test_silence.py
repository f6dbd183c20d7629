"""Nobody answers: reminder, escalation, and what the policy says of silence. Deadlines of seconds."""

import pytest
import pytest_asyncio

from deploy.sandbox.stage import eventually
from deploy.sandbox.system import System
from tests.scenario.conftest import QUICK, Start, write_policy
from tests.scenario.scene import CONFIRM, ONCALL, ONCALL_GROUP, Asked, Entry, Scene, texts

REMIND_S, ESCALATE_S, EXPIRE_S = 2, 8, 12
"""So far apart that one is over before the next is due: what comes too late gives way to what comes next."""
DEADLINES = {
    "remind_after": f"{REMIND_S}s",
    "escalate_after": f"{ESCALATE_S}s",
    "expire_after": f"{EXPIRE_S}s",
}
WORDS = {"contain": "the VM is contained", "isolate": "the VM is isolated", "leave": "no action is taken"}

Silent = dict[str, tuple[Scene, Asked]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def silent(own: Start, tmp_path_factory: pytest.TempPathFactory) -> Silent:
    """By the policy's word on silence: a start that nobody answers.

    An ask keeps the terms it was opened with, so the workers read one policy after the other; the deadlines
    run meanwhile. The last policy stays.
    """
    directory = tmp_path_factory.mktemp("silence")
    asked: dict[str, Asked] = {}
    scene: Scene | None = None
    for kind in ("isolate", "leave", "escalate", "contain"):
        policy = write_policy(directory, **DEADLINES, on_silence=kind)
        if scene is None:
            scene = await own(System(policy=policy, speed=0, extra=QUICK))
        else:
            await scene.system.processes["workers"].stop()
            await scene.system.processes["workers"].start()
        asked[kind] = await scene.ask()
    assert scene is not None
    return {kind: (scene, each) for kind, each in asked.items()}


async def _expired(scene: Scene, asked: Asked, words: str) -> Entry:
    entry = await scene.until_shown(asked.dm, "the end", "The question expired", words)
    for copy in asked.copies:
        shown = await scene.shown(copy)
        assert "Rejected" not in shown, "silence is nobody's rejection"
        assert CONFIRM not in shown
    assert not [r for r in await scene.audit("approval.", vm_id=asked.start.vm_id) if "rejected" in r["kind"]]
    record, *_ = await scene.audited("approval.expired", asked.start.vm_id)
    assert record["by"] == "startgate"
    return entry


async def test_the_owner_is_reminded_in_the_thread_and_then_oncall_is_called(silent: Silent) -> None:
    scene, asked = silent["contain"]
    reminder = await scene.slack.wait_for(
        "a reminder",
        lambda e: e["kind"] == "posted" and e["thread_ts"] == asked.dm.ts and "Reminder" in e["text"],
        since=asked.start.seq,
    )
    copy = await scene.oncall_card(asked.vm, asked.start.seq)
    page = await scene.slack.wait_for(
        "a message that calls on-call",
        lambda e: e["kind"] == "posted" and e["thread_ts"] == copy.ts and ONCALL_GROUP in str(e["mentions"]),
        since=asked.start.seq,
    )
    assert page["channel"] == ONCALL
    waited_s = [(at - asked.dm.at_ms) / 1000 for at in (reminder["at_ms"], copy.at_ms)]
    assert REMIND_S - 0.1 < waited_s[0] < ESCALATE_S
    assert waited_s[1] > ESCALATE_S - 0.1
    kinds = [r["kind"] for r in await scene.audit("approval.", vm_id=asked.start.vm_id)]
    later = ["approval.reminded", "approval.escalated", "approval.expired"]
    happened = [kind for kind in kinds if kind in later]
    assert happened in (later[:2], later), "each of them, in this order"


async def test_before_the_end_the_card_says_what_silence_will_do(silent: Silent) -> None:
    for kind, words in WORDS.items():
        scene, asked = silent[kind]
        first = (await scene.root_posts(asked.vm, asked.start.seq))[0]
        assert "If nobody answers by <!date^" in str(first["blocks"])
        assert words in "\n".join(texts(first["blocks"]))


async def test_silence_contains_where_the_policy_says_so(silent: Silent) -> None:
    scene, asked = silent["contain"]
    await _expired(scene, asked, "policy contains the VM")
    await scene.until_contained(asked.dm)
    vm = await scene.vm_now(asked.start.vm_id)
    assert vm["power"] == "deallocated"
    assert "startgate-lockdown" in vm["nics"][0]["nsg"]


async def test_silence_isolates_and_the_vm_keeps_running_where_the_policy_says_so(silent: Silent) -> None:
    scene, asked = silent["isolate"]
    await _expired(scene, asked, "policy isolates the VM")
    await scene.until_contained(asked.dm)
    vm = await scene.vm_now(asked.start.vm_id)
    assert vm["power"] == "running"
    assert "startgate-lockdown" in vm["nics"][0]["nsg"]


@pytest.mark.parametrize(
    ("kind", "words"), [("leave", "leaves the VM as it is"), ("escalate", "on-call was told")]
)
async def test_silence_changes_nothing_where_the_policy_does_not_say_so(
    silent: Silent, kind: str, words: str
) -> None:
    scene, asked = silent[kind]
    await _expired(scene, asked, words)
    await scene.quiet()
    assert not await scene.changes(asked.start.vm_id)
    assert (await scene.vm_now(asked.start.vm_id))["power"] == "running"


async def test_an_answer_before_the_deadline_stops_all_that_was_scheduled(silent: Silent) -> None:
    scene, _ = silent["contain"]
    witness, asked = await scene.ask(), await scene.ask()
    await scene.click("olivia", asked.dm, CONFIRM)
    await scene.until_shown(asked.channel, "the answer", "Confirmed by *olivia*")
    # The other one, asked before it, runs into every deadline meanwhile.
    await scene.until_shown(witness.dm, "its end", "The question expired")
    await scene.oncall_card(witness.vm, witness.start.seq)
    await scene.quiet()
    assert "Confirmed as expected" in await scene.headline(asked.dm)
    assert not await scene.changes(asked.start.vm_id)
    said = "\n".join(await scene.thread(asked.dm))
    assert "Reminder" not in said
    assert not [e for e in await scene.root_posts(asked.vm, asked.start.seq) if e["channel"] == ONCALL]


async def test_a_click_after_the_deadline_is_told_that_time_ran_out(silent: Silent) -> None:
    # The buttons are gone from the card; a client that has not noticed yet sends the click all the same.
    scene, _ = silent["contain"]
    again = await scene.ask()
    await scene.slack.put("/_faults", [{"path": "chat.update", "status": 503}])

    async def over() -> bool:
        return bool(await scene.audit("approval.expired", vm_id=again.start.vm_id))

    await eventually("the deadline", over)
    await scene.click("olivia", again.dm, CONFIRM)
    await scene.told("U0OLIVIA01", "Your answer was not recorded", "expired", since=again.start.seq)
    await scene.slack.put("/_faults", [])
    await scene.audited("approval.confirmed", again.start.vm_id, count=0)
