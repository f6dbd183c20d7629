"""``/vm-expect`` and ``/vm-delegate``: what people say ahead, typed and in forms, and who may."""

from datetime import UTC, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bot.commands.ahead import delegate, expect
from bot.commands.ahead.delegate_blocks import DELEGATE, delegate_dialog
from bot.commands.ahead.expect_blocks import EXPECT, expect_dialog
from bot.commands.command import Command
from bot.flow import Flow
from deploy.sandbox.slack.blockkit import check_view
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.commands.test_strangers import Bot
from tests.unit.bot.services_rig import services_of
from workers.domain.starts.people import Actor

HOUR = timedelta(hours=1)
MINE = a.known_vm(tags={"owner": "alice@contoso.com"})
THEIRS = a.known_vm(ref=a.vm_ref(name="vm-db-01"), tags={"owner": "dora@contoso.com"})
PEOPLE = {one.slack_user: one for one in (a.actor(), a.oncall())}
BARRED = a.actor(slack_user="U0GUEST01", name="Gus", email="gus@x.com", barred="You are a guest here.")


class Typing(Bot):
    """Alice types, unless somebody else is named."""

    def __init__(self, rig: Rig, actor: Actor) -> None:
        super().__init__(rig, actor)
        directory = SimpleNamespace(actor=self._whoever, direct_message=self._direct, zone=self._zone)
        self.services = services_of(rig, directory)

    async def _whoever(self, user: str, **_how: object) -> Actor:
        return self.actor if user == self.actor.slack_user else {**PEOPLE, BARRED.slack_user: BARRED}[user]

    async def _zone(self, _user: str) -> object:
        return UTC

    async def fill_in(self, command: Command, dialog: str, values: dict[str, Any]) -> None:
        state = {block: {block: value} for block, value in values.items()}
        view = {"callback_id": dialog, "private_metadata": "", "state": {"values": state}}
        listener = Flow(self.services).submit(command.listener(self.services).dialogs[dialog])
        body = {"user": {"id": self.actor.slack_user}}
        await listener(ack=self.slack.ack, body=body, view=view, client=self.slack)


@pytest.fixture
async def bot(rig: Rig) -> Typing:
    await rig.inventory.put([MINE, THEIRS])
    return Typing(rig, a.actor())


def by(bot: Typing, actor: Actor) -> Typing:
    return Typing(bot.rig, actor)


async def current(rig: Rig) -> list[tuple[str, str]]:
    return [(one.vm.name if one.vm else "", one.reason) for one in (await rig.store.expectations()).entries]


async def test_an_owner_expects_a_start_and_ends_that(bot: Typing, rig: Rig) -> None:
    await bot.type(expect.COMMAND, "`vm-web-01` 2h patch day")
    (one,) = (await rig.store.expectations()).entries
    assert (one.reason, one.by_user, one.end - one.begin) == ("patch day", a.ALICE, 2 * HOUR)
    assert f"/vm-expect end {one.id}" in bot.told()
    await bot.type(expect.COMMAND, "list")
    assert "patch day" in bot.told()
    await bot.type(expect.COMMAND, f"end {one.id}")
    assert await current(rig) == []


async def test_who_neither_owns_it_nor_is_on_call_learns_nothing_of_a_vm(bot: Typing, rig: Rig) -> None:
    await bot.type(expect.COMMAND, "vm-db-01 2h patch day")
    said = bot.told()
    other = by(bot, a.actor())
    await other.type(expect.COMMAND, "vm-no-such 2h patch day")
    assert other.told().replace("vm-no-such", "vm-db-01") == said
    assert await current(rig) == []
    await by(bot, a.oncall()).type(expect.COMMAND, "vm-db-01 2h patch day")
    assert await current(rig) == [("vm-db-01", "patch day")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vm-web-01", "Say when, and why"),
        ("vm-web-01 9h x", "at most 8 hours"),
        ("vm-web-01 2h", "needs a reason"),
        ("end abcdef", "no start is expected under"),
    ],
)
async def test_what_is_missing_is_said_with_the_remedy(bot: Typing, rig: Rig, text: str, said: str) -> None:
    await bot.type(expect.COMMAND, text)
    assert said in bot.told()
    assert await current(rig) == []


async def test_without_arguments_a_form_is_opened_and_does_the_same(bot: Typing, rig: Rig) -> None:
    assert check_view(expect_dialog(), "modal") == []
    await bot.type(expect.COMMAND, "")
    assert "Expect a start" in bot.told()
    filled = {
        "expect.vm": {"value": "vm-web-01"},
        "expect.window": {"value": "2h"},
        "reason": {"value": "x y"},
    }
    await bot.fill_in(expect.COMMAND, EXPECT, filled)
    assert await current(rig) == [("vm-web-01", "x y")]
    await by(bot, BARRED).fill_in(expect.COMMAND, EXPECT, filled)
    assert len(await current(rig)) == 1


@pytest.mark.parametrize("text", [f"<@{a.OLGA}> 2d", f"<@{a.OLGA}|olga> 2d", f"{a.OLGA} 2d"])
async def test_an_owner_delegates_and_ends_that(bot: Typing, rig: Rig, text: str) -> None:
    await bot.type(delegate.COMMAND, text)
    (one,) = (await rig.store.delegations()).entries
    assert (one.giver, one.to, one.until) == (a.ALICE, a.OLGA, a.NOW + 48 * HOUR)
    await bot.type(delegate.COMMAND, "list")
    assert f"<@{a.OLGA}> answers in your stead until" in bot.told()
    await bot.type(delegate.COMMAND, f"end <@{a.OLGA}>")
    assert (await rig.store.delegations()).entries == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@olga 2d", "names nobody"),
        (f"<@{a.OLGA}> whenever", "is no time"),
        (f"<@{a.OLGA}>", "is no time"),
        (f"<@{a.ALICE}> 2d", "nobody delegates to themselves"),
        (f"<@{BARRED.slack_user}> 2d", "can't answer here"),
        ("end", "Nobody answers in your stead"),
    ],
)
async def test_what_can_not_be_delegated_is_said_with_the_remedy(
    bot: Typing, rig: Rig, text: str, said: str
) -> None:
    await bot.type(delegate.COMMAND, text)
    assert said in bot.told()
    assert (await rig.store.delegations()).entries == ()


async def test_the_form_delegates_and_says_beside_the_field_what_is_wrong(bot: Typing, rig: Rig) -> None:
    assert check_view(delegate_dialog(), "modal") == []
    await bot.type(delegate.COMMAND, "")
    person = {"delegate.person": {"selected_user": a.OLGA}}
    await bot.fill_in(delegate.COMMAND, DELEGATE, {**person, "delegate.until": {"value": "9d"}})
    assert "'response_action': 'errors'" in bot.told()
    await bot.fill_in(delegate.COMMAND, DELEGATE, {**person, "delegate.until": {"value": "2d"}})
    assert len((await rig.store.delegations()).entries) == 1


async def test_a_guest_delegates_nothing_and_it_is_on_record(bot: Typing, rig: Rig) -> None:
    await by(bot, BARRED).type(delegate.COMMAND, f"<@{a.OLGA}> 2d")
    assert (await rig.store.delegations()).entries == ()
