"""Lockdown and restore show what will happen and ask, unless ``--yes`` and the policy say otherwise."""

from typing import Any

import pytest

from bot.commands.lockdown import LockdownListener
from bot.commands.lockdown_words import wanted
from bot.commands.restore import RestoreListener
from bot.requests import Typed
from bot.services import Services
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.commands.test_nearest import Dialogs
from tests.unit.bot.commands.test_unreadable_store import services
from workers.domain.containment.containment import ContainmentState
from workers.domain.policy.people import OncallPolicy, WithYes

VM = a.known_vm()


def policy(*yes: WithYes) -> Any:
    return a.policy(oncall=OncallPolicy(usergroup="S0ONCALL1", yes=yes))


@pytest.fixture
async def made(rig: Rig) -> Services:
    await rig.inventory.put([VM])
    return services(rig, rig.inventory)


async def contained(rig: Rig) -> bool:
    return (await rig.store.vm_record(VM.ref)).containment_id is not None


async def lockdown(made: Services, text: str) -> list[Any]:
    dialogs = Dialogs()
    await LockdownListener(made).typed(Typed(actor=a.oncall(), text=text, open_dialog=dialogs.open))
    return dialogs.opened


@pytest.mark.parametrize("text", ["vm-web-01 odd", "vm-web-01 odd --yes", "vm-web --yes odd", "vm-web"])
async def test_a_lockdown_asks_first(rig: Rig, made: Services, text: str) -> None:
    (view,) = await lockdown(made, text)
    assert view["callback_id"] == "lockdown.confirm"
    assert not await contained(rig)


@pytest.mark.parametrize("dashes", ["--", "\u2014"])
async def test_with_yes_and_a_full_name_it_is_done_at_once(rig: Rig, made: Services, dashes: str) -> None:
    assert await lockdown(made, f"vm-web-01 {dashes}yes odd") == []
    assert await contained(rig)


async def test_where_the_policy_does_not_allow_it_yes_asks_all_the_same_and_says_why(
    rig: Rig, made: Services
) -> None:
    rig.policy = policy()
    (view,) = await lockdown(made, "vm-web-01 --yes odd")
    assert "asked all the same" in str(view)
    assert not await contained(rig)


async def test_a_restore_asks_unless_the_policy_names_it(rig: Rig, made: Services) -> None:
    locked = await rig.lock_down(VM.ref, a.oncall(), a.policy().lockdown)
    await rig.until_rest(locked.containment.id)
    for yes, opened, state in (
        ((WithYes.LOCKDOWN,), 1, ContainmentState.CONTAINED),
        ((WithYes.RESTORE,), 0, ContainmentState.RESTORING),
    ):
        rig.policy = policy(*yes)
        dialogs = Dialogs()
        typed = Typed(actor=a.oncall(), text="vm-web-01 --yes all is well", open_dialog=dialogs.open)
        await RestoreListener(made).typed(typed)
        assert len(dialogs.opened) == opened
        assert (await rig.store.containment(locked.containment.id)).state is state


async def test_a_command_without_arguments_opens_a_form_but_not_for_one_choice(
    rig: Rig, made: Services
) -> None:
    (view,) = await lockdown(made, "")
    assert view["callback_id"] == "lockdown.choose"
    locked = await rig.lock_down(VM.ref, a.oncall(), a.policy().lockdown)
    await rig.until_rest(locked.containment.id)
    dialogs = Dialogs()
    await RestoreListener(made).typed(Typed(actor=a.oncall(), text="", open_dialog=dialogs.open))
    assert [one["callback_id"] for one in dialogs.opened] == ["restore.confirm"]


@pytest.mark.parametrize(
    ("text", "yes", "profile", "reason"),
    [
        ("web --yes odd", True, "", "odd"),
        ("web profile=hard --yes odd", True, "hard", "odd"),
        ("web --yes profile=hard odd", True, "hard", "odd"),
        ("web odd --yes", False, "", "odd --yes"),
        ("web yes odd", False, "", "yes odd"),
    ],
)
def test_yes_counts_before_the_reason_only(text: str, *, yes: bool, profile: str, reason: str) -> None:
    asked = wanted(text)
    assert (asked.yes, asked.profile, asked.reason) == (yes, profile, reason)
