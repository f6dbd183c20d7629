"""The bus cuts connections, and Redis goes and comes back: no question and no answer is lost."""

from tests.scenario.scene import APPROVALS, CONFIRM, Scene, eventually


async def test_after_every_connection_to_the_bus_was_cut_a_start_gets_its_card(scene: Scene) -> None:
    await scene.bus.put("/_faults", {"drop_connections": True})
    asked = await scene.ask()
    await scene.quiet()
    assert len(await scene.root_posts(asked.vm, asked.start.seq)) == 2
    await scene.audited("approval.opened", asked.start.vm_id)


async def test_connections_cut_in_the_middle_of_a_containment_do_not_stop_it(scene: Scene) -> None:
    asked = await scene.ask()
    await scene.reject("olivia", asked.dm, "not mine")
    await scene.wait_for_change(asked.start.vm_id, "/deallocate", asked.azure_seq)
    await scene.bus.put("/_faults", {"drop_connections": True})
    await scene.until_contained(asked.dm)
    stops = [e for e in await scene.changes(asked.start.vm_id) if e["path"].endswith("/deallocate")]
    assert len(stops) == 1


async def test_a_nudge_whose_acknowledgement_was_lost_does_no_harm(scene: Scene) -> None:
    asked = await scene.ask("colin")
    await scene.bus.put("/_faults", {"drop_after_send": 1})
    await scene.click("olivia", asked.dm, CONFIRM)
    await scene.until_shown(asked.channel, "the answer", "Confirmed by *olivia*")
    await scene.told("U0OLIVIA01", "No action will be taken", since=asked.start.seq)
    await scene.audited("approval.confirmed", asked.start.vm_id)


async def test_a_question_survives_a_restart_of_redis(scene: Scene) -> None:
    valkey = scene.system.processes["valkey"]
    asked = await scene.ask()
    # Written to disk every second: the question itself has to be older than that.
    await eventually("the store to be on disk", lambda: _on_disk(scene, asked.start.correlation_id))
    await valkey.kill()
    while_away = await scene.press_start(await scene.new_vm())
    await scene.bus.wait_for(
        "the event to be put off",
        lambda e: e["kind"] == "scheduled" and e["queue"] == "starts",
        since=while_away.bus_seq,
    )
    assert not await scene.root_posts(while_away.vm, while_away.seq)
    await valkey.start()
    await scene.copies(while_away, 2)
    await scene.click("olivia", asked.dm, CONFIRM)
    await scene.until_shown(asked.channel, "the answer", "Confirmed by *olivia*")
    posts = await scene.root_posts(asked.vm, asked.start.seq)
    assert [post["channel"] for post in posts].count(APPROVALS) == 1
    await scene.audited("approval.opened", while_away.vm_id)


async def _on_disk(scene: Scene, words: str) -> bool:
    assert scene.system.directory is not None
    files = (scene.system.directory / "valkey" / "appendonlydir").glob("*.aof")
    return any(words.encode() in path.read_bytes() for path in files)
