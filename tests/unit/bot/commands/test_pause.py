"""``/vm-pause``, and what people see while changes in Azure are paused."""

import json
from datetime import timedelta
from typing import Any

import pytest

from bot.cards.blocks.answers import private
from bot.cards.blocks.brakes.paused import on_answer, on_card, on_dialog, pause_line
from bot.cards.blocks.card import approval_card
from bot.commands.lockdown import COMMAND as LOCKDOWN
from bot.commands.pause import COMMAND
from bot.commands.registry import COMMANDS
from deploy.sandbox.slack.blockkit import check_blocks, check_view
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.cards.posting_rig import Posting
from tests.unit.bot.commands.test_strangers import FREE, Bot
from workers.domain.asking.cards import CopyKind
from workers.domain.containment.brakes.pause import DEFAULT_PAUSE, Pause
from workers.domain.containment.containment import ContainmentState
from workers.domain.ids import PAUSE, partition_of_id
from workers.domain.ports.store import Commit
from workers.use_cases.orders.pause import PauseWrites

PAUSED = Pause().begun("Olga Oncall (U0OLGA001)", "the <wrong> VMs", a.NOW, DEFAULT_PAUSE)
SAID = "Changes in Azure are paused* by Olga Oncall (U0OLGA001)"


@pytest.fixture
async def bot(rig: Rig) -> Bot:
    await rig.inventory.put([FREE])
    return Bot(rig, a.oncall())


@pytest.mark.parametrize(
    ("text", "span", "reason"),
    [
        ("the wrong VMs", timedelta(hours=1), "the wrong VMs"),
        ("30m the wrong VMs", timedelta(minutes=30), "the wrong VMs"),
        ("2h30m x", timedelta(hours=2, minutes=30), "x"),
        ("ending soon", timedelta(hours=1), "ending soon"),
    ],
)
async def test_on_call_pauses_for_a_while_with_a_reason(
    bot: Bot, rig: Rig, text: str, span: timedelta, reason: str
) -> None:
    await bot.type(COMMAND, text)
    pause = await rig.store.pause()
    assert (pause.until, pause.reason, pause.by) == (a.NOW + span, reason, a.oncall().label)
    assert "Changes in Azure are paused" in bot.told()
    assert "/vm-pause end" in bot.told()


@pytest.mark.parametrize("text", ["48h everything", "30m"])
async def test_too_long_a_pause_or_one_without_a_reason_changes_nothing(
    bot: Bot, rig: Rig, text: str
) -> None:
    await bot.type(COMMAND, text)
    assert (await rig.store.pause()).version == 0
    assert "Nothing was changed" in bot.told()


async def test_it_is_ended_by_hand_and_nothing_else_can_be(bot: Bot, rig: Rig) -> None:
    await bot.type(COMMAND, "end")
    assert "not paused" in bot.told()
    await bot.type(COMMAND, "the wrong VMs")
    await bot.type(COMMAND, " End ")
    assert (await rig.store.pause()).until is None
    assert [r.kind for r in await rig.store.audit(partition_of_id(PAUSE))] == ["pause.begun", "pause.ended"]


async def test_nobody_else_pauses_and_the_attempt_is_on_record(rig: Rig) -> None:
    stranger = Bot(rig, a.actor())
    await stranger.type(COMMAND, "let me")
    assert (await rig.store.pause()).version == 0
    assert ("pause.refused", a.actor().label) in await stranger.refusals()


async def test_every_answer_of_a_command_says_so_while_it_lasts(bot: Bot, rig: Rig) -> None:
    pausing = PauseWrites(store=rig.store, clock=rig.clock, second=rig.second)
    await pausing.begin(a.oncall().label, "the wrong VMs")
    for command, text in ((COMMANDS[-1], ""), (LOCKDOWN, f"{FREE.ref.resource_id} --yes")):
        bot.slack.told.clear()
        await bot.type(command, text)
        assert SAID in bot.told(), command.name
    locked = (await rig.store.vm_record(FREE.ref)).containment_id
    assert locked is not None, "the order counts"
    rig.clock.advance(DEFAULT_PAUSE)
    bot.slack.told.clear()
    await bot.type(COMMANDS[-1], "")
    assert "paused*" not in bot.told()


def test_cards_dialogs_and_answers_stay_what_slack_takes_and_quote_the_reason_as_text() -> None:
    card = on_card(approval_card(a.approval(), None, kind=CopyKind.OWNER), PAUSED)
    answer = on_answer(private("x", "y"), PAUSED)
    view: dict[str, Any] = {
        "type": "modal",
        "title": {"type": "plain_text", "text": "x"},
        "blocks": answer.blocks,
    }
    assert check_blocks(card.blocks, "message") == check_blocks(answer.blocks, "message") == []
    assert check_view(on_dialog(view, PAUSED), "modal") == []
    for shown in (card.blocks, answer.blocks):
        text = json.dumps(shown)
        assert SAID in text
        assert "the &lt;wrong&gt; VMs" in text
    assert card.blocks[0]["type"] == "header"


def test_a_pause_that_took_two_persons_names_both() -> None:
    by_two = Pause().begun("Olga", "x", a.NOW, DEFAULT_PAUSE, approved_by="Sven <!here>")
    line = pause_line(by_two)
    assert "by Olga, approved by Sven" in line
    assert "<!here>" not in line


def test_without_a_pause_nothing_is_added() -> None:
    card = approval_card(a.approval(), None, kind=CopyKind.OWNER)
    assert on_card(card, None) is card


@pytest.fixture
def posting() -> Posting:
    return Posting()


async def pause(posting: Posting, pause: Pause) -> Pause:
    await posting.store.commit(Commit(partition=partition_of_id(PAUSE), documents=(pause,)))
    return await posting.store.pause()


async def test_an_open_card_shows_the_pause_and_no_longer_once_it_is_over(posting: Posting) -> None:
    await posting.open_one()
    await posting.render()
    before = {copy.root.shows for copy in (await posting.store.card(posting.id)).copies if copy.root}
    await pause(posting, PAUSED)
    await posting.render()
    during = {copy.root.shows for copy in (await posting.store.card(posting.id)).copies if copy.root}
    assert not before & during
    posting.clock.advance(DEFAULT_PAUSE)
    await posting.render()
    after = {copy.root.shows for copy in (await posting.store.card(posting.id)).copies if copy.root}
    assert after == before, "by the clock, though nobody has written that it is over"


async def test_a_card_of_what_is_over_is_left_alone(posting: Posting) -> None:
    restored = a.containment(version=0, state=ContainmentState.RESTORED)
    await posting.store.commit(Commit(partition=partition_of_id(restored.id), documents=(restored,)))
    await posting.renderer.render(restored.id)
    before = (await posting.store.card(restored.id)).copies
    await pause(posting, PAUSED)
    await posting.renderer.render(restored.id)
    assert (await posting.store.card(restored.id)).copies == before
