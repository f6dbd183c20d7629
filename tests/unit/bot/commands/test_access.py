"""Where it takes two persons, ``/vm-expect``, ``/vm-delegate`` and ``/vm-pause`` ask for the second one."""

from typing import Any

import pytest

from bot.commands import pause
from bot.commands.ahead import delegate, expect
from bot.commands.ahead.delegate_blocks import DELEGATE, delegate_dialog
from bot.commands.ahead.expect_blocks import EXPECT
from bot.commands.command import Command
from bot.commands.pause_blocks import PAUSE_FORM
from deploy.sandbox.slack.blockkit import check_view
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.commands.test_ahead import MINE, Typing
from workers.domain.policy.people import TwoPersons

WHY = {"reason": {"value": "patch day"}}
TYPED: tuple[tuple[Command, str], ...] = (
    (expect.COMMAND, "vm-web-01 2h patch day"),
    (delegate.COMMAND, f"<@{a.ALICE}> 2d patch day"),
    (pause.COMMAND, "30m patch day"),
)
FILLED: tuple[tuple[Command, str, dict[str, Any]], ...] = (
    (expect.COMMAND, EXPECT, {"expect.vm": {"value": "vm-web-01"}, "expect.window": {"value": "2h"}}),
    (
        delegate.COMMAND,
        DELEGATE,
        {"delegate.person": {"selected_user": a.ALICE}, "delegate.until": {"value": "2d"}},
    ),
    (pause.COMMAND, PAUSE_FORM, {}),
)


@pytest.fixture
async def bot(rig: Rig) -> Typing:
    await rig.inventory.put([MINE])
    rig.policy = a.policy(two_person=TwoPersons(access=True))
    return Typing(rig, a.oncall())


async def asked(bot: Typing) -> None:
    """One request, by whoever typed, and nothing has changed."""
    store = bot.rig.store
    (nudge,) = bot.rig.nudger.to_notices
    request = (await store.access_request(nudge.id)).request
    assert (request.by, request.reason) == (a.oncall(), "patch day")
    assert (await store.expectations()).entries == ()
    assert (await store.delegations()).entries == ()
    assert (await store.pause()).version == 0


@pytest.mark.parametrize(("command", "text"), TYPED, ids=[one[0].name for one in TYPED])
async def test_typed_it_asks_and_says_that_nothing_has_changed(
    bot: Typing, command: Command, text: str
) -> None:
    await bot.type(command, text)
    assert "Nothing has changed yet" in bot.told()
    await asked(bot)


@pytest.mark.parametrize(("command", "form", "values"), FILLED, ids=[one[0].name for one in FILLED])
async def test_its_form_does_the_same(
    bot: Typing, command: Command, form: str, values: dict[str, Any]
) -> None:
    await bot.fill_in(command, form, {**values, **WHY})
    await asked(bot)


async def test_a_delegation_needs_a_reason_then_in_its_form_too(bot: Typing) -> None:
    await bot.type(delegate.COMMAND, f"<@{a.ALICE}> 2d")
    assert "Say why" in bot.told()
    assert bot.rig.nudger.to_notices == []
    await bot.type(delegate.COMMAND, "")
    assert "Somebody of on-call has to approve it" in bot.told()
    for second in (True, False):
        view = delegate_dialog(second=second)
        assert check_view(view, "modal") == []
        assert view["blocks"][-1]["optional"] is not second


async def test_ending_a_pause_takes_one(bot: Typing) -> None:
    bot.rig.policy = a.policy()
    await bot.type(pause.COMMAND, "the wrong VMs")
    bot.rig.policy = a.policy(two_person=TwoPersons(access=True))
    await bot.type(pause.COMMAND, "end")
    assert not (await bot.rig.store.pause()).on(bot.rig.clock.now())
