"""An owner who is not to be disturbed: at low risk they are asked when that ends, at high risk at once."""

import time

from tests.scenario.scene import APPROVALS, OWNER_TAG, Scene, texts


async def test_at_low_risk_the_owner_is_asked_when_they_may_be_disturbed_again(scene: Scene) -> None:
    now = int(time.time())
    await scene.slack.post("/_people", key="colin", dnd_start=now - 60, dnd_end=now + 8)
    vm = await scene.new_vm(tags={"owner": "colin@contoso.example"}, nics=[{"open": []}])
    start = await scene.press_start(vm, "colin")

    card = await scene.card(start)
    assert card.channel == APPROVALS, "nobody is disturbed there"
    assert int(time.time()) < now + 8
    shown = "\n".join(texts((await scene.message(card))["blocks"]))
    assert "The risk is low and it is quiet hours: the owner gets a message <!date^" in shown
    (hushed,) = await scene.audited("approval.hushed", start.vm_id)
    assert hushed["details"]["whom"] == []

    copies = await scene.copies(start, 2, within_s=30)
    assert copies[1].channel.startswith("D")
    assert copies[1].at_ms / 1000 >= now + 8
    await scene.quiet()
    (asked,) = await scene.audited("approval.asked", start.vm_id)
    assert asked["details"]["whom"] == ["U0COLIN002"]
    await scene.slack.post("/_people", key="colin", dnd_start=0, dnd_end=0)


async def test_at_high_risk_they_are_asked_at_once(scene: Scene) -> None:
    now = int(time.time())
    await scene.slack.post("/_people", key="olivia", dnd_start=now - 60, dnd_end=now + 600)
    try:
        asked = await scene.ask(tags=OWNER_TAG)
        assert asked.dm.channel.startswith("D")
        assert not await scene.audit("approval.hushed", vm_id=asked.start.vm_id)
    finally:
        await scene.slack.post("/_people", key="olivia", dnd_start=0, dnd_end=0)
