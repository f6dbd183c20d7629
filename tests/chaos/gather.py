"""Puts together what is known after a round."""

import time

from tests.chaos.evidence import Evidence
from tests.chaos.plan import RoundPlan
from tests.chaos.rest import come_to_rest
from tests.chaos.stage import RoundStage
from tests.chaos.system.ground import Ground

PRODUCT = ("bot", "workers")


async def play_round(ground: Ground, plan: RoundPlan) -> Evidence:
    """Play a round, let the system come to rest, and gather what there is."""
    since_ms = int(time.time() * 1000)
    marks = {watch: watch.mark for watch in (ground.azure, ground.slack, ground.bus)}
    written = {name: ground.system.processes[name].log_path.stat().st_size for name in PRODUCT}
    kills, gone = len(ground.kills), len(ground.gone_by_itself)
    stage = RoundStage(ground, plan)
    await stage.play()
    keys = {vm.key for vm in stage.vms}
    starts = [stage.starts[index] for index in sorted(stage.starts)]
    unrest = await come_to_rest(ground, keys, starts, since_ms)
    for watch in marks:
        await watch.look()
    evidence = Evidence(
        seed=plan.seed,
        number=plan.number,
        on_silence=ground.on_silence,
        vms=stage.vms,
        starts=starts,
        acts=sorted(stage.acting.acts, key=lambda act: act.at_ms),
        azure=ground.azure.since(marks[ground.azure]),
        slack=ground.slack.since(marks[ground.slack]),
        bus=ground.bus.since(marks[ground.bus]),
        kills=ground.kills[kills:],
        gone_by_itself=ground.gone_by_itself[gone:],
        garbage=stage.garbage,
        unrest=unrest,
        audit=await ground.audit_since(since_ms),
        chains=await ground.chains(),
        logs={name: _from(ground, name, written[name]) for name in PRODUCT},
        receipts_cut=any(one.where == "slack" and one.body.get("drop") == "after" for one in plan.troubles),
    )
    await _documents(ground, evidence, keys)
    await _azure_now(ground, evidence)
    await _slack_now(ground, evidence)
    bus = await ground.system.bus.get("/_state")
    evidence.dead_letters = {
        name: [message["message_id"] for message in queue["dead_letters"]] for name, queue in bus.items()
    }
    return evidence


def _from(ground: Ground, name: str, offset: int) -> str:
    with ground.system.processes[name].log_path.open("rb") as log:
        log.seek(offset)
        return log.read().decode(errors="replace")


async def _documents(ground: Ground, evidence: Evidence, keys: set[str]) -> None:
    documents = await ground.documents("doc")
    for name, document in documents.items():
        vm = str((document.get("vm") or document["event"]["vm"])["resource_id"]).lower()
        if vm in keys:
            (evidence.approvals if "event" in document else evidence.containments)[name] = document
    mine = {*evidence.approvals, *evidence.containments}
    evidence.of_others = frozenset(documents) - mine
    evidence.cards = {n: card for n, card in (await ground.documents("card")).items() if n in mine}


async def _azure_now(ground: Ground, evidence: Evidence) -> None:
    state = await ground.system.azure.get("/_state")
    now = {vm["id"].lower(): vm for vm in state["vms"]}
    for vm in evidence.vms:
        vm.after = now.get(vm.key)
        if vm.after is not None:
            vm.nics_after = {nic: await ground.arm(nic) for nic in vm.nics_before}


async def _slack_now(ground: Ground, evidence: Evidence) -> None:
    """The messages of this round's cards, as people see them now."""
    posted = {(e["channel"], e["ts"]) for e in evidence.slack if e["kind"] == "posted"}
    state = await ground.system.slack.get("/_state")
    evidence.messages = [
        (channel["id"], message)
        for channel in state["channels"]
        for message in channel["messages"]
        if (channel["id"], message["ts"]) in posted
    ]
