"""Somebody who may not use a command, or no longer: they see no VM, change nothing, and it is on record."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.cards.blocks.inputs import value_of
from bot.commands import lockdown, pause, restore
from bot.commands.command import Command
from bot.commands.reading import report
from bot.commands.registry import COMMANDS
from bot.flow import Flow
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.services_rig import services_of
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.foresight.lookups import Lookup
from workers.domain.containment.profile import LockdownProfile
from workers.domain.ids import lookup_id, partition_of_vm
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import VmRecord

HELD, FREE = a.known_vm(), a.known_vm(ref=a.vm_ref(name="vm-db-01"))
GUARDED = [command for command in COMMANDS if not command.may(a.actor()).allowed]
LOOKUP = Lookup(
    id=lookup_id(HELD.ref.key), vm=HELD.ref, profile=LockdownProfile(), by=a.oncall(), asked_at=a.NOW
)
VIEWS = {
    "lockdown.choose": {"private_metadata": "vm-"},
    "lockdown.confirm": {"private_metadata": LOOKUP.id},
    "restore.choose": {"private_metadata": '{"start": false, "reason": ""}'},
    "restore.confirm": {"private_metadata": a.containment().id},
    "pause.form": {"private_metadata": ""},
}
"""What each dialog brings along when it is submitted."""


class Slack:
    """Keeps whatever reaches somebody."""

    def __init__(self) -> None:
        self.told: list[object] = []

    async def ack(self, **answer: object) -> None:
        self.told.append(answer)

    async def respond(self, **answer: object) -> Any:
        self.told.append(answer)
        return SimpleNamespace(status_code=200, body="")

    views_open = chat_postMessage = ack  # noqa: N815 - the SDK's names


class Bot:
    """The commands over two VMs, one of which is contained."""

    def __init__(self, rig: Rig, actor: Actor) -> None:
        self.rig, self.actor, self.slack = rig, actor, Slack()
        self.services = services_of(rig, SimpleNamespace(actor=self._actor, direct_message=self._direct))

    async def _actor(self, _user: str, **_how: object) -> Actor:
        return self.actor

    async def _direct(self, _user: str) -> str:
        return "D1"

    async def type(self, command: Command, text: str) -> None:
        listener = Flow(self.services).command(command, command.listener(self.services).typed)
        body = {"text": text, "user_id": self.actor.slack_user, "trigger_id": "t"}
        await listener(ack=self.slack.ack, body=body, client=self.slack, respond=self.slack.respond)

    async def submit(self, command: Command, dialog: str, vm: str) -> None:
        values = {"vm": {"vm": {"selected_option": {"value": vm}}}, "reason": {"reason": {"value": "mine"}}}
        view = VIEWS[dialog] | {"callback_id": dialog, "state": {"values": values}}
        listener = Flow(self.services).submit(command.listener(self.services).dialogs[dialog])
        body = {"user": {"id": self.actor.slack_user}}
        await listener(ack=self.slack.ack, body=body, view=view, client=self.slack)

    def told(self) -> str:
        return " ".join(str(one) for one in self.slack.told)

    async def refusals(self) -> list[tuple[str, str]]:
        records = [record for p in range(16) for record in await self.rig.store.audit(p)]
        return [(record.kind, record.by) for record in records if record.kind.endswith("refused")]


@pytest.fixture
async def bot(rig: Rig) -> Bot:
    containment = a.containment(version=0, state=ContainmentState.CONTAINED)
    record = VmRecord(vm=HELD.ref, containment_id=containment.id)
    await rig.store.commit(Commit(partition=partition_of_vm(HELD.ref.key), documents=(containment, record)))
    await rig.store.commit(Commit(partition=partition_of_vm(HELD.ref.key), documents=(LOOKUP,)))
    await rig.inventory.put([HELD, FREE])
    return Bot(rig, a.actor())


async def unchanged(bot: Bot) -> bool:
    free = await bot.rig.store.vm_record(FREE.ref)
    held = await bot.rig.store.containment(a.containment().id)
    return free.containment_id is None and held.state is ContainmentState.CONTAINED


def test_every_command_that_names_vms_is_guarded_and_every_dialog_is_tried() -> None:
    assert GUARDED == [lockdown.COMMAND, restore.COMMAND, report.COMMAND, pause.COMMAND]
    dialogs = {d for command in GUARDED for d in command.listener(cast("Any", None)).dialogs}
    assert dialogs == set(VIEWS)


@pytest.mark.parametrize("text", ["vm-", "vm-web-01", "nothing", HELD.ref.resource_id, "vm- start mine"])
@pytest.mark.parametrize("command", GUARDED, ids=lambda command: command.subject)
async def test_typing_it_shows_no_vm(bot: Bot, command: Command, text: str) -> None:
    await bot.type(command, text)

    assert "Only on-call can" in bot.told()
    assert not any(word in bot.told() for word in ("modal", "VMs match", "rg-web", FREE.ref.name))
    assert await bot.refusals() == [(f"{command.subject}.refused", bot.actor.label)]
    assert await unchanged(bot)


@pytest.mark.parametrize("vm", [HELD, FREE], ids=["contained", "free"])
@pytest.mark.parametrize("dialog", VIEWS)
async def test_a_dialog_that_is_submitted_after_the_permission_went_shows_no_vm(
    bot: Bot, dialog: str, vm: Any
) -> None:
    command = next(one for one in GUARDED if dialog.startswith(one.subject))

    await bot.submit(command, dialog, value_of(vm.ref))

    assert "Only on-call can" in bot.told()
    assert not any(word in bot.told() for word in (HELD.ref.name, FREE.ref.name, "rg-web", "no longer"))
    assert await bot.refusals() == [(f"{command.subject}.refused", bot.actor.label)]
    assert await unchanged(bot)


@pytest.mark.parametrize("dialog", [dialog for dialog in VIEWS if dialog != "pause.form"])
async def test_who_is_on_call_is_not_refused(bot: Bot, dialog: str) -> None:
    bot.actor = a.oncall()
    command = next(one for one in GUARDED if dialog.startswith(one.subject))

    await bot.submit(command, dialog, value_of(HELD.ref))

    assert await bot.refusals() == []
    assert HELD.ref.name in bot.told()
    assert "reference" not in bot.told()
