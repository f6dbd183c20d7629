"""The button Evidence: what is on record, for the VM's owner and on-call only."""

import pytest

from bot.answers.evidence import EvidenceClick
from bot.requests import Clicked, View
from tests import builders as a
from tests.conftest import Rig
from tests.unit.bot.services_rig import services_of
from workers.domain.errors import NotAllowed, NotFound
from workers.domain.ids import reference
from workers.domain.starts.people import Actor

SAM = a.actor(slack_user="U0SAM00001", name="Sam", email="sam@contoso.com")


async def _none(view: View) -> None:
    raise AssertionError(view)


async def press(rig: Rig, value: str, who: Actor) -> str:
    click = EvidenceClick(services_of(rig, None))
    return (await click.pressed(Clicked(actor=who, value=value, open_dialog=_none))).says


@pytest.mark.parametrize("who", [a.actor(), a.oncall()])
async def test_owner_and_on_call_are_told_how_to_get_all_of_it(rig: Rig, who: Actor) -> None:
    rejected = await rig.rejected()
    said = await press(rig, rejected.id, who)
    assert f"`startgate evidence {reference(rejected.cards[0])}`" in said
    assert "`vm-web-01`" in said


async def test_nobody_else_is_and_the_try_is_audited(rig: Rig) -> None:
    rejected = await rig.rejected()
    with pytest.raises(NotAllowed):
        await press(rig, rejected.id, SAM)
    assert (await rig.audit())[-1].kind == "evidence.refused"
    with pytest.raises(NotFound):
        await press(rig, "nonsense", a.oncall())
