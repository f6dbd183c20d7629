"""A step that Azure accepts and then fails is tried again, after longer and longer pauses.

Giving up takes more than two minutes. What is looked at here began with the session.
"""

from tests.scenario.conftest import DOOMED, SHAKY
from tests.scenario.scene import Asked, Scene


async def test_a_step_that_fails_once_is_tried_again(scene: Scene, started: dict[str, Asked]) -> None:
    shaky = started[SHAKY]
    await scene.until_contained(shaky.dm)
    stops = [e for e in await scene.changes(shaky.start.vm_id) if e["path"].endswith("/deallocate")]
    assert len(stops) == 2
    await scene.audited("step.retry", shaky.start.vm_id)


async def test_a_stop_that_fails_every_time_is_never_called_contained(
    scene: Scene, started: dict[str, Asked]
) -> None:
    doomed = started[DOOMED]
    # Three attempts at least: two pauses lie behind it.
    seq = doomed.azure_seq
    for _ in range(3):
        seq = (await scene.wait_for_change(doomed.start.vm_id, "/deallocate", seq))["seq"]
    await scene.slack.wait_for(
        "the reason in the thread",
        lambda e: (
            e["kind"] == "updated"
            and e["channel"] == doomed.dm.channel
            and "Deallocation failed" in str(e["blocks"])
        ),
        since=doomed.start.seq,
    )
    assert not [
        e
        for e in await scene.slack.record(doomed.start.seq)
        if e["kind"] in ("posted", "updated") and "CONTAINED" in e["text"] and doomed.vm in e["text"]
    ]
    vm = await scene.vm_now(doomed.start.vm_id)
    assert "startgate-lockdown" in vm["nics"][0]["nsg"], "isolated all the while"
    await scene.audited("containment.contained", doomed.start.vm_id, count=0)
