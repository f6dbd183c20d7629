"""``two_person`` in the running system: one asks, somebody else confirms or approves, nobody is both."""

import json

import pytest
import pytest_asyncio

from bot.cards.blocks.access.card import APPROVE
from deploy.sandbox.system import System
from tests.scenario.conftest import POLICY, QUICK, Start
from tests.scenario.scene import NADIA, OLIVIA, ONCALL, CardCopy, Entry, Scene

COLIN = "U0COLIN002"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(own: Start, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    path = tmp_path_factory.mktemp("two") / "policy.yaml"
    oncall = {"users": [NADIA, COLIN], "channel": "#vm-oncall"}
    policy = POLICY | {"oncall": oncall, "two_person": ["restore", "access"]}
    path.write_text(json.dumps(policy), encoding="utf-8")
    return await own(System(policy=path, speed=0, extra=QUICK))


async def contained(scene: Scene) -> tuple[Entry, CardCopy]:
    vm = await scene.new_vm("two", power="running")
    seq = await scene.slack.last_seq()
    await scene.command("nadia", f"/vm-lockdown {vm['id']} --yes odd outbound traffic")
    card = await scene.oncall_card(vm["name"], seq)
    await scene.until_contained(card)
    return vm, card


async def order(scene: Scene, who: str, user: str, vm: Entry) -> Entry:
    """Type the command and submit its dialog; the dialog."""
    opened = await scene.command(who, f"/vm-restore {vm['id']} {who} says it is fine", wait_view_ms=3000)
    assert "view_id" in opened, opened
    view: Entry = (await scene.slack.get("/_state"))["views"][user][-1]
    await scene.submit(who, view["id"])
    return view


async def test_a_restore_takes_two_persons(two: Scene) -> None:
    vm, card = await contained(two)
    seq, azure_seq = await two.slack.last_seq(), await two.azure.last_seq()

    first = await order(two, "nadia", NADIA, vm)
    assert first["submit"]["text"] == "Ask to restore"
    await two.slack.wait_for(
        "the first person to be told",
        lambda e: e["kind"] == "posted" and "Nothing is restored yet" in str(e["blocks"]),
        since=seq,
    )
    page = await two.slack.wait_for(
        "on-call to be called",
        lambda e: (
            e["kind"] == "posted" and e["channel"] == ONCALL and "has to confirm it by" in str(e["blocks"])
        ),
        since=seq,
    )
    assert f"<@{COLIN}>" in str(page["blocks"])

    again = await order(two, "nadia", NADIA, vm)
    assert again["submit"]["text"] == "Confirm restore"
    await two.audited("restore.refused", vm["id"])
    assert await two.changes(vm["id"], azure_seq) == []

    second = await order(two, "colin", COLIN, vm)
    assert "nadia says it is fine" in json.dumps(second)
    await two.until_shown(card, "Restored", "Restored", "was undone")
    ordered, *_ = await two.audited("restore.ordered", vm["id"])
    assert ordered["by"].endswith(f"({COLIN})")
    assert ordered["details"]["requested_by"].endswith(f"({NADIA})")
    thread = "\n".join(await two.thread(card))
    assert "asked for by *nadia*" in thread
    assert "Confirmed by *colin*" in thread


async def test_a_delegation_takes_two_persons(two: Scene) -> None:
    await two.slack.post("/_channels", name="vm-oncall", join=[COLIN])
    seq = await two.slack.last_seq()
    await two.command("nadia", f"/vm-delegate <@{OLIVIA}> 2h away at the dentist")
    asked = await two.slack.wait_for(
        "on-call to be asked for the second person",
        lambda e: (
            e["kind"] == "posted" and e["channel"] == ONCALL and "away at the dentist" in str(e["blocks"])
        ),
        since=seq,
    )
    assert f"<@{COLIN}>" in str(asked["blocks"])
    card = CardCopy(channel=ONCALL, ts=asked["ts"], at_ms=asked["at_ms"])

    await two.click("nadia", card, APPROVE)
    await two.told(NADIA, "You asked for this yourself", "has to approve it", since=seq)
    assert not await two.audit("delegation.begun")

    await two.click("colin", card, APPROVE)
    await two.until_shown(card, "that it was approved", "*Approved* by *colin*")
    (begun,) = await two.audited("delegation.begun")
    assert begun["by"].endswith(f"({NADIA})")
    assert begun["details"]["approved_by"].endswith(f"({COLIN})")
    await two.slack.wait_for(
        "the first person to be told",
        lambda e: e["kind"] == "posted" and e["channel"] != ONCALL and "*Approved* by" in str(e["blocks"]),
        since=seq,
    )
