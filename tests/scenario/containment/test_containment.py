"""A rejection does what the dialog said, no more and no less; CONTAINED is said after reading back."""

import re

import pytest_asyncio

from bot.cards.replies.containment.retry import RETRY
from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.stage import CardCopy
from deploy.sandbox.system import System
from tests.scenario.conftest import QUICK, Start
from tests.scenario.scene import NADIA, OLIVIA, ONCALL, ONCALL_GROUP, REJECT, Asked, Entry, Scene, texts

MOVE = re.compile(r"^• (?P<what>.+?): (?P<before>.+) → (?P<after>.+)$", re.MULTILINE)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def full(own: Start) -> Scene:
    """A system whose lockdown has all steps, the backup among them."""
    return await own(System(speed=0, extra=QUICK))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rejected(full: Scene) -> tuple[Asked, Entry, Entry]:
    """A VM with two NICs, rejected and contained: what was asked, its plan, and the entry of CONTAINED."""
    asked = await full.ask(nics=[{"public_ip": "20.60.2.1", "open": ["22"]}, {"nsg": "none"}])
    view = await full.dialog("olivia", asked.dm)
    plan = await full.every_step("olivia", OLIVIA, view["id"])
    answer = await full.submit("olivia", view["id"], reason="I did not start this")
    assert answer["closed"], answer
    return asked, plan, await full.until_contained(asked.dm)


async def test_the_dialog_names_every_change_and_azure_gets_exactly_these(
    full: Scene, rejected: tuple[Asked, Entry, Entry]
) -> None:
    asked, view, _ = rejected
    said = "\n".join(texts(view["blocks"]))
    moves = {move["what"]: (move["before"], move["after"]) for move in MOVE.finditer(said)}
    stopped = f"{asked.vm}: running → deallocated"
    protected = re.search(r"not protected → protected by (\S+)", said)
    assert stopped in said
    assert protected
    nics = {what: move for what, move in moves.items() if "-nic" in what}
    assert len(nics) == 2

    changes = await full.changes(asked.start.vm_id, asked.azure_seq)
    done = [f"{e['method']} {e['path'].rpartition('/')[2]}" for e in changes]
    lockdown = {after for _, after in nics.values()}
    assert len(lockdown) == 1
    expected = {
        f"PUT {lockdown.pop()}",
        *(f"PUT {nic}" for nic in nics),
        "POST deallocate",
        f"PUT {protected[1]}",
        "POST backup",
    }
    protections = [e for e in changes if "/protecteditems/" in e["path"].lower() and e["method"] == "PUT"]
    assert len(protections) == 1
    assert asked.vm in protections[0]["path"]
    expected.add(f"PUT {protections[0]['path'].rpartition('/')[2]}")
    assert set(done) == expected
    assert len(done) == len(expected), f"each change is made once: {done}"
    for nic, (_, after) in nics.items():
        written = next(e for e in changes if e["path"].endswith(f"/{nic}"))
        assert written["request"]["properties"]["networkSecurityGroup"]["id"].endswith(f"/{after}")
        read = [e for e in await _reads(full, asked, written["path"]) if e["seq"] < written["seq"]]
        assert written["if_match"] == read[-1]["response"]["etag"], "a NIC is written only as it was read"


async def _reads(scene: Scene, asked: Asked, path: str) -> list[Entry]:
    """Every time that Azure answered what there is at this path, in order."""
    requests = await scene.requests(asked.start.vm_id, asked.azure_seq)
    return [
        e
        for e in requests
        if e["path"].lower() == path.lower() and e["method"] == "GET" and e["status"] == 200
    ]


async def test_the_lockdown_group_denies_all_but_what_the_dialog_names(
    full: Scene, rejected: tuple[Asked, Entry, Entry]
) -> None:
    asked, view, _ = rejected
    said = "\n".join(texts(view["blocks"]))
    assert "Exception: bastion (10.0.9.0/26) can still connect on TCP 22, 3389" in said
    changes = await full.changes(asked.start.vm_id, asked.azure_seq)
    group = next(e for e in changes if "/networksecuritygroups/" in e["path"].lower())
    rules = [rule["properties"] for rule in group["request"]["properties"]["securityRules"]]
    allowed = [rule for rule in rules if rule["access"] == "Allow"]
    denied = {(rule["direction"], rule["protocol"]) for rule in rules if rule["access"] == "Deny"}
    assert {rule["sourceAddressPrefix"] for rule in allowed} == {"10.0.9.0/26"}
    assert denied >= {("Inbound", "*"), ("Outbound", "*")}
    assert group["request"]["properties"]["flushConnection"] is True
    vm = await full.vm_now(asked.start.vm_id)
    assert vm["power"] == "deallocated"
    assert all(nic["nsg"].startswith("/") and "startgate-lockdown" in nic["nsg"] for nic in vm["nics"])
    assert not vm["open_ports"]
    assert vm["backup"]["status"] != "NotProtected"


async def test_contained_is_said_only_after_power_state_and_every_nic_were_read_back(
    full: Scene, rejected: tuple[Asked, Entry, Entry]
) -> None:
    asked, _, contained = rejected
    said = [
        e
        for e in await full.slack.record(asked.start.seq)
        if e["kind"] in ("posted", "updated") and any("CONTAINED" in text for text in texts(e["blocks"]))
    ]
    assert contained["seq"] in {e["seq"] for e in said}
    first_ms = min(e["at_ms"] for e in said)
    requests = [e for e in await full.requests(asked.start.vm_id, asked.azure_seq) if e["at_ms"] <= first_ms]
    changes = await full.changes(asked.start.vm_id, asked.azure_seq)
    last_change = max(e["seq"] for e in changes)
    after = [e for e in requests if e["seq"] > last_change and e["method"] == "GET" and e["status"] == 200]
    vm = [e for e in after if e["path"].lower() == asked.start.vm_id.lower()]
    assert vm, "the VM is read after the last change and before the card says CONTAINED"
    codes = [status["code"] for status in vm[-1]["response"]["properties"]["instanceView"]["statuses"]]
    assert "PowerState/deallocated" in codes
    for nic in (await full.vm_now(asked.start.vm_id))["nics"]:
        read = [e for e in after if e["path"].lower() == nic["id"].lower()]
        assert read, f"{nic['name']} is read back"
        assert "startgate-lockdown" in read[-1]["response"]["properties"]["networkSecurityGroup"]["id"]


async def test_on_call_is_told_of_the_rejection_at_once(
    full: Scene, rejected: tuple[Asked, Entry, Entry]
) -> None:
    asked, _, contained = rejected
    copy = await full.oncall_card(asked.vm, asked.start.seq)
    page = await paged(full, copy, "rejected a start", since=asked.start.seq)
    said = "\n".join(texts(page["blocks"]))
    assert re.search(r"\*olivia\* .*rejected a start\.", said)
    assert "The caller's access is still active" in said
    assert page["seq"] < contained["seq"], "before it is contained"


async def test_the_thread_shows_each_step_and_the_card_who_rejected_and_why(
    full: Scene, rejected: tuple[Asked, Entry, Entry]
) -> None:
    asked, _, _ = rejected
    for copy in asked.copies:
        await full.until_contained(copy)
        shown = await full.shown(copy)
        assert "Rejected by *olivia* (olivia@contoso.example) <!date^" in shown
        assert "I did not start this" in shown
        assert REJECT not in shown
    await full.quiet()
    thread = await full.thread(asked.channel)
    for words in ("*Isolated*", "*Stopped*", "*Contained:*", "/vm-restore"):
        assert any(words in reply for reply in thread), f"{words!r} is not in the thread: {thread}"
    (steps,) = [reply for reply in thread if "*Isolated*" in reply]
    assert "*Stopped*" in steps, "one message tells every step"
    summary = await full.slack.wait_for(
        "the summary",
        lambda e: (
            e["kind"] == "posted" and e.get("thread_ts") == asked.channel.ts and "*Contained:*" in str(e)
        ),
    )
    at = {"channel": asked.channel.channel, "ts": summary["ts"]}
    for who, opens in (("olivia", False), ("nadia", True)):
        press = {"user": who, "action_id": "afterwards.restore", "wait_view_ms": 3000, **at}
        assert ("view_id" in await full.slack.post("/_act/click", **press)) is opens
    await full.slack.post("/_act/click", user="olivia", action_id="afterwards.status", **at)
    await full.told(OLIVIA, asked.vm, "Contained", since=asked.start.seq)
    seq = await full.slack.last_seq()
    await full.slack.post("/_act/click", user="nadia", action_id="afterwards.evidence", **at)
    sent = await full.slack.wait_for(
        "the file", lambda e: e["kind"] == "posted" and bool(e.get("files")), since=seq
    )
    (file,) = sent["files"]
    assert file["name"].endswith(".zip")
    assert f"startgate evidence --verify {file['name']} --sha256 " in sent["text"]
    people = next(c for c in (await full.slack.get("/_state"))["channels"] if c["id"] == sent["channel"])
    assert (people["kind"], NADIA in people["members"]) == ("im", True)
    await full.told(NADIA, asked.vm, "in your messages with Startgate", since=seq)


async def test_a_backup_is_started_first_and_backed_up_only_once_azure_says_so(
    full: Scene, rejected: tuple[Asked, Entry, Entry]
) -> None:
    asked, _, contained = rejected
    posted = await full.slack.wait_for(
        "the reply about the backup",
        lambda e: e["kind"] == "updated" and "Backup started" in str(e["blocks"]),
        since=asked.start.seq,
    )
    edited = await full.slack.wait_for(
        "its end",
        lambda e: e["kind"] == "updated" and e["ts"] == posted["ts"] and "*Backed up*" in str(e["blocks"]),
        since=posted["seq"],
    )
    assert "Recovery point created. Job" in "\n".join(texts(edited["blocks"]))
    assert edited["seq"] > contained["seq"], "nothing waits for the job"
    await full.audited("job.done", asked.start.vm_id)


async def test_every_change_is_in_the_audit_with_what_was_before(
    full: Scene, rejected: tuple[Asked, Entry, Entry]
) -> None:
    asked, _, _ = rejected
    records = await full.audit(vm_id=asked.start.vm_id)
    kinds = [record["kind"] for record in records]
    order = ["approval.opened", "approval.asked", "approval.rejected", "step.begun", "containment.contained"]
    assert [kind for kind in dict.fromkeys(kinds) if kind in order] == order
    done = {r["details"]["step"]: r["details"] for r in records if r["kind"] == "step.done"}
    assert set(done) == {"isolate", "stop", "backup"}
    before = done["isolate"]["change"]["before"]
    assert len(before) == 2
    assert {str(nsg).rpartition("/")[2] for nsg in before.values()} == {f"{asked.vm}-nsg", "None"}
    assert records[kinds.index("containment.contained")]["details"]["read_back"] == ["isolate", "stop"]


async def test_a_contained_vm_that_is_started_again_is_contained_again_without_asking(
    full: Scene, rejected: tuple[Asked, Entry, Entry]
) -> None:
    asked, _, contained = rejected
    seq = await full.azure.last_seq()
    again = await full.start_vm(asked.start.vm_id, "intruder")
    await full.wait_for_change(asked.start.vm_id, "/deallocate", seq)
    shown = await full.slack.wait_for(
        "CONTAINED for the second time",
        lambda e: (
            e["kind"] == "updated"
            and e["ts"] == asked.dm.ts
            and "CONTAINED" in e["text"]
            and e["seq"] > again.seq
        ),
        since=contained["seq"],
    )
    assert shown
    await full.until_in_thread(asked.dm, "was started while it was contained")
    copy = await full.oncall_card(asked.vm, asked.start.seq)
    page = await paged(full, copy, "although it is contained", since=again.seq)
    assert "although it is contained" in "\n".join(texts(page["blocks"]))
    assert not await full.root_posts(asked.vm, again.seq), "no new question"


async def test_a_vm_that_is_started_again_during_a_slow_backup_is_stopped_at_once_and_reads_back_so(
    full: Scene,
) -> None:
    asked = await full.ask()
    never = {"operation": "^protect$", "target": asked.vm, "ends": "never", "times": 1}
    await full.azure.put("/_failures", [never])
    await full.reject("olivia", asked.dm, "not mine")
    await full.wait_for_change(asked.start.vm_id, f";{asked.vm}", asked.azure_seq)
    assert (await full.vm_now(asked.start.vm_id))["power"] == "deallocated"

    seq = await full.azure.last_seq()
    await full.start_vm(asked.start.vm_id, "intruder")
    await full.wait_for_change(asked.start.vm_id, "/deallocate", seq)
    await full.audited("containment.started-again", asked.start.vm_id)
    await full.audited("containment.contained", asked.start.vm_id, count=0)

    await full.azure.post("/_operations/end", operation="^protect$", target=asked.vm, ends="Failed")
    await full.until_contained(asked.dm)
    assert (await full.vm_now(asked.start.vm_id))["power"] == "deallocated"
    stops = [
        r for r in await full.audit("step.begun", vm_id=asked.start.vm_id) if r["details"]["step"] == "stop"
    ]
    assert [record["details"]["attempt"] for record in stops] == [1, 1], "no failed attempt"


async def test_on_call_hears_of_a_lock_while_the_backup_goes_on_and_retries_the_stop(full: Scene) -> None:
    asked = await full.ask()
    never = {"operation": "^protect$", "target": asked.vm, "ends": "never", "times": 1}
    await full.azure.put("/_failures", [never])
    await full.azure.put("/_refusals", [{"code": "ScopeLocked", "path": f"{asked.vm}/deallocate"}])
    await full.reject("olivia", asked.dm, "not mine")
    card = await full.oncall_card(asked.vm, asked.start.seq)
    page = await paged(full, card, "waiting won't help", since=asked.start.seq)
    said = "\n".join(texts(page["blocks"]))
    assert f"*Stop* of `{asked.vm}` failed, and waiting won't help." in said
    assert "remove the lock" in said
    assert (await full.vm_now(asked.start.vm_id))["power"] == "running"

    await full.azure.put("/_refusals", [])
    owners = await full.slack.wait_for(
        "the same reply below the owner's copy",
        lambda e: e["kind"] == "posted" and e["thread_ts"] == asked.dm.ts and e["text"] == page["text"],
        since=asked.start.seq,
    )
    await full.click("olivia", _as_copy(owners), RETRY)
    await full.told(OLIVIA, "Only on-call can", since=page["seq"])
    await full.audited("retry.refused", asked.start.vm_id)
    await full.click("nadia", _as_copy(page), RETRY)
    await full.told(NADIA, "Retrying", asked.vm, since=asked.start.seq)
    await full.azure.post("/_operations/end", operation="^protect$", target=asked.vm, ends="Succeeded")
    await full.until_contained(asked.dm, within_s=60)
    assert (await full.vm_now(asked.start.vm_id))["power"] == "deallocated"


def _as_copy(posted: Entry) -> CardCopy:
    return CardCopy(channel=posted["channel"], ts=posted["ts"], at_ms=posted["at_ms"])


async def test_a_refused_step_ends_incomplete_and_calls_oncall(scene: Scene) -> None:
    asked = await scene.ask()
    fault = {"path": f"{asked.vm}/deallocate", "method": "POST", "status": 403}
    await scene.azure.put("/_faults", [fault])
    await scene.reject("olivia", asked.dm, "not mine")
    await ends_incomplete(scene, asked, "lack the right")
    vm = await scene.vm_now(asked.start.vm_id)
    assert "startgate-lockdown" in vm["nics"][0]["nsg"], "one step that fails does not keep the others"


async def paged(scene: Scene, copy: CardCopy, words: str, *, since: int) -> Entry:
    """The reply in on-call's copy that calls them and says this."""
    return await scene.slack.wait_for(
        f"a message that calls on-call: {words}",
        lambda e: (
            e["kind"] == "posted"
            and e["thread_ts"] == copy.ts
            and ONCALL_GROUP in str(e["mentions"])
            and words in "\n".join(texts(e["blocks"]))
        ),
        since=since,
    )


async def ends_incomplete(scene: Scene, asked: Asked, why: str, *, within_s: float = PATIENCE_S) -> None:
    """Never CONTAINED; on-call gets a copy of its own, and is mentioned with what is left and why."""
    await scene.until_shown(asked.dm, "the end", "Containment incomplete", within_s=within_s)
    copy = await scene.oncall_card(asked.vm, asked.start.seq)
    page = await paged(scene, copy, "not fully contained", since=asked.start.seq)
    assert page["channel"] == ONCALL
    said = "\n".join(texts(page["blocks"]))
    assert "not fully contained" in said
    assert why in said
    assert "By hand:" in said
    assert not [
        e
        for e in await scene.slack.record(asked.start.seq)
        if e["kind"] in ("posted", "updated") and "CONTAINED" in e["text"] and asked.vm in e["text"]
    ]
    await scene.audited("containment.incomplete", asked.start.vm_id)
    await scene.audited("containment.contained", asked.start.vm_id, count=0)
