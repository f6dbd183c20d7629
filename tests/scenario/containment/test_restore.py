"""``/vm-restore``: on-call lets a contained VM go, after seeing what comes back; nobody else does."""

import json
from dataclasses import dataclass

from deploy.sandbox.azure.server import TOKEN
from tests.scenario.scene import NADIA, SAM, CardCopy, Entry, Scene, eventually
from workers.arm.session.pages import NETWORK_VERSION

THREE_NICS = [{"public_ip": "20.60.2.1", "open": ["443"]}, {"open": []}, {"nsg": "none"}]


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A VM that on-call has contained: how it was before, and its card."""

    vm: Entry
    before: list[str | None]
    card: CardCopy

    @property
    def name(self) -> str:
        return str(self.vm["name"])


async def contained(scene: Scene, **seed: object) -> Held:
    vm = await scene.new_vm("held", **{"power": "running", "nics": THREE_NICS, **seed})
    before = await nsgs(scene, vm["id"])
    seq = await scene.slack.last_seq()
    await scene.command("nadia", f"/vm-lockdown {vm['id']} --yes odd outbound traffic")
    card = await scene.oncall_card(vm["name"], seq)
    await scene.until_contained(card)
    return Held(vm=vm, before=before, card=card)


async def nsgs(scene: Scene, vm_id: str) -> list[str | None]:
    return [nic["nsg"] for nic in (await scene.vm_now(vm_id))["nics"]]


async def dialog(scene: Scene, held: Held, typed: str = "") -> Entry:
    """Type the command; the dialog that it opens, always."""
    opened = await scene.command("nadia", f"/vm-restore {held.name} {typed}".strip(), wait_view_ms=3000)
    assert "view_id" in opened, opened
    view: Entry = (await scene.slack.get("/_state"))["views"][NADIA][-1]
    assert view["id"] == opened["view_id"]
    return view


async def restored(scene: Scene, held: Held) -> None:
    await scene.until_shown(held.card, "Restored", "Restored", "was undone")


async def test_oncall_restores_a_vm_and_every_nic_reads_back_as_it_was(scene: Scene) -> None:
    held = await contained(scene)
    view = await dialog(scene, held, "it was the other machine")
    shown = json.dumps(view, ensure_ascii=False)
    for group in held.before:
        assert f"→ {(group or 'none').rpartition('/')[2]}" in shown
    assert "it was the other machine" in shown
    assert await nsgs(scene, held.vm["id"]) != held.before, "nothing happens before the dialog is submitted"
    assert (await scene.submit("nadia", view["id"]))["closed"]
    await restored(scene, held)
    assert await nsgs(scene, held.vm["id"]) == held.before
    assert (await scene.vm_now(held.vm["id"]))["power"] == "deallocated"
    thread = "\n".join(await scene.thread(held.card))
    assert "Restore ordered by *nadia*" in thread
    assert "it was the other machine" in thread
    assert "*Network:* 3 NICs back to" in thread
    ordered, *_ = await scene.audited("restore.ordered", held.vm["id"])
    assert (ordered["by"], ordered["details"]["via"]) == (f"nadia ({NADIA})", "dialog")
    await scene.audited("containment.restored", held.vm["id"])


async def test_a_start_that_was_asked_for_is_nobodys_question_and_the_next_one_is(scene: Scene) -> None:
    held = await contained(scene)
    seq = await scene.slack.last_seq()
    view = await dialog(scene, held, "start back to work")
    assert (await scene.submit("nadia", view["id"]))["closed"]
    await restored(scene, held)
    assert (await scene.vm_now(held.vm["id"]))["power"] == "running"

    async def noticed() -> bool:
        return bool(await scene.audit("start.expected", vm_id=held.vm["id"]))

    await eventually("our own start to be recognised", noticed)
    await scene.quiet()
    asked = [post for post in await scene.root_posts(held.name, seq) if "Was this" in json.dumps(post)]
    assert asked == []
    assert (await scene.vm_now(held.vm["id"]))["power"] == "running"
    assert await nsgs(scene, held.vm["id"]) == held.before

    start = await scene.press_start(held.vm)
    assert await scene.copies(start, 2)


async def test_a_dialog_that_shows_an_earlier_round_restores_nothing_and_is_shown_again(
    scene: Scene,
) -> None:
    held = await contained(scene)
    view = await dialog(scene, held, "it was the other machine")
    await scene.press_start(held.vm)

    async def held_again() -> bool:
        return len(await scene.audit("containment.contained", vm_id=held.vm["id"])) == 2

    await eventually("the second round to end", held_again)
    assert not (await scene.submit("nadia", view["id"]))["closed"]
    view = (await scene.slack.get("/_state"))["views"][NADIA][-1]
    shown = json.dumps(view, ensure_ascii=False)
    assert "*Nothing was restored.* The VM was contained anew" in shown
    assert "it was the other machine" in shown
    assert await nsgs(scene, held.vm["id"]) != held.before
    await scene.audited("restore.ordered", held.vm["id"], count=0)
    assert (await scene.submit("nadia", view["id"]))["closed"]
    await restored(scene, held)
    assert await nsgs(scene, held.vm["id"]) == held.before


async def test_what_somebody_changed_since_is_named_and_left_and_the_vm_is_let_go(scene: Scene) -> None:
    held = await contained(scene)
    first, *_ = (await scene.vm_now(held.vm["id"]))["nics"]
    await scene.azure.put("/_nic", {"nic": first["id"], "nsg": None})
    view = await dialog(scene, held, "start please")
    assert (await scene.submit("nadia", view["id"]))["closed"]
    await restored(scene, held)
    changed = f"`{first['name']}` has none now: somebody changed it since"

    async def told() -> bool:
        return changed in "\n".join(await scene.thread(held.card))

    await eventually("the thread to name what was changed", told)
    assert await nsgs(scene, held.vm["id"]) == [None, *held.before[1:]]
    assert (await scene.vm_now(held.vm["id"]))["power"] == "running"


async def test_where_the_former_nsg_was_deleted_oncall_is_called_and_chooses_another(scene: Scene) -> None:
    held = await contained(scene)
    former, kept, _none = held.before
    gone = str(former)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = f"{scene.azure.url}{gone}?api-version={NETWORK_VERSION}"
    async with scene.azure._session.delete(url, headers=headers) as deleted:
        assert deleted.status in (200, 202, 204), await deleted.text()
    view = await dialog(scene, held, "false alarm")
    assert "instead" not in json.dumps(view), "nobody knows yet"
    assert (await scene.submit("nadia", view["id"]))["closed"]
    await scene.until_shown(held.card, "the restore's end", "Restore incomplete")
    called = await scene.slack.wait_for(
        "on-call to be called",
        lambda e: (
            e["kind"] == "posted" and e["thread_ts"] == held.card.ts and "Restore incomplete" in e["text"]
        ),
    )
    words = json.dumps(called["blocks"], ensure_ascii=False)
    assert "<!subteam^" in words
    assert f"`{gone.rpartition('/')[2]}`, which was deleted since" in words
    assert "choose what to put there instead" in words

    again = await dialog(scene, held, "the other one will do")
    (menu,) = [block for block in again["blocks"] if str(block.get("block_id")).startswith("instead.")]
    name = str(kept).rpartition("/")[2]
    option = next(one for one in menu["element"]["options"] if one["text"]["text"] == name)
    submitted = await scene.submit("nadia", again["id"], **{menu["block_id"]: option["value"]})
    assert submitted["closed"], submitted
    await restored(scene, held)
    assert await nsgs(scene, held.vm["id"]) == [kept, kept, None]
    ordered = await scene.audit("restore.ordered", vm_id=held.vm["id"])
    assert list(ordered[-1]["details"]["chosen"].values()) == [kept]


async def test_part_of_a_name_is_asked_about_among_contained_vms_only(scene: Scene) -> None:
    held = await contained(scene)
    await scene.new_vm("held", name=f"{held.name}-free", power="running")
    opened = await scene.command("nadia", f"/vm-restore {held.name[:-1]} start early", wait_view_ms=3000)
    view = (await scene.slack.get("/_state"))["views"][NADIA][-1]
    assert opened["view_id"] == view["id"], "only one fits, so it is not asked which"
    assert held.name in json.dumps(view)
    assert "early" in json.dumps(view)
    assert (await scene.submit("nadia", view["id"]))["closed"]
    await restored(scene, held)
    assert (await scene.vm_now(held.vm["id"]))["power"] == "running"


async def test_a_stranger_is_refused_in_private_and_it_is_in_the_audit(scene: Scene) -> None:
    held = await contained(scene)
    seq = await scene.slack.last_seq()
    opened = await scene.command("sam", f"/vm-restore {held.name} start mine")
    assert "view_id" not in opened
    await scene.told(SAM, "Only on-call can restore", since=seq)
    refused = [r for r in await scene.audit("restore.refused") if held.name in r["details"]["wanted"]]
    assert [(r["by"], r["details"]["wanted"]) for r in refused] == [
        (f"sam ({SAM})", f"/vm-restore {held.name} start mine")
    ]
    assert await nsgs(scene, held.vm["id"]) != held.before


async def test_a_vm_that_is_not_contained_is_said_not_to_be(scene: Scene) -> None:
    vm = await scene.new_vm("free")
    seq = await scene.slack.last_seq()
    await scene.command("nadia", f"/vm-restore {vm['id']}")
    await scene.told(NADIA, "is not contained", vm["name"], since=seq)
    await scene.command("nadia", "/vm-restore no-such-machine")
    await scene.told(NADIA, "No contained VM matches", "no-such-machine", since=seq)
    await scene.command("nadia", "/vm-restore help")
    await scene.told(NADIA, "/vm-restore VM [start] [--yes] [--dry-run] [REASON]", since=seq)


async def test_a_dry_run_of_a_restore_shows_what_somebody_changed_since_and_changes_nothing(
    scene: Scene,
) -> None:
    held = await contained(scene)
    await scene.azure.post("/_vm/power", vm=held.name, power="running")
    seq, azure_seq = await scene.slack.last_seq(), await scene.azure.last_seq()
    view = await dialog(scene, held, "--dry-run")
    assert view.get("submit") is None
    answered = await scene.slack.wait_for(
        "the workers' answer in the dialog",
        lambda e: e["kind"] == "view" and e["what"] == "updated" and held.name in str(e["view"]["blocks"]),
        since=seq,
    )
    shown = json.dumps(answered["view"], ensure_ascii=False)
    assert "Dry run: nothing is changed" in shown
    assert "Read in Azure" in shown
    assert await scene.changes(held.vm["id"], azure_seq) == []
