"""``/vm-lockdown``: on-call contains a VM by name, by group and name, by id; nobody else does."""

import uuid

import pytest
import pytest_asyncio

from tests.scenario.scene import CONFIRM, NADIA, ONCALL, SAM, CardCopy, Entry, Scene, eventually, texts


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def known(shared: Scene) -> list[Entry]:
    """Running VMs that the inventory lists; each test takes one away."""
    vms = [await shared.new_vm("lock", power="running") for _ in range(13)]
    await _listed(shared)
    return vms


async def _listed(scene: Scene) -> None:
    """Wait until all subscriptions were listed anew, from the first to the last."""
    seq = await scene.azure.last_seq()

    async def twice() -> bool:
        lists = [e for e in await scene.azure.record(seq, "request") if e["path"] == "/subscriptions"]
        return len(lists) > 1

    await eventually("the inventory to be taken", twice)


@pytest.mark.parametrize(
    ("spelling", "how"),
    [
        ("{name}", "plain"),
        ("{name}", "pasted"),
        ("{group}/{name}", "plain"),
        ("{id}", "plain"),
        ("{upper}", "plain"),
        ("\u201c{name}\u201d", "smart"),
        ("https://portal.azure.com/#@contoso.example/resource{id}/overview", "plain"),
    ],
)
async def test_oncall_locks_a_vm_down(scene: Scene, known: list[Entry], spelling: str, how: str) -> None:
    vm = known.pop()
    seq = await scene.slack.last_seq()
    wanted = spelling.format(**vm, upper=vm["name"].upper())
    await scene.command("nadia", f"/vm-lockdown {wanted} --yes odd outbound traffic", how=how)
    await scene.told(NADIA, "Locking down", vm["name"], since=seq)
    copy = await scene.oncall_card(vm["name"], seq)
    shown = await scene.shown(copy)
    assert "Locked down by *nadia* (nadia@contoso.example) <!date^" in shown
    reason = "odd outbound traffic".replace(" ", "\u00a0" if how == "pasted" else " ")
    assert "odd outbound traffic" in shown.replace("\u00a0", " ")
    await scene.wait_for_change(vm["id"], "/deallocate")
    record, *_ = await scene.audited("lockdown.ordered", vm["id"])
    assert record["by"] == f"nadia ({NADIA})"
    assert record["details"]["reason"] == reason


async def test_the_owner_is_told_of_the_lockdown_with_its_reason_and_by_whom(
    scene: Scene, known: list[Entry]
) -> None:
    vm = known.pop()
    seq = await scene.slack.last_seq()
    await scene.command("nadia", f"/vm-lockdown {vm['name']} --yes odd outbound traffic")
    told = await scene.slack.wait_for(
        "a direct message to the owner",
        lambda e: e["kind"] == "posted" and e["channel"].startswith("D") and vm["name"] in str(e["blocks"]),
        since=seq,
    )
    said = "\n".join(texts(told["blocks"]))
    assert "Locked down by *nadia*" in said
    assert "odd outbound traffic" in said
    assert "because you own this VM" in said


async def test_a_lockdown_ends_contained_on_the_oncall_card_and_the_owners_question_is_withdrawn(
    scene: Scene,
) -> None:
    asked = await scene.ask()
    await scene.command("nadia", f"/vm-lockdown {asked.vm} --yes cannot wait for the owner")
    copy = await scene.oncall_card(asked.vm, asked.start.seq)
    await scene.until_contained(copy)
    for each in asked.copies:
        await scene.until_contained(each)
        shown = await scene.shown(each)
        assert "The question was withdrawn" in shown
        assert "Locked down by *nadia*" in shown
        assert CONFIRM not in shown
    await scene.audited("approval.withdrawn", asked.start.vm_id)


async def test_a_name_that_fits_several_opens_a_dialog_and_only_the_chosen_one_is_contained(
    scene: Scene,
) -> None:
    name = f"twin-{uuid.uuid4().hex[:10]}"
    twins = [await scene.new_vm("twin", name=name, power="running") for _ in range(2)]
    await _listed(scene)
    seq = await scene.slack.last_seq()
    opened = await scene.command("nadia", f"/vm-lockdown {name} odd", wait_view_ms=3000)
    view_id = opened["view_id"]
    menu = {"view_id": view_id, "block_id": "vm", "action_id": "vm.any"}
    offered = await scene.slack.post("/_act/options", user="nadia", query="", **menu)
    options = {option["description"]["text"]: option["value"] for option in offered["options"]}
    assert len(options) == 2
    assert all(about.startswith("running, ") for about in options)
    chosen = next(value for about, value in options.items() if twins[1]["group"] in about)
    shown = await scene.submit("nadia", view_id, vm=chosen)
    assert not shown["closed"], "the next dialog shows what will be done"
    assert not await scene.changes(twins[1]["id"])
    answer = await scene.submit("nadia", view_id, reason="this one talks to a stranger")
    assert answer["closed"], answer
    copy = await scene.oncall_card(name, seq)
    assert twins[1]["group"] in await scene.shown(copy)
    await scene.wait_for_change(twins[1]["id"], "/deallocate")
    assert not await scene.changes(twins[0]["id"])
    assert (await scene.vm_now(twins[0]["id"]))["power"] == "running"


async def test_a_lockdown_shows_what_will_be_done_and_asks_even_if_only_one_vm_fits(
    scene: Scene, known: list[Entry]
) -> None:
    vm = known.pop()
    opened = await scene.command("nadia", f"/vm-lockdown {vm['name'][:-1]}", wait_view_ms=3000)
    view = (await scene.slack.get("/_state"))["views"][NADIA][-1]
    assert view["id"] == opened["view_id"]
    assert vm["name"] in str(view)
    assert "contained *immediately*" in str(view)
    await scene.slack.post("/_act/close", user="nadia", view_id=opened["view_id"])
    assert not await scene.changes(vm["id"])


async def test_an_unknown_name_is_said_to_be_unknown(scene: Scene) -> None:
    seq = await scene.slack.last_seq()
    await scene.command("nadia", "/vm-lockdown no-such-machine odd")
    told = await scene.told(NADIA, "No VM matches", "no-such-machine", "Nothing was changed", since=seq)
    assert "VMs are known" in "\n".join(texts(told["blocks"]))


async def test_a_mistyped_name_offers_the_nearest_and_picking_one_asks_before_anything_is_done(
    scene: Scene, known: list[Entry]
) -> None:
    vm = known.pop()
    seq = await scene.slack.last_seq()
    mistyped = vm["name"][:-1] + ("0" if vm["name"][-1] != "0" else "1")
    await scene.command("nadia", f"/vm-lockdown {mistyped} odd outbound traffic")
    told = await scene.told(NADIA, "No VM matches", mistyped, "Did you mean", since=seq)
    offered = {button["text"]["text"]: button for button in told["blocks"][-1]["elements"]}
    answer = CardCopy(channel=told["channel"], ts=told["ts"], at_ms=told["at_ms"])
    button = offered[vm["name"]]
    opened = await scene.click("nadia", answer, button["action_id"], wait_view_ms=3000)
    view = (await scene.slack.get("/_state"))["views"][NADIA][-1]
    assert (view["id"], "odd outbound traffic" in str(view)) == (opened["view_id"], True)
    assert not await scene.changes(vm["id"])
    closed = await scene.submit("nadia", view["id"])
    assert closed["closed"], closed
    await scene.wait_for_change(vm["id"], "/deallocate")


async def test_no_name_at_all_opens_a_form_and_help_says_how_to_type_it(scene: Scene) -> None:
    seq = await scene.slack.last_seq()
    opened = await scene.command("nadia", "/vm-lockdown", wait_view_ms=3000)
    await scene.slack.post("/_act/close", user="nadia", view_id=opened["view_id"])
    await scene.command("nadia", "/vm-lockdown help")
    await scene.told(
        NADIA,
        "/vm-lockdown VM [profile=NAME] [--yes] [--dry-run] [drill] [REASON]",
        "e.g.",
        "/vm-lockdown web-02 odd traffic",
        since=seq,
    )


async def test_vm_help_lists_the_commands_and_what_each_person_may_do(scene: Scene) -> None:
    seq = await scene.slack.last_seq()
    await scene.command("nadia", "/vm-help")
    told = await scene.told(NADIA, "/vm-lockdown VM", "/vm-restore VM", "/vm-help", since=seq)
    assert "You can't use this" not in str(told["blocks"])
    await scene.command("sam", "/vm-help")
    told = await scene.told(
        SAM, "You can't use this: Only on-call can lock down a VM. Ask <!subteam^", since=seq
    )
    assert "You can use this." in str(told["blocks"]), "the list itself is for everybody"


async def test_help_about_a_command_is_no_attempt_to_use_it(scene: Scene) -> None:
    seq = await scene.slack.last_seq()
    await scene.command("sam", "/vm-lockdown help")
    await scene.told(
        SAM,
        "Usage: `/vm-lockdown VM [profile=NAME] [--yes] [--dry-run] [drill] [REASON]`, e.g.",
        "You can't use this",
        since=seq,
    )
    refused = [one["details"].get("wanted") for one in await scene.audit("lockdown.refused")]
    assert "/vm-lockdown help" not in refused


async def test_a_stranger_is_refused_in_private_and_it_is_in_the_audit(
    scene: Scene, known: list[Entry]
) -> None:
    vm = known.pop()
    seq = await scene.slack.last_seq()
    await scene.command("sam", f"/vm-lockdown {vm['name']} just because")
    await scene.told(SAM, "Only on-call can", since=seq)
    await scene.quiet()
    posted = [e for e in await scene.slack.record(seq, "posted") if vm["name"] in e["text"]]
    assert not posted, "nobody else hears of it"
    assert not await scene.changes(vm["id"])
    # The command itself refuses, as it was typed; the use case behind it would name the VM's id.
    refused = [r for r in await scene.audit("lockdown.refused") if vm["name"] in r["details"]["wanted"]]
    assert [(r["by"], r["details"]["wanted"]) for r in refused] == [
        (f"sam ({SAM})", f"/vm-lockdown {vm['name']} just because")
    ]


async def test_the_owner_of_a_vm_is_not_on_call_for_it(scene: Scene, known: list[Entry]) -> None:
    vm = known.pop()
    seq = await scene.slack.last_seq()
    await scene.command("olivia", f"/vm-lockdown {vm['id']}")
    await scene.told("U0OLIVIA01", "Only on-call can", since=seq)
    assert not await scene.changes(vm["id"])


async def test_a_contained_vm_is_not_contained_twice(scene: Scene, known: list[Entry]) -> None:
    vm = known.pop()
    seq = await scene.slack.last_seq()
    await scene.command("nadia", f"/vm-lockdown {vm['id']} --yes first")
    await scene.until_contained(await scene.oncall_card(vm["name"], seq))
    done = len(await scene.changes(vm["id"]))
    seq = await scene.slack.last_seq()
    await scene.command("nadia", f"/vm-lockdown {vm['id']} --yes second")
    await scene.told(NADIA, "is already contained", "No new action was started", since=seq)
    await scene.quiet()
    assert len(await scene.changes(vm["id"])) == done
    assert not [e for e in await scene.root_posts(vm["name"], seq) if e["channel"] == ONCALL]
    await scene.audited("lockdown.ordered", vm["id"])
    await scene.audited("lockdown.joined", vm["id"])


async def test_a_dry_run_shows_the_fresh_plan_in_a_dialog_and_changes_nothing(scene: Scene) -> None:
    asked = await scene.ask()
    seq = await scene.slack.last_seq()
    await scene.command("nadia", f"/vm-lockdown {asked.start.vm_id} --dry-run only looking")
    shown = await scene.slack.wait_for(
        "the workers' answer in the dialog",
        lambda e: e["kind"] == "view" and e["what"] == "updated" and "1. Isolate" in str(e["view"]["blocks"]),
        since=seq,
    )
    said = "\n".join(texts(shown["view"]["blocks"]))
    assert shown["user"] == NADIA
    assert "Dry run: nothing is changed" in said
    assert "isolate 1 NIC with startgate-lockdown-standard-" in said
    assert "Based on the VM's state" in said
    assert await scene.changes(asked.start.vm_id) == []
    await scene.audited("lookup.asked", asked.start.vm_id)
