"""The way of every click, command and dialog, with the least command that there can be."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.cards.blocks.answers import private
from bot.cards.blocks.message import Message
from bot.commands.command import Command
from bot.flow import Flow
from bot.requests import Clicked, Dialogs, Outcome, Submitted, Typed
from bot.services import Services
from tests import builders as a
from tests.doubles import FakeClock
from workers.domain.asking.decisions import may_lock_down
from workers.domain.errors import NotAllowed, NotYet
from workers.domain.ids import partition_of_vm
from workers.domain.policy.model import Policy
from workers.domain.policy.people import OncallPolicy
from workers.domain.starts.people import Actor
from workers.store.in_memory.store import MemoryStore

POLICY = Policy(oncall=OncallPolicy(usergroup="S0ONCALL1"))


class People:
    def __init__(self, actor: Actor) -> None:
        self.actor_now = actor

    async def actor(self, _user: str, *, team: str = "", now: bool = False) -> Actor:
        del team, now
        return self.actor_now

    async def direct_message(self, _user: str) -> str:
        return "D1"


class Slack:
    """Keeps what it was sent, in order."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    async def ack(self, **answer: Any) -> None:
        self.sent.append(("ack", answer))

    async def respond(self, **answer: Any) -> SimpleNamespace:
        self.sent.append(("respond", answer))
        return SimpleNamespace(status_code=200, body="ok")

    async def chat_postEphemeral(self, **message: Any) -> None:  # noqa: N802 - the SDK's name
        self.sent.append(("ephemeral", message))

    async def chat_postMessage(self, **message: Any) -> None:  # noqa: N802 - the SDK's name
        self.sent.append(("direct", message))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.sent]

    def said(self) -> str:
        return str(self.sent[-1][1])


class Ping:
    """The listener of a new command."""

    dialogs: Dialogs = {}

    def __init__(self, _services: Services) -> None:
        self.heard: list[str] = []

    async def typed(self, command: Typed) -> Message:
        self.heard.append(command.text)
        return private("Pong", "Pong")


PING = Command(
    name="/vm-ping", arguments="NAME", example="web", summary="Ping", may=may_lock_down, listener=Ping
)


class Rig:
    def __init__(self, actor: Actor) -> None:
        self.slack = Slack()
        self.store = MemoryStore(FakeClock())
        self.people = People(actor)
        services = SimpleNamespace(
            directory=self.people,
            store=self.store,
            clock=FakeClock(),
            policy=lambda: POLICY,
        )
        self.flow = Flow(cast("Services", services))
        self.ping = Ping(cast("Services", services))

    async def type(self, text: str) -> None:
        listener = self.flow.command(PING, self.ping.typed)
        await listener(
            ack=self.slack.ack,
            body={"user_id": a.OLGA, "text": text, "trigger_id": "1"},
            client=self.slack,
            respond=self.slack.respond,
        )

    async def refusals(self) -> list[tuple[str, str]]:
        audit = await self.store.audit(partition_of_vm(self.people.actor_now.slack_user))
        return [(record.kind, str(record.details["wanted"])) for record in audit]


async def test_a_new_command_is_acknowledged_and_answered() -> None:
    rig = Rig(a.oncall())
    await rig.type("  web  ")
    assert rig.slack.kinds == ["ack", "respond"]
    assert rig.ping.heard == ["web"]
    assert "Pong" in rig.slack.said()
    assert await rig.refusals() == []


async def test_who_may_not_use_it_is_refused_and_it_is_in_the_audit() -> None:
    rig = Rig(a.actor())
    await rig.type("web now")
    assert rig.ping.heard == []
    assert "Only on-call can lock down a VM. Ask <!subteam^S0ONCALL1>." in rig.slack.said()
    assert await rig.refusals() == [("ping.refused", "/vm-ping web now")]


@pytest.mark.parametrize("text", ["", "help", " HELP "])
async def test_help_is_for_everybody_says_who_may_and_is_no_refusal(text: str) -> None:
    for actor in (a.oncall(), a.actor()):
        rig = Rig(actor)
        await rig.type(text)
        assert "Usage: `/vm-ping NAME`, e.g. `/vm-ping web`" in rig.slack.said()
        assert ("You can't use this" in rig.slack.said()) is not actor.on_call
        assert rig.ping.heard == []
        assert await rig.refusals() == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotAllowed("Only Olga can."), "Only Olga can. Ask <!subteam^S0ONCALL1>."),
        (NotYet("It is being contained."), "It is being contained."),
        (RuntimeError("secret"), "give your platform team this reference"),
    ],
)
async def test_whatever_goes_wrong_is_acknowledged_and_told_without_its_details(
    error: Exception, said: str
) -> None:
    async def click(_clicked: Clicked) -> None:
        raise error

    async def submit(_submitted: Submitted) -> Outcome:
        raise error

    rig, body = Rig(a.oncall()), {"user": {"id": a.OLGA}, "actions": [{"value": "a1"}], "trigger_id": "1"}
    await rig.flow.click(click)(ack=rig.slack.ack, body=body, client=rig.slack)
    assert rig.slack.kinds == ["ack", "ephemeral"]
    assert said in rig.slack.said()
    await rig.flow.submit(submit)(ack=rig.slack.ack, body=body, view={}, client=rig.slack)
    assert rig.slack.kinds == ["ack", "ephemeral", "ack"]
    assert rig.slack.sent[-1][1]["response_action"] == "update"
    assert said in rig.slack.said()
    assert "secret" not in str(rig.slack.sent)


@pytest.mark.parametrize(
    ("outcome", "kinds", "action"),
    [
        (Outcome(), ["ack"], None),
        (Outcome(errors={"vm": "Unknown"}), ["ack"], "errors"),
        (Outcome(view={"type": "modal"}), ["ack"], "update"),
        (Outcome(message=private("Done", "Done")), ["ack", "direct"], None),
    ],
)
async def test_a_dialog_closes_stays_or_changes_and_the_answer_comes_after_it(
    outcome: Outcome, kinds: list[str], action: str | None
) -> None:
    async def submit(_submitted: Submitted) -> Outcome:
        return outcome

    rig = Rig(a.oncall())
    body = {"user": {"id": a.OLGA}}
    await rig.flow.submit(submit)(ack=rig.slack.ack, body=body, view={}, client=rig.slack)
    assert rig.slack.kinds == kinds
    assert rig.slack.sent[0][1].get("response_action") == action
