"""What can't be understood is dead-lettered with a reason, audited, and keeps nobody else waiting."""

import uuid

import pytest

from tests.scenario.scene import APPROVALS, CONFIRM, OLIVIA, Scene, grid_event, texts

VM_ID = (
    "/subscriptions/5b5a0000-0000-4000-8000-00000000000a/resourceGroups/rg-bad"
    "/providers/Microsoft.Compute/virtualMachines/never-made"
)

BAD = [
    pytest.param("this is not JSON", "NotJson", "is not JSON", id="not JSON"),
    pytest.param("", "NotJson", "is not JSON", id="nothing at all"),
    pytest.param("[" * 5000, "NotJson", "is not JSON", id="nested without end"),
    pytest.param([], "NoEvent", "holds no event", id="an empty array"),
    pytest.param([1, 2], "NotAnEvent", "expected an event object", id="an array of numbers"),
    pytest.param({"hello": "world"}, "UnknownShape", "keys: hello", id="JSON of an unknown shape"),
    pytest.param(
        grid_event(VM_ID, operationName="Microsoft.Compute/virtualMachines/restart/action"),
        "NotAStart",
        "restart",
        id="another operation",
    ),
    pytest.param(
        grid_event(VM_ID, correlationId=None), "NoCorrelationId", "correlation id", id="no correlation id"
    ),
    pytest.param(grid_event(VM_ID, status="Perhaps"), "UnknownStatus", "Perhaps", id="unknown status"),
    pytest.param(
        grid_event(VM_ID, resourceUri=f"{VM_ID}/extensions/x"), "NotAVm", "not the resource id", id="not a VM"
    ),
    pytest.param({**grid_event(VM_ID), "eventTime": "yesterday"}, "NoTime", "yesterday", id="no time"),
    pytest.param({**grid_event(VM_ID), "data": None}, "NotAnEvent", "`data` is missing", id="no data"),
    pytest.param({"records": "none"}, "NotAnEvent", "`records` is not a list", id="records that are no list"),
    pytest.param("x" * 1_048_577, "TooLarge", "1048577 bytes", id="more than a megabyte"),
]


@pytest.mark.parametrize(("body", "reason", "words"), BAD)
async def test_what_is_no_start_event_is_dead_lettered_with_a_reason(
    scene: Scene, body: object, reason: str, words: str
) -> None:
    dead = await scene.dead_letter(await scene.send(body))
    assert dead["reason"] == reason
    assert words in dead["description"]
    assert len(dead["description"]) <= 1000


async def test_dead_letters_are_in_the_audit_and_the_next_good_event_gets_its_card(scene: Scene) -> None:
    sent = [await scene.send(body) for body in ("not JSON", {"hello": "world"})]
    asked = await scene.ask()
    assert asked.copies
    for message_id in sent:
        await scene.dead_letter(message_id)
    records = [r for r in await scene.audit("message.") if r["details"]["message_id"] in sent]
    assert {r["details"]["reason"] for r in records} == {"NotJson", "UnknownShape"}
    state = await scene.bus.get("/_state")
    held = {letter["message_id"]: letter for letter in state["starts"]["dead_letters"]}
    for message_id in sent:
        assert held[message_id]["delivery_count"] == 0, "it is not tried ten times first"
        assert held[message_id]["application_properties"]["DeadLetterErrorDescription"]


async def test_one_bad_event_in_an_array_is_put_aside_by_itself_and_the_good_one_is_asked_about(
    scene: Scene,
) -> None:
    vm = await scene.new_vm()
    seq = await scene.slack.last_seq()
    sent = await scene.send([grid_event(vm["id"]), grid_event(vm["id"], correlationId=None)])
    dead = await scene.bus.wait_for(
        "the bad one among the dead letters",
        lambda e: e["kind"] == "dead-lettered" and e["message_id"].startswith(f"{sent}~"),
    )
    assert dead["reason"] == "NoCorrelationId"
    await scene.slack.wait_for(
        "the card of the good one", lambda e: e["kind"] == "posted" and vm["name"] in e["text"], since=seq
    )
    await scene.quiet()
    assert sent not in str((await scene.bus.get("/_state"))["starts"]["messages"])


async def test_starts_among_other_records_of_an_export_are_asked_about(scene: Scene) -> None:
    vm = await scene.new_vm()
    seq = await scene.slack.last_seq()
    other = grid_event(vm["id"], operationName="Microsoft.Compute/virtualMachines/write")
    await scene.send([other, grid_event(vm["id"])])
    await scene.slack.wait_for(
        "the card", lambda e: e["kind"] == "posted" and vm["name"] in e["text"], since=seq
    )


async def test_a_start_of_a_vm_that_is_gone_is_told_as_such_and_asks_nobody(scene: Scene) -> None:
    vm_id = VM_ID.replace("never-made", f"gone-{uuid.uuid4().hex[:10]}")
    name = vm_id.rpartition("/")[2]
    seq = await scene.slack.last_seq()
    await scene.send(grid_event(vm_id))
    card = await scene.slack.wait_for(
        "the card of a VM that is gone", lambda e: e["kind"] == "posted" and name in e["text"], since=seq
    )
    assert card["channel"] == APPROVALS
    shown = "\n".join(texts(card["blocks"]))
    assert "no longer exists" in shown
    assert CONFIRM not in str(card["blocks"])
    await scene.audited("approval.withdrawn", vm_id)


async def test_a_vm_without_any_network_interface_is_contained_all_the_same(scene: Scene) -> None:
    asked = await scene.ask(nics=[])
    view = await scene.dialog("olivia", asked.dm)
    plan = await scene.every_step("olivia", OLIVIA, view["id"])
    assert "no network interface" in "\n".join(texts(plan["blocks"]))
    await scene.submit("olivia", view["id"], reason="not mine")
    await scene.until_contained(asked.dm)
    await scene.quiet()
    thread = "\n".join(await scene.thread(asked.dm)).lower()
    assert "no network interface" in thread
    changes = [e["path"].rpartition("/")[2] for e in await scene.changes(asked.start.vm_id)]
    assert changes == ["deallocate"]


async def test_a_vm_deleted_after_the_question_ends_incomplete_with_the_reason(scene: Scene) -> None:
    asked = await scene.ask()
    async with scene.azure._session.delete(
        f"{scene.azure.url}/_vm", json={"vm": asked.start.vm_id}
    ) as answer:
        assert answer.status == 200
    await scene.reject("olivia", asked.dm, "not mine")
    await scene.until_shown(asked.dm, "how it ended", "Containment incomplete")
    await scene.quiet()
    assert "no longer exists" in "\n".join(await scene.thread(asked.dm))
