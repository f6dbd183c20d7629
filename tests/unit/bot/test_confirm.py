"""The button Confirm: at once at low risk, with a reason at high risk, whatever the card showed."""

from typing import Any

import pytest

from bot.answers.deciding.confirm import Confirm
from bot.requests import Clicked, Submitted
from bot.services import Services
from deploy.sandbox.slack.blockkit import check_view
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.commands.test_nearest import Dialogs
from tests.unit.bot.services_rig import services_of
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.errors import NotAllowed
from workers.domain.ids import partition_of_id
from workers.domain.ports.store import Commit
from workers.domain.starts.risk import Level, Risk

STRANGER = a.actor(slack_user="U0SAM0001", name="Sam", email="sam@contoso.com")


@pytest.fixture
def made(rig: Rig) -> Services:
    return services_of(rig, None)


async def asked(rig: Rig, level: Level) -> Approval:
    approval = await rig.asked()
    risky = approval.changed(risk=Risk(level=level))
    await rig.store.commit(Commit(partition=partition_of_id(risky.id), documents=(risky,)))
    return risky


async def press(made: Services, approval: Approval, actor: Any) -> list[Any]:
    dialogs = Dialogs()
    clicked = Clicked(actor=actor, value=f"{approval.id}:1", open_dialog=dialogs.open)
    await Confirm(made).pressed(clicked)
    return dialogs.opened


async def submit(made: Services, view: Any, reason: str, actor: Any) -> Any:
    values = {"reason": {"reason": {"value": reason}}}
    return await Confirm(made).submitted(Submitted(actor=actor, view={**view, "state": {"values": values}}))


@pytest.mark.parametrize("level", [Level.LOW, Level.MEDIUM])
async def test_at_lower_risk_one_press_is_enough(rig: Rig, made: Services, level: Level) -> None:
    approval = await asked(rig, level)
    assert await press(made, approval, a.actor()) == []
    assert (await rig.store.approval(approval.id)).state is ApprovalState.CONFIRMED


async def test_at_high_risk_a_dialog_asks_why_and_only_its_reason_confirms(rig: Rig, made: Services) -> None:
    approval = await asked(rig, Level.HIGH)
    (view,) = await press(made, approval, a.actor())
    assert check_view(view, "modal") == []
    assert (await rig.store.approval(approval.id)).open
    assert (await submit(made, view, "a planned test", a.actor())).view is None
    decision = (await rig.store.approval(approval.id)).decision
    assert decision is not None
    assert (decision.reason, decision.via) == ("a planned test", "dialog")


async def test_who_may_not_confirm_sees_no_dialog_and_can_not_submit_one(rig: Rig, made: Services) -> None:
    approval = await asked(rig, Level.HIGH)
    with pytest.raises(NotAllowed):
        await press(made, approval, STRANGER)
    (view,) = await press(made, approval, a.actor())
    with pytest.raises(NotAllowed):
        await submit(made, view, "mine", STRANGER)
    assert (await rig.store.approval(approval.id)).open


async def test_who_submits_too_late_is_told_who_was_first(rig: Rig, made: Services) -> None:
    approval = await asked(rig, Level.HIGH)
    (view,) = await press(made, approval, a.actor())
    await submit(made, view, "a planned test", a.actor())
    outcome = await submit(made, view, "mine too", a.oncall())
    assert "Confirmed by" in str(outcome.view)
