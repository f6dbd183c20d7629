"""Confirming takes two persons: the first press asks for a second one, who sees who asked."""

import pytest
import pytest_asyncio

from deploy.sandbox.play.figures import Figures
from deploy.sandbox.play.timeline import Timeline
from deploy.sandbox.play.two_persons import REASON, VM, two_persons_confirm
from deploy.sandbox.system import System
from tests.scenario.conftest import QUICK, Start, write_policy
from tests.scenario.scene import CONFIRM, ONCALL, ONCALL_GROUP, Asked, Scene, texts


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def by_two(own: Start, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Long enough for two people on a machine that does other things."""
    policy = write_policy(tmp_path_factory.mktemp("two"))
    text = policy.read_text(encoding="utf-8")
    policy.write_text(
        text[:-1] + ', "two_person": {"confirm": true, "expire_after": "30s"}}', encoding="utf-8"
    )
    return await own(System(policy=policy, speed=0, extra=QUICK))


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def forgotten(by_two: Scene) -> Asked:
    """A request that nobody follows up; its time runs while the other tests do."""
    asked = await by_two.ask()
    await by_two.click("olivia", asked.dm, CONFIRM)
    return asked


async def test_a_second_person_confirms_what_the_first_one_asked_for(by_two: Scene) -> None:
    asked = await by_two.ask()
    await by_two.click("olivia", asked.dm, CONFIRM)
    page = await by_two.slack.wait_for(
        "on-call to be asked for the second person",
        lambda e: (
            e["kind"] == "posted"
            and e["channel"] == ONCALL
            and ONCALL_GROUP in str(e["mentions"])
            and asked.vm in str(e["blocks"])
            and "It takes two persons" in str(e["blocks"])
        ),
        since=asked.start.seq,
    )
    assert "olivia@contoso.example" in "\n".join(texts(page["blocks"]))
    await by_two.until_shown(asked.channel, "who asked", "wants to confirm this start", "second person")

    seq = await by_two.slack.last_seq()
    await by_two.click("olivia", asked.channel, CONFIRM)
    told = await by_two.slack.wait_for(
        "the same person to be refused", lambda e: e["kind"] == "ephemeral", since=seq
    )
    assert "You asked for this confirmation yourself" in str(told["blocks"])

    await by_two.click("nadia", asked.channel, CONFIRM)
    await by_two.until_shown(asked.channel, "both", "Confirmed by *nadia*", "Asked for by *olivia*")
    (confirmed,) = await by_two.audited("approval.confirmed", asked.start.vm_id)
    assert confirmed["by"] == "nadia (U0NADIA003)"
    assert confirmed["details"]["requested_by"] == "olivia (U0OLIVIA01)"
    assert not await by_two.changes(asked.start.vm_id)


async def test_a_request_that_nobody_confirmed_expires_and_says_so(by_two: Scene, forgotten: Asked) -> None:
    asked = forgotten
    await by_two.slack.wait_for(
        "the thread to say so",
        lambda e: e["kind"] == "posted" and "Nobody else confirmed it in time" in str(e["blocks"]),
        since=asked.start.seq,
    )
    await by_two.audited("approval.request-expired", asked.start.vm_id)
    await by_two.click("nadia", asked.channel, CONFIRM)
    await by_two.until_shown(asked.channel, "that it takes two again", "*nadia*", "wants to confirm")


async def test_at_high_risk_both_say_why_and_both_are_on_record(by_two: Scene) -> None:
    await two_persons_confirm(by_two, Timeline("two persons", quiet=True), Figures())
    records = [one for one in await by_two.audit() if one["vm"].lower().endswith(f"/{VM}")]
    (asked,) = [one for one in records if one["kind"] == "approval.confirm-requested"]
    (confirmed,) = [one for one in records if one["kind"] == "approval.confirmed"]
    assert (asked["by"], asked["details"]["reason"]) == ("olivia (U0OLIVIA01)", REASON)
    assert confirmed["by"] == "nadia (U0NADIA003)"
    assert confirmed["details"]["reason"] not in ("", REASON)
