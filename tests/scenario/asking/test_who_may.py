"""Who may confirm, who may reject, and what a refusal leaves behind."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.scenario.scene import COLIN, CONFIRM, NADIA, REJECT, SAM, Asked, Scene


async def _refused(scene: Scene, asked: Asked, person: str, answer: str, words: str) -> None:
    """Told so in private, audited, and the question is still open."""
    await scene.told(person, words, since=asked.start.seq)
    await scene.quiet()
    assert CONFIRM in await scene.shown(asked.channel)
    refusals = await scene.audit("decision.refused", vm_id=asked.start.vm_id)
    assert [(person in r["by"], r["details"]["answer"]) for r in refusals][-1] == (True, answer)
    assert not await scene.changes(asked.start.vm_id)


async def test_a_colleague_may_not_confirm_somebody_elses_vm(scene: Scene) -> None:
    asked = await scene.ask("intruder")
    await scene.click("colin", asked.channel, CONFIRM)
    await _refused(scene, asked, COLIN, "confirm", "Only the VM's owner or on-call can confirm")


async def test_a_colleague_may_not_reject_somebody_elses_vm(scene: Scene) -> None:
    asked = await scene.ask("intruder")
    opened = await scene.click("sam", asked.channel, REJECT)
    assert "view_id" not in opened, "no dialog opens for somebody who may not"
    await _refused(scene, asked, SAM, "reject", "Only the VM's owner or on-call can reject")


async def test_whoever_started_it_may_not_confirm_it(scene: Scene) -> None:
    asked = await scene.ask("colin")
    await scene.click("colin", asked.channel, CONFIRM)
    await _refused(scene, asked, COLIN, "confirm", "Only the VM's owner or on-call can confirm")


async def test_whoever_started_it_may_take_it_back(scene: Scene) -> None:
    asked = await scene.ask("colin")
    answer = await scene.reject("colin", asked.channel, "I started the wrong one")
    assert answer["closed"], answer
    await scene.until_shown(asked.dm, "his answer", "Rejected by *colin*")
    record, *_ = await scene.audited("approval.rejected", asked.start.vm_id)
    assert COLIN in record["by"]
    assert record["details"]["owner"] is False


async def test_an_owner_who_started_it_may_confirm_it(scene: Scene) -> None:
    asked = await scene.ask("olivia")
    await scene.click("olivia", asked.dm, CONFIRM)
    await scene.until_shown(asked.dm, "her answer", "Confirmed by *olivia*")


@pytest.mark.parametrize("answer", ["confirm", "reject"])
async def test_oncall_may_do_both(scene: Scene, answer: str) -> None:
    asked = await scene.ask("intruder")
    if answer == "confirm":
        await scene.click("nadia", asked.channel, CONFIRM)
        await scene.until_shown(asked.dm, "on-call's answer", "Confirmed by *nadia*")
    else:
        await scene.reject("nadia", asked.channel, "looks stolen")
        await scene.until_shown(asked.dm, "on-call's answer", "Rejected by *nadia*")
    kind = {"confirm": "approval.confirmed", "reject": "approval.rejected"}[answer]
    record, *_ = await scene.audited(kind, asked.start.vm_id)
    assert record["details"]["on_call"] is True


async def test_a_click_with_somebody_elses_buttons_value_is_judged_by_that_vm(scene: Scene) -> None:
    """The button carries an id only; what may be done with it is asked anew at every click."""
    mine, theirs = await scene.ask(tags={"owner": "colin@contoso.example"}), await scene.ask()
    await scene.click("colin", theirs.channel, CONFIRM)
    await _refused(scene, theirs, COLIN, "confirm", "Only the VM's owner")
    await scene.click("colin", mine.channel, CONFIRM)
    await scene.until_shown(mine.dm, "colin's answer", "Confirmed by *colin*")


@pytest_asyncio.fixture(loop_scope="session")
async def group_unreadable(scene: Scene) -> AsyncIterator[Scene]:
    """A bot that has never read the user group, and can't: the workspace's plan has none."""
    bot = scene.system.processes["bot"]
    await bot.stop()
    await scene.slack.put("/_limits", {"usergroups_plan": False})
    await bot.start()
    yield scene


async def test_while_the_user_group_cant_be_read_nobody_is_on_call(group_unreadable: Scene) -> None:
    scene = group_unreadable
    asked = await scene.ask("intruder")
    await scene.click("nadia", asked.channel, CONFIRM)
    await _refused(scene, asked, NADIA, "confirm", "did not say who is on call")
    await scene.command("nadia", f"/vm-lockdown {asked.start.vm_id} --yes")
    await scene.told(NADIA, "Only on-call can", since=asked.start.seq)
    await scene.click("olivia", asked.dm, CONFIRM)
    await scene.until_shown(asked.dm, "the owner's answer, which needs no group", "Confirmed by *olivia*")
    await scene.slack.put("/_limits", {"usergroups_plan": True})
    again = await scene.ask("intruder")
    await scene.click("nadia", again.channel, CONFIRM)
    await scene.until_shown(again.dm, "on-call's answer once it can be read", "Confirmed by *nadia*")
