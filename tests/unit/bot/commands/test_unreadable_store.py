"""While the inventory, or a document, can't be read: an id resolves, and people are told why."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.answers.decide import DecideListener
from bot.cards.blocks.dialogs import value_of
from bot.commands.lockdown import LockdownListener
from bot.commands.restore import RestoreListener
from bot.services import Desk
from tests import builders as a
from tests.conftest import Rig
from workers.domain.containment.containment import ContainmentState
from workers.domain.errors import NewerDocument
from workers.domain.ids import partition_of_vm
from workers.domain.ports.store import Commit
from workers.domain.starts.vm import VmRecord
from workers.store.memory import MemoryInventory
from workers.use_cases.orders.restore import Restore

WEB, DB = a.known_vm(), a.known_vm(ref=a.vm_ref(name="vm-db-01"))
NEWER = "containment c1 was written by a newer version of Startgate. Update this process."


class Unreadable(MemoryInventory):
    """Whoever looks into it fails."""

    async def lines(self, *_: object, **__: object) -> Any:
        raise ValueError("unreadable")

    named = containing = of = count = lines


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
    async def actor(self, _user: str) -> Any:
        return a.oncall()

    async def direct_message(self, _user: str) -> str:
        return "D0OLGA001"


@pytest.fixture
def slack() -> Slack:
    return Slack()


def desk(rig: Rig, inventory: MemoryInventory) -> Desk:
    return Desk(
        store=rig.store,
        inventory=inventory,
        directory=cast("Any", Directory()),
        decide=rig.decide,
        lock_down=rig.lock_down,
        restore=Restore(store=rig.store, nudger=rig.nudger, clock=rig.clock),
        policy=lambda: rig.policy,
    )


def typed(text: str) -> dict[str, Any]:
    return {"text": text, "user_id": a.OLGA, "trigger_id": "t"}


async def held(rig: Rig) -> None:
    """The VM is contained."""
    containment = a.containment(version=0, state=ContainmentState.CONTAINED)
    record = VmRecord(vm=WEB.ref, containment_id=containment.id)
    await rig.store.commit(Commit(partition=partition_of_vm(WEB.ref.key), documents=(containment, record)))


async def command(listener: Any, slack: Slack, text: str) -> str:
    await listener.command(slack.ack, typed(text), slack, slack.respond)
    return " ".join(slack.said)


class TestById:
    async def test_a_lockdown_by_id_needs_no_inventory(self, rig: Rig, slack: Slack) -> None:
        await command(LockdownListener(desk(rig, Unreadable())), slack, f"{WEB.ref.resource_id} odd")
        assert (await rig.store.vm_record(WEB.ref)).containment_id is not None

    async def test_a_restore_by_id_needs_none_either(self, rig: Rig, slack: Slack) -> None:
        await held(rig)
        await command(RestoreListener(desk(rig, Unreadable())), slack, WEB.ref.resource_id)
        assert [view["callback_id"] for view in slack.views] == ["restore.confirm"]


class TestChosen:
    async def test_the_dialog_knows_its_candidates_again_by_what_was_typed(
        self, rig: Rig, slack: Slack
    ) -> None:
        await rig.inventory.put([WEB, DB])
        listener = LockdownListener(desk(rig, rig.inventory))
        await command(listener, slack, "vm-")
        (view,) = slack.views
        submitted = {
            "private_metadata": view["private_metadata"],
            "state": {
                "values": {
                    "vm": {"vm": {"selected_option": {"value": value_of(DB.ref)}}},
                    "reason": {"reason": {"value": "odd traffic"}},
                }
            },
        }
        await listener.chosen(slack.ack, {"user": {"id": a.OLGA}}, submitted, slack)  # type: ignore[arg-type]
        assert (await rig.store.vm_record(DB.ref)).containment_id is not None
        assert (await rig.store.vm_record(WEB.ref)).containment_id is None

    @pytest.mark.parametrize("metadata", ["", "nothing", WEB.ref.resource_id])
    async def test_one_that_is_none_of_them_is_not_locked_down(
        self, rig: Rig, slack: Slack, metadata: str
    ) -> None:
        await rig.inventory.put([WEB, DB])
        values = {"vm": {"vm": {"selected_option": {"value": value_of(DB.ref)}}}}
        submitted = {"private_metadata": metadata, "state": {"values": values}}
        listener = LockdownListener(desk(rig, rig.inventory))
        await listener.chosen(slack.ack, {"user": {"id": a.OLGA}}, submitted, slack)  # type: ignore[arg-type]
        assert "no longer known" in " ".join(slack.said)
        assert (await rig.store.vm_record(DB.ref)).containment_id is None


class TestNewerDocuments:
    @pytest.fixture(autouse=True)
    def _newer(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        async def newer(*_: object) -> Any:
            raise NewerDocument(NEWER)

        for read in ("approval", "containment", "vm_record"):
            monkeypatch.setattr(rig.store, read, newer)

    @pytest.mark.parametrize("listener", [LockdownListener, RestoreListener])
    async def test_a_command_about_one_says_that_it_is_newer(
        self, rig: Rig, slack: Slack, listener: Any
    ) -> None:
        assert NEWER in await command(listener(desk(rig, rig.inventory)), slack, WEB.ref.resource_id)

    @pytest.mark.parametrize("button", ["confirm", "reject"])
    async def test_so_does_a_button(self, rig: Rig, slack: Slack, button: str) -> None:
        listener = DecideListener(desk(rig, rig.inventory))
        body = {
            "user": {"id": a.ALICE},
            "channel": {"id": "C1"},
            "actions": [{"value": a.approval().id}],
            "trigger_id": "t",
        }
        await getattr(listener, button)(slack.ack, body, slack)
        assert NEWER in " ".join(slack.said)

    async def test_so_does_the_dialog_of_a_rejection(self, rig: Rig, slack: Slack) -> None:
        view = {"private_metadata": a.approval().id, "state": {"values": {}}}
        await DecideListener(desk(rig, rig.inventory)).submit(slack.ack, {"user": {"id": a.ALICE}}, view)  # type: ignore[arg-type]
        assert NEWER in " ".join(slack.said)
