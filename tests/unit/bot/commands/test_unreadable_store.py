"""While the inventory, or a document, can't be read: an id resolves, and people are told why."""

from types import SimpleNamespace
from typing import Any

import pytest

from bot.answers.deciding.confirm import Confirm
from bot.answers.deciding.reject import Reject
from bot.cards.blocks.inputs import value_of
from bot.commands import lockdown, restore
from bot.commands.command import Command
from bot.flow import Flow
from bot.services import Services
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.services_rig import services_of
from workers.domain.containment.containment import ContainmentState
from workers.domain.errors import NewerDocument
from workers.domain.ids import partition_of_vm
from workers.domain.ports.store import Commit
from workers.domain.starts.vm import VmRecord
from workers.store.in_memory.inventory import MemoryInventory

WEB, DB = a.known_vm(), a.known_vm(ref=a.vm_ref(name="vm-db-01"))
NEWER = "containment c1 was written by a newer version of Startgate. Update this process."


class Unreadable(MemoryInventory):
    """Whoever looks into it fails."""

    async def lines(self, *_: object, **__: object) -> Any:
        raise ValueError("unreadable")

    named = containing = near = of = count = lines


class Slack:
    """Keeps what a listener says: the texts of answers, and dialogs."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.views: list[dict[str, Any]] = []

    async def respond(self, *, text: str, blocks: list[dict[str, Any]], **_: object) -> Any:
        self.said += [text, str(blocks)]
        return SimpleNamespace(status_code=200, body="")

    async def ack(self, **answer: Any) -> None:
        if "view" in answer:
            self.views.append(answer["view"])
        self.said.append(str(answer))

    async def views_open(self, *, view: dict[str, Any], **_: object) -> None:
        self.views.append(view)

    async def chat_postEphemeral(self, *, text: str, blocks: list[dict[str, Any]], **_: object) -> None:  # noqa: N802
        self.said += [text, str(blocks)]

    async def chat_postMessage(self, *, text: str, **_: object) -> None:  # noqa: N802 - Slack's own name
        self.said.append(text)


class Directory:
    async def actor(self, _user: str, **_how: object) -> Any:
        return a.oncall()

    async def direct_message(self, _user: str) -> str:
        return "D0OLGA001"


@pytest.fixture
def slack() -> Slack:
    return Slack()


def services(rig: Rig, inventory: MemoryInventory) -> Services:
    return services_of(rig, Directory(), inventory=inventory)


async def held(rig: Rig) -> None:
    """The VM is contained."""
    containment = a.containment(version=0, state=ContainmentState.CONTAINED)
    record = VmRecord(vm=WEB.ref, containment_id=containment.id)
    await rig.store.commit(Commit(partition=partition_of_vm(WEB.ref.key), documents=(containment, record)))


async def typed(command: Command, given: Services, slack: Slack, text: str) -> str:
    """Type it; what the person is told."""
    listener = Flow(given).command(command, command.listener(given).typed)
    body = {"text": text, "user_id": a.OLGA, "trigger_id": "t"}
    await listener(ack=slack.ack, body=body, client=slack, respond=slack.respond)
    return " ".join(slack.said)


async def submitted(given: Services, slack: Slack, view: dict[str, Any]) -> None:
    """Submit the lockdown's dialog."""
    dialogs = lockdown.LockdownListener(given).dialogs
    listener = Flow(given).submit(dialogs[view["callback_id"]])
    await listener(ack=slack.ack, body={"user": {"id": a.OLGA}}, view=view, client=slack)


class TestById:
    async def test_a_lockdown_by_id_needs_no_inventory(self, rig: Rig, slack: Slack) -> None:
        text = f"{WEB.ref.resource_id} --yes odd"
        await typed(lockdown.COMMAND, services(rig, Unreadable()), slack, text)
        assert (await rig.store.vm_record(WEB.ref)).containment_id is not None

    async def test_a_restore_by_id_needs_none_either(self, rig: Rig, slack: Slack) -> None:
        await held(rig)
        await typed(restore.COMMAND, services(rig, Unreadable()), slack, WEB.ref.resource_id)
        assert [view["callback_id"] for view in slack.views] == ["restore.confirm"]


class TestChosen:
    async def test_the_chosen_vm_is_shown_once_more_and_then_locked_down(
        self, rig: Rig, slack: Slack
    ) -> None:
        await rig.inventory.put([WEB, DB])
        given = services(rig, rig.inventory)
        await typed(lockdown.COMMAND, given, slack, "vm-")
        (view,) = slack.views
        values = {
            "vm": {"vm": {"selected_option": {"value": value_of(DB.ref)}}},
            "reason": {"reason": {"value": "odd traffic"}},
        }
        await submitted(given, slack, {**view, "state": {"values": values}})
        shown = slack.views[-1]
        assert shown["callback_id"] == "lockdown.confirm"
        assert DB.ref.name in str(shown)
        assert (await rig.store.vm_record(DB.ref)).containment_id is None
        await submitted(given, slack, {**shown, "state": {"values": values}})
        assert (await rig.store.vm_record(DB.ref)).containment_id is not None
        assert (await rig.store.vm_record(WEB.ref)).containment_id is None

    @pytest.mark.parametrize("metadata", ["", "nothing", "[]", WEB.ref.resource_id])
    async def test_one_that_is_known_no_longer_is_not_locked_down(
        self, rig: Rig, slack: Slack, metadata: str
    ) -> None:
        await rig.inventory.put([WEB])
        values = {"vm": {"vm": {"selected_option": {"value": value_of(DB.ref)}}}}
        view = {"callback_id": "lockdown.choose", "private_metadata": metadata, "state": {"values": values}}
        await submitted(services(rig, rig.inventory), slack, view)
        assert "no longer known" in " ".join(slack.said)
        assert (await rig.store.vm_record(DB.ref)).containment_id is None


class TestNewerDocuments:
    @pytest.fixture(autouse=True)
    def _newer(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        async def newer(*_: object) -> Any:
            raise NewerDocument(NEWER)

        for read in ("approval", "containment", "vm_record"):
            monkeypatch.setattr(rig.store, read, newer)

    @pytest.mark.parametrize("command", [lockdown.COMMAND, restore.COMMAND])
    async def test_a_command_about_one_says_that_it_is_newer(
        self, rig: Rig, slack: Slack, command: Command
    ) -> None:
        assert NEWER in await typed(command, services(rig, rig.inventory), slack, WEB.ref.resource_id)

    @pytest.mark.parametrize("button", [Confirm, Reject])
    async def test_so_does_a_button(self, rig: Rig, slack: Slack, button: type[Confirm | Reject]) -> None:
        given = services(rig, rig.inventory)
        body = {
            "user": {"id": a.ALICE},
            "channel": {"id": "C1"},
            "actions": [{"value": a.approval().id}],
            "trigger_id": "t",
        }
        await Flow(given).click(button(given).pressed)(ack=slack.ack, body=body, client=slack)
        assert NEWER in " ".join(slack.said)

    async def test_so_does_the_dialog_of_a_rejection(self, rig: Rig, slack: Slack) -> None:
        given = services(rig, rig.inventory)
        values = {"reason": {"reason": {"value": "not mine"}}}
        view = {"private_metadata": a.approval().id, "state": {"values": values}}
        listener = Flow(given).submit(Reject(given).submitted)
        await listener(ack=slack.ack, body={"user": {"id": a.ALICE}}, view=view, client=slack)
        assert NEWER in " ".join(slack.said)
