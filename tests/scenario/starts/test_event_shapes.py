"""Every shape in which Azure tells of a start, through the real queue: one card each."""

import pytest

from tests.scenario.scene import Scene, grid_event, texts

SHAPES = [
    pytest.param({"schema": "eventgrid"}, id="event grid schema"),
    pytest.param({"schema": "eventgrid", "array": True}, id="event grid schema in an array"),
    pytest.param({"schema": "cloudevents"}, id="cloud event"),
    pytest.param({"schema": "cloudevents", "array": True}, id="cloud event in an array"),
    pytest.param({"schema": "activitylog"}, id="three activity log records of one start"),
    pytest.param({"schema": "diagnostic"}, id="diagnostic records of one start"),
    pytest.param({"schema": "alert"}, id="common alert schema"),
]


@pytest.mark.parametrize("how", SHAPES)
async def test_every_shape_of_a_start_gives_one_card(scene: Scene, how: dict[str, object]) -> None:
    asked = await scene.ask("intruder", how=how)
    await scene.quiet()
    assert len(await scene.root_posts(asked.vm, asked.start.seq)) == 2, "the owner's copy and the channel's"
    shown = await scene.shown(asked.dm)
    for word in ("Mallory Guest", "(user, mallory@elsewhere.example)", "192.0.2.66", "Azure PowerShell"):
        assert word in shown


async def test_a_cloud_event_in_binary_mode_gives_a_card(scene: Scene) -> None:
    vm = await scene.new_vm()
    seq, event = await scene.slack.last_seq(), grid_event(vm["id"])
    attributes = {
        "specversion": "1.0",
        "type": event["eventType"],
        "source": vm["id"].partition("/resourceGroups/")[0],
        "id": event["id"],
        "time": event["eventTime"],
        "subject": event["subject"],
    }
    await scene.send(event["data"], properties={f"cloudEvents:{k}": v for k, v in attributes.items()})
    await scene.slack.wait_for(
        "the card", lambda e: e["kind"] == "posted" and vm["name"] in e["text"], since=seq
    )
    (record,) = await scene.audited("approval.opened", vm["id"])
    assert record["details"]["shape"] == "cloudevents"


async def test_a_token_used_elsewhere_than_it_was_signed_in_for_is_a_warning_on_the_card(
    scene: Scene,
) -> None:
    vm = await scene.new_vm()
    seq = await scene.slack.last_seq()
    claims = {"name": "Olivia Owner", "upn": "olivia@contoso.example", "ipaddr": "198.51.100.21"}
    await scene.send(grid_event(vm["id"], claims=claims, httpRequest={"clientIpAddress": "192.0.2.66"}))
    card = await scene.slack.wait_for(
        "the card", lambda e: e["kind"] == "posted" and vm["name"] in e["text"], since=seq
    )
    shown = "\n".join(texts(card["blocks"]))
    assert "`192.0.2.66`" in shown
    assert "*Signed in from another address:* `198.51.100.21`" in shown


@pytest.mark.parametrize("schema", ["eventgrid", "cloudevents", "diagnostic"])
async def test_shapes_with_evidence_show_the_right_that_allowed_the_start(scene: Scene, schema: str) -> None:
    asked = await scene.ask("olivia", how={"schema": schema})
    shown = await scene.shown(asked.dm)
    assert "Virtual Machine Contributor" in shown
    assert "resource group" in shown


async def test_a_start_told_in_three_shapes_is_asked_about_once(scene: Scene) -> None:
    asked = await scene.ask("intruder", how={"schema": "activitylog"})
    for schema in ("eventgrid", "alert"):
        await scene.start_vm(
            asked.start.vm_id, "intruder", schema=schema, correlation_id=asked.start.correlation_id
        )
    await scene.quiet()
    assert len(await scene.root_posts(asked.vm, asked.start.seq)) == 2


async def test_two_starts_of_one_vm_are_one_question_that_shows_both(scene: Scene) -> None:
    asked = await scene.ask("olivia")
    again = await scene.start_vm(asked.start.vm_id, "intruder")
    assert again.correlation_id != asked.start.correlation_id
    for copy in asked.copies:
        await scene.until_shown(copy, "the second start", "*Started 1 time since*")
    assert len(await scene.root_posts(asked.vm, asked.start.seq)) == 2


@pytest.mark.parametrize(
    "operation",
    [
        "Microsoft.ClassicCompute/virtualMachines/start/action",
        "Microsoft.ClassicCompute.virtualMachines.start.action",
    ],
    ids=["with slashes", "with dots"],
)
async def test_a_classic_vm_is_asked_about_in_both_spellings(scene: Scene, operation: str) -> None:
    asked = await scene.ask(
        "intruder", prefix="classic", classic=True, nics=[], size="Small", how={"operation": operation}
    )
    shown = await scene.shown(asked.dm)
    assert f"classic VM `{asked.vm}`" in shown
    assert "Unknown" in shown, "the network of a classic VM is named as missing, not shown as closed"


async def test_a_start_that_failed_is_audited_and_nobody_is_asked(scene: Scene) -> None:
    vm = await scene.new_vm()
    start = await scene.press_start(vm, fail=True)
    await scene.done_with(start)
    await scene.audited("start.failed", vm["id"])
    assert not await scene.root_posts(vm["name"], start.seq)
