"""An owner who is not to be disturbed: at low risk they are asked when that ends, at high risk at once."""

import time

from tests.scenario.scene import APPROVALS, Scene, texts

QUIET_S = 12
"""Long enough for a start to be told of, judged and shown meanwhile, on a machine that does other things."""


async def test_at_low_risk_the_owner_is_asked_when_they_may_be_disturbed_again(scene: Scene) -> None:
    owner = await scene.newcomer()
    vm = await scene.new_vm(tags=owner.tags, nics=[{"open": []}])
    ends = int(time.time()) + QUIET_S
    await scene.slack.post("/_people", key=owner.key, dnd_start=ends - 600, dnd_end=ends)
    start = await scene.press_start(vm, owner.key)

    card = await scene.card(start)
    assert card.channel == APPROVALS, "nobody is disturbed there"
    first = (await scene.root_posts(vm["name"], start.seq))[0]
    shown = "\n".join(texts(first["blocks"]))
    assert "The risk is low and it is quiet hours: the owner gets a message <!date^" in shown
    (hushed,) = await scene.audited("approval.hushed", start.vm_id)
    assert hushed["details"]["whom"] == []

    copies = await scene.copies(start, 2)
    assert copies[1].channel.startswith("D")
    assert copies[1].at_ms / 1000 >= ends
    await scene.quiet()
    (asked,) = await scene.audited("approval.asked", start.vm_id)
    assert asked["details"]["whom"] == [owner.id]


async def test_at_high_risk_they_are_asked_at_once(scene: Scene) -> None:
    owner, now = await scene.newcomer(), int(time.time())
    await scene.slack.post("/_people", key=owner.key, dnd_start=now - 60, dnd_end=now + 600)
    asked = await scene.ask(tags=owner.tags)
    assert asked.dm.channel.startswith("D")
    assert not await scene.audit("approval.hushed", vm_id=asked.start.vm_id)
