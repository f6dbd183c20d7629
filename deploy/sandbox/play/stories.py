"""The stories. Each raises if any part of it does not come out."""

import json
from collections.abc import Awaitable, Callable

from deploy.sandbox.play.burst import burst_of_forty
from deploy.sandbox.play.figures import Figures
from deploy.sandbox.play.outcome import ONCALL_CHANNEL, DidNotComeOut, expect, is_contained
from deploy.sandbox.play.timeline import Timeline
from deploy.sandbox.play.two_persons import two_persons_confirm
from deploy.sandbox.stage import CardCopy, Stage, Started
from deploy.sandbox.world import World

Story = Callable[[Stage, Timeline, Figures], Awaitable[None]]


async def _asked(
    stage: Stage, line: Timeline, figures: Figures, vm: str, who: str
) -> tuple[Started, list[CardCopy]]:
    start = await stage.start_vm(vm, who)
    line.now(f"{who} starts {vm} in Azure; the event goes to the queue")
    found = await stage.copies(start, 2)
    took = await figures.asked(stage, start, found[0])
    line.at(found[0].at_ms, f"the card is in Slack, 2 copies, {took:.0f} ms after the event")
    return start, found


async def owner_confirms(stage: Stage, line: Timeline, figures: Figures) -> None:
    """The owner started it herself and says so."""
    start, copies = await _asked(stage, line, figures, "web-01", "olivia")
    unconfirmed = await stage.click("olivia", copies[0], "approval.confirm", confirmed=False)
    expect("needs_confirm" in unconfirmed, "Slack asks once more before Confirm counts")
    await stage.click("olivia", copies[0], "approval.confirm")
    line.now("olivia presses Confirm, and Yes, expected")
    for copy in copies:
        shown = await stage.until_shown(copy, "the confirmation", "Confirmed", "olivia")
        line.at(shown["at_ms"], f"the copy in {copy.channel} says who confirmed")
        expect("approval.confirm" not in await stage.shown(copy), "no button is left on a decided card")
    expect(not await stage.writes(start.vm_id), "a confirmed start changes nothing in Azure")


async def owner_rejects(stage: Stage, line: Timeline, figures: Figures) -> None:
    """Somebody unknown started the owner's VM; it ends contained."""
    start, copies = await _asked(stage, line, figures, "web-02", "intruder")
    answer = await stage.reject("olivia", copies[0], "I did not start this, and nobody told me")
    line.now("olivia presses Reject, reads what will be done, gives a reason, and submits")
    expect(answer.get("ok"), f"the dialog's submit is taken: {answer}")
    contained = await stage.until_shown(copies[0], "CONTAINED", "CONTAINED", within_s=60)
    took = await figures.rejected(stage, start, await _submitted_ms(stage, start))
    line.now(f"the first write reached Azure {took:.0f} ms after the submit")
    for entry in await stage.slack.record(start.seq, "posted"):
        if entry["thread_ts"] == copies[0].ts:
            line.at(entry["at_ms"], f"in the thread: {entry['text']}")
    line.at(contained["at_ms"], "the card says CONTAINED")
    await is_contained(stage, "web-02")


async def nobody_answers(stage: Stage, line: Timeline, figures: Figures) -> None:
    """Reminder, escalation, and an end that is recorded as silence."""
    start, copies = await _asked(stage, line, figures, "jump-01", "intruder")
    reminder = await stage.slack.wait_for(
        "a reminder in the owner's thread",
        lambda e: e["kind"] == "posted" and e["thread_ts"] == copies[0].ts,
        since=start.seq,
    )
    line.at(reminder["at_ms"], "the owner is reminded in the thread")
    oncall = await stage.slack.wait_for(
        "a copy in the on-call channel",
        lambda e: e["kind"] == "posted" and e["channel"] == ONCALL_CHANNEL and not e["thread_ts"],
        since=start.seq,
    )
    line.at(oncall["at_ms"], "on-call gets a copy: nobody answers")
    ended = await stage.until_shown(copies[0], "the end", "Nobody answered")
    line.at(ended["at_ms"], "time is up, and the card says that nobody answered")
    expect("Rejected" not in await stage.shown(copies[0]), "silence is nobody's rejection")
    expect(not await stage.writes(start.vm_id), "on silence nothing is contained unless the policy says so")


async def oncall_locks_down(stage: Stage, line: Timeline, _figures: Figures) -> None:
    """On-call contains a VM with two NICs, without an approval; a name that fits several is asked about."""
    since = await stage.slack.last_seq()
    several = await stage.command("nadia", "/vm-lockdown web odd", wait_view_ms=3000)
    line.now("nadia types /vm-lockdown web, which fits two VMs")
    expect("view_id" in several, "a name that fits several VMs is asked about, never guessed")
    await stage.command("nadia", "/vm-lockdown db-01 --yes odd outbound traffic")
    line.now("nadia types /vm-lockdown db-01 --yes odd outbound traffic")
    card = await stage.slack.wait_for(
        "the lockdown's card",
        lambda e: e["kind"] == "posted" and e["channel"] == ONCALL_CHANNEL and "db-01" in e["text"],
        since=since,
    )
    copy = CardCopy(channel=card["channel"], ts=card["ts"], at_ms=card["at_ms"])
    line.at(card["at_ms"], "the card is in the on-call channel")
    contained = await stage.until_shown(copy, "CONTAINED", "CONTAINED", within_s=60)
    line.at(contained["at_ms"], "the card says CONTAINED")
    await is_contained(stage, "db-01")
    vm = await stage.vm("db-01")
    expect(len(vm["nics"]) == 2, "db-01 has two NICs")


async def oncall_restores(stage: Stage, line: Timeline, _figures: Figures) -> None:
    """On-call contains a VM by mistake, sees what a restore brings back, and lets it go; it stays off."""
    made = await stage.azure.post(
        "/_vm",
        name="cache-01",
        group="rg-cache",
        power="running",
        tags={"owner": "colin@contoso.example"},
        nics=[{"public_ip": "20.50.3.1", "open": ["443"]}, {"open": []}, {"nsg": "none"}],
    )
    before = [nic["nsg"] for nic in (await stage.vm("cache-01"))["nics"]]
    copy = await _locked_down(stage, line, "cache-01", f"{made['id']} --yes looked like the one next to it")
    opened = await stage.command("nadia", "/vm-restore cache-01 wrong machine", wait_view_ms=3000)
    expect("view_id" in opened, "restoring always asks once")
    view = json.dumps((await stage.slack.get("/_state"))["views"]["U0NADIA003"][-1], ensure_ascii=False)
    shown = [(group or "none").rpartition("/")[2] for group in before]
    expect(all(f"\u2192 {group}" in view for group in shown), "the dialog names every NIC's former NSG")
    line.now("nadia types /vm-restore cache-01 wrong machine, and sees which NIC gets which NSG back")
    answer = await stage.slack.post("/_act/submit", user="nadia", view_id=opened["view_id"], values={})
    expect(answer.get("ok"), f"the dialog's submit is taken: {answer}")
    restored = await stage.until_shown(copy, "Restored", "Restored", "was undone", within_s=60)
    line.at(restored["at_ms"], "the card says Restored")
    vm = await stage.vm("cache-01")
    expect([nic["nsg"] for nic in vm["nics"]] == before, "every NIC has its former NSG, or none, again")
    expect(vm["power"] == "deallocated", "nobody asked for a start, so it stays off")


async def everything_and_back(stage: Stage, line: Timeline, _figures: Figures) -> None:
    """On-call contains a VM with every step there is, looks at the evidence, and restores it running."""
    made = await stage.azure.post(
        "/_vm",
        name="vault-01",
        group="rg-vault",
        power="running",
        size="Standard_D4s_v5",
        tags={"owner": "olivia@contoso.example"},
        nics=[{"public_ip": "20.50.3.2", "open": ["443"]}],
    )
    before = await stage.vm("vault-01")
    copy = await _locked_down(
        stage, line, "vault-01", f"{made['id']} profile=everything --yes keys were read"
    )
    vm = await stage.vm("vault-01")
    locks = [lock["name"] for lock in vm["locks"]]
    expect(vm["host_encrypted"], "encryption at host is on")
    expect(len(locks) == 1, f"our lock against restart is on it: {locks}")
    expect(len(vm["snapshots"]) == 2, "both disks have a snapshot")
    state = await stage.azure.get("/_state")
    evidence = [one for one in state["snapshots"] if one["id"] in vm["snapshots"]]
    tags = {key: value for key, value in evidence[0]["tags"].items() if key.startswith("startgate-")}
    expect(tags["startgate-reason"] == "keys were read", f"a snapshot says why it was taken: {tags}")
    line.now(f"the evidence: {len(evidence)} snapshots of containment {tags['startgate-containment']}")
    for said in await stage.thread(copy):
        expect("failed" not in said.lower(), f"no step failed: {said}")
    await _restored(stage, line, copy, "vault-01 the keys were rotated", {"start": ["start"]})
    vm = await stage.vm("vault-01")
    expect(vm["nics"] == before["nics"], "its network is as it was")
    expect(not vm["locks"] and not vm["host_encrypted"], "lock and encryption at host are taken back")
    expect(vm["power"] == "running", "it was to be started, and runs")
    expect(vm["snapshots"] == [one["id"] for one in evidence], "the snapshots are kept")
    line.now("network, lock and encryption are as before; snapshots and backup stay")


async def stranger_tries(stage: Stage, line: Timeline, figures: Figures) -> None:
    """Somebody who owns nothing presses a button and types a command; both are refused in private."""
    sam = World.load().person("sam")
    start, copies = await _asked(stage, line, figures, "build-07", "colin")
    channel = next(copy for copy in copies if copy.channel.startswith("C"))
    since = await stage.slack.last_seq()
    await stage.click("sam", channel, "approval.confirm")
    refused = await stage.told(sam.slack, "only", since=since)
    line.at(refused["at_ms"], "sam presses Confirm in the channel and is told, alone, that he may not")
    since = await stage.slack.last_seq()
    await stage.command("sam", "/vm-lockdown build-07 just because")
    refused = await stage.told(sam.slack, "on-call", since=since)
    line.at(refused["at_ms"], "sam types /vm-lockdown and is told, alone, that only on-call may")
    expect("approval.confirm" in await stage.shown(channel), "the question is still open")
    expect(not await stage.writes(start.vm_id), "a refused command changes nothing in Azure")
    await stage.click("colin", copies[0], "approval.confirm")
    await stage.until_shown(channel, "the owner's answer", "Confirmed")
    line.now("colin, the owner, confirms")


async def _locked_down(stage: Stage, line: Timeline, vm: str, typed: str) -> CardCopy:
    """On-call types this lockdown; its card, once the VM is contained."""
    since = await stage.slack.last_seq()
    await stage.command("nadia", f"/vm-lockdown {typed}")
    card = await stage.slack.wait_for(
        "the lockdown's card",
        lambda e: e["kind"] == "posted" and e["channel"] == ONCALL_CHANNEL and vm in e["text"],
        since=since,
    )
    copy = CardCopy(channel=card["channel"], ts=card["ts"], at_ms=card["at_ms"])
    contained = await stage.until_shown(copy, "CONTAINED", "CONTAINED", within_s=60)
    await is_contained(stage, vm)
    line.at(contained["at_ms"], f"nadia has locked {vm} down")
    return copy


async def _restored(
    stage: Stage, line: Timeline, copy: CardCopy, typed: str, values: dict[str, object]
) -> None:
    """On-call types this restore and submits its dialog; the card says that it has worked."""
    opened = await stage.command("nadia", f"/vm-restore {typed}", wait_view_ms=3000)
    expect("view_id" in opened, "restoring always asks once")
    answer = await stage.slack.post("/_act/submit", user="nadia", view_id=opened["view_id"], values=values)
    expect(answer.get("ok"), f"the dialog's submit is taken: {answer}")
    restored = await stage.until_shown(copy, "Restored", "Restored", "was undone", within_s=60)
    line.at(restored["at_ms"], f"nadia types /vm-restore {typed}; the card says Restored")


async def _submitted_ms(stage: Stage, start: Started) -> float:
    """When Slack delivered the dialog's submit to the bot."""
    for entry in reversed(await stage.slack.record(start.seq, "delivered")):
        if "view_submission" in json.dumps(entry):
            return float(entry["at_ms"])
    raise DidNotComeOut("the dialog's submit never reached the bot")


STORIES: dict[str, Story] = {
    "owner_confirms": owner_confirms,
    "owner_rejects": owner_rejects,
    "nobody_answers": nobody_answers,
    "oncall_locks_down": oncall_locks_down,
    "oncall_restores": oncall_restores,
    "everything_and_back": everything_and_back,
    "stranger_tries": stranger_tries,
    "burst_of_forty": burst_of_forty,
    "two_persons_confirm": two_persons_confirm,
}
