"""A mistyped name is answered with the nearest ones as buttons; pressing one changes nothing by itself."""

from typing import Any

import pytest

from bot.commands.lockdown import LockdownListener
from bot.commands.nearest import nearest_buttons, pressed_any
from bot.commands.restore import RestoreListener
from bot.requests import Clicked, Typed, View
from bot.services import Services
from deploy.sandbox.slack.blockkit import check_blocks
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.commands.test_unreadable_store import services
from workers.domain.errors import NotAllowed
from workers.domain.ids import partition_of_vm
from workers.store.in_memory.inventory import MemoryInventory

NAMES = ("vm-web-01", "vm-web-02", "vm-db-01", "jump-01")


class Dialogs:
    """Keeps what was opened."""

    def __init__(self) -> None:
        self.opened: list[View] = []

    async def open(self, view: View) -> None:
        self.opened.append(view)


@pytest.fixture
async def made(rig: Rig) -> Services:
    inventory = MemoryInventory()
    await inventory.put([a.known_vm(ref=a.vm_ref(name=name)) for name in NAMES])
    return services(rig, inventory)


def buttons(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert check_blocks(blocks, "message") == []
    return [element for block in blocks if block["type"] == "actions" for element in block["elements"]]


async def test_a_mistyped_name_is_answered_with_the_nearest_and_changes_nothing(
    rig: Rig, made: Services
) -> None:
    dialogs = Dialogs()
    typed = Typed(actor=a.oncall(), text="vm-wbe-01 odd traffic", open_dialog=dialogs.open)
    answer = await LockdownListener(made).typed(typed)
    assert answer is not None
    offered = buttons(answer.blocks)
    assert [one["text"]["text"] for one in offered] == ["vm-web-01", "vm-db-01", "vm-web-02"]
    assert offered[0]["accessibility_label"] == "Lock down vm-web-01"
    assert offered[0]["value"] == "vm-web-01 odd traffic"
    assert len({one["action_id"] for one in offered}) == len(offered)
    assert await rig.store.standing() == []


async def test_a_name_that_is_like_none_has_no_buttons(made: Services) -> None:
    typed = Typed(actor=a.oncall(), text="something-else-entirely", open_dialog=Dialogs().open)
    answer = await LockdownListener(made).typed(typed)
    assert answer is not None
    assert buttons(answer.blocks) == []
    assert "4 VMs are known. Check the spelling" in str(answer.blocks)


async def test_picking_a_name_asks_once_more_with_the_reason_that_was_typed(rig: Rig, made: Services) -> None:
    dialogs = Dialogs()
    clicked = Clicked(actor=a.oncall(), value="vm-web-01 odd traffic", open_dialog=dialogs.open)
    assert await LockdownListener(made).picked(clicked) is None
    (view,) = dialogs.opened
    assert "vm-web-01" in str(view)
    assert "odd traffic" in str(view)
    assert await rig.store.standing() == []


async def test_who_is_not_on_call_picks_nothing_and_sees_no_vm(rig: Rig, made: Services) -> None:
    dialogs = Dialogs()
    clicked = Clicked(actor=a.actor(), value="vm-web-01", open_dialog=dialogs.open)
    for pick in (LockdownListener(made).picked, RestoreListener(made).picked):
        with pytest.raises(NotAllowed):
            await pick(clicked)
    assert dialogs.opened == []
    refused = await rig.store.audit(partition_of_vm(a.actor().slack_user))
    assert [record.kind for record in refused] == ["lockdown.refused", "restore.refused"]


async def test_a_mistyped_restore_offers_contained_vms_only(rig: Rig, made: Services) -> None:
    locked = await rig.lock_down(a.vm_ref(name="vm-web-02"), a.oncall(), a.policy().lockdown)
    await rig.until_rest(locked.containment.id)
    dialogs = Dialogs()
    typed = Typed(actor=a.oncall(), text="vm-wbe-02\u00a0start false alarm", open_dialog=dialogs.open)
    answer = await RestoreListener(made).typed(typed)
    assert answer is not None
    (offered,) = buttons(answer.blocks)
    assert offered["value"] == "vm-web-02 start false alarm"
    picked = Clicked(actor=a.oncall(), value=offered["value"], open_dialog=dialogs.open)
    assert await RestoreListener(made).picked(picked) is None
    (view,) = dialogs.opened
    assert "false alarm" in str(view)


def test_the_buttons_stay_within_slacks_limits() -> None:
    names = [f"{'n' * 63}{number}" for number in range(9)]
    blocks = nearest_buttons("lockdown.near", "Lock down", names, "x" * 5000)
    offered = buttons(blocks)
    assert len(offered) == 5
    assert all(pressed_any("lockdown.near").fullmatch(one["action_id"]) for one in offered)
