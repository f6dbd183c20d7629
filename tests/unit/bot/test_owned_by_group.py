"""A user group owns the VM: its members may do what an owner named by address may, and nobody else."""

import asyncio
from typing import Any

import pytest

from bot.commands.reading.status import StatusListener
from bot.requests import Typed
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.services_rig import services_of
from workers.domain.errors import NotAllowed
from workers.domain.ids import partition_of_id
from workers.domain.ports.groups import NoGroups
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Actor, Owner
from workers.use_cases.asking.pass_on import PassOn
from workers.use_cases.orders.expect import ExpectStarts

TEAM = "S0WEBTEAM1"
MEMBER = a.actor(slack_user="U0MEMBER1", name="Mia", email="mia@contoso.com")
STRANGER = a.actor(slack_user="U0STRANGE", name="Stan", email="stan@contoso.com")
BOB = a.actor(slack_user="U0BOB0001", name="Bob", email="bob@contoso.com")


class Members:
    """Knows one of the group, and how fresh that had to be."""

    def __init__(self) -> None:
        self.fresh: list[bool] = []

    async def of(self, actor: Actor, *owners: Owner, now: bool = False) -> Actor:
        await asyncio.sleep(0)
        self.fresh.append(now)
        named = tuple(group for owner in owners for group in owner.groups)
        return actor.changed(groups=named) if actor.slack_user == MEMBER.slack_user else actor


async def test_a_member_passes_its_question_on_by_what_slack_says_now(rig: Rig) -> None:
    approval, members = await rig.asked(), Members()
    owner = a.owner(emails=(), usergroups=(TEAM,), source="tag owner")
    await rig.store.commit(
        Commit(partition=partition_of_id(approval.id), documents=(approval.changed(owner=owner),))
    )
    ports: dict[str, Any] = {
        "store": rig.store,
        "nudger": rig.nudger,
        "clock": rig.clock,
        "policy": lambda: rig.policy,
    }
    pass_on = PassOn(groups=members, **ports)
    with pytest.raises(NotAllowed, match="Only whom this asks"):
        await pass_on(approval.id, STRANGER, BOB)
    with pytest.raises(NotAllowed, match=TEAM):  # and why it is not known
        await PassOn(groups=NoGroups(), **ports)(approval.id, MEMBER, BOB)
    assert (await pass_on(approval.id, MEMBER, BOB)).passed[-1].to == BOB
    assert members.fresh == [True, True]


async def test_a_member_expects_its_starts(rig: Rig) -> None:
    line = a.known_vm(tags={"owner": TEAM})
    expecting = ExpectStarts(
        store=rig.store, clock=rig.clock, policy=lambda: rig.policy, second=rig.second, groups=Members()
    )
    assert (await expecting.may(MEMBER, line, wanted="web")).groups == (TEAM, TEAM)
    with pytest.raises(NotAllowed):
        await expecting.may(STRANGER, line, wanted="web")


async def test_a_member_sees_how_it_stands(rig: Rig) -> None:
    await rig.inventory.put([a.known_vm(tags={"owner": TEAM})])
    listener = StatusListener(services_of(rig, None, groups=Members()))

    async def no_dialog(_view: object) -> str:
        raise AssertionError("one VM matches")

    for typed in ("vm-web-01", "vm-web"):
        said = await listener.typed(Typed(actor=MEMBER, text=typed, open_dialog=no_dialog))
        assert said is not None
        assert "Nothing is open" in str(said.blocks)
    with pytest.raises(NotAllowed):
        await listener.typed(Typed(actor=STRANGER, text="vm-web-01", open_dialog=no_dialog))
