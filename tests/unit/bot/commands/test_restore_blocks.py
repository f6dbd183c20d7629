"""What people read of a restore: the dialogs, the card, the thread, and the answers to the command."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.blocks import answers
from bot.cards.blocks.inputs import chosen_instead
from bot.cards.blocks.message import Message
from bot.cards.blocks.oncall.containment_card import lockdown_card
from bot.cards.blocks.status import containment_headline
from bot.cards.replies.thread import replies
from bot.commands import restore_blocks
from bot.commands.restore import _parsed
from deploy.sandbox.slack.blockkit import check_blocks, check_view
from deploy.sandbox.slack.team.mrkdwn import mentions_in_layout
from tests import builders as b
from tests.unit.bot.cards.blocks.text.test_hostile import (
    HOSTILE,
    MENTION_OF_ONCALL,
    actors,
    assert_good,
    assert_good_view,
    refs,
    thorough,
)
from workers.domain.asking.cards import CopyKind
from workers.domain.containment.containment import Containment, ContainmentState, StepState
from workers.domain.containment.plans import Change, Choice, StepName
from workers.domain.containment.restoration import restoring, to_choose

BACK = ("nic-1: NSG startgate-lockdown-standard-westeurope \u2192 nsg-web", "nic-2: NSG x \u2192 none")
CHANGES = {
    StepName.ISOLATE: Change(summary="isolate 2 NICs", back=BACK),
    StepName.STOP: Change(summary="deallocate the VM", before={"power": "running"}),
    StepName.BACKUP: Change(summary="back the VM up now"),
}


def contained(**changes: Any) -> Containment:
    steps = tuple(b.step(name=n, state=StepState.DONE, change=c) for n, c in CHANGES.items())
    return b.containment(**{"state": ContainmentState.CONTAINED, "steps": steps, **changes})


def ordered(*, start: bool = False, **states: StepState) -> Containment:
    """A restore under way, its undos in these states."""
    start_id = "0f0f" if start else None
    found = restoring(contained(), b.oncall(), start_id=start_id, reason="false alarm", now=b.NOW)
    assert found.restoration is not None
    steps = [
        undo.changed(state=states.get(str(undo.name), undo.state), note=f"note on {undo.name}")
        for undo in found.restoration.steps
    ]
    return found.changed(restoration=found.restoration.changed(steps=tuple(steps)))


def drifted() -> Containment:
    found = ordered(start=True, isolate=StepState.FAILED, stop=StepState.SKIPPED, backup=StepState.DONE)
    return found.to(ContainmentState.INCOMPLETE, ended_at=b.NOW)


NIC = "/subscriptions/s/resourceGroups/rg-web/providers/Microsoft.Network/networkInterfaces/nic-1"


def gone(nic: str, *options: str) -> Containment:
    """A restore that failed, because what this NIC had is gone."""
    failed = drifted()
    assert failed.restoration is not None
    undo = failed.restoration.step(StepName.ISOLATE)
    assert undo.change is not None
    choice = Choice(of=nic, was="/subscriptions/s/nsg/gone-nsg", options=options)
    change = undo.change.changed(choices=(choice,))
    return failed.changed(restoration=failed.restoration.with_step(undo.changed(change=change)))


def checked(view: dict[str, Any]) -> str:
    assert check_view(view, "modal") == []
    return json.dumps(view, ensure_ascii=False)


def said(message: Message) -> str:
    assert check_blocks(message.blocks, "message") == []
    return json.dumps(message.blocks, ensure_ascii=False)


def thread(containment: Containment) -> dict[str, str]:
    found = replies(None, containment, kind=CopyKind.ONCALL, oncall_mention=MENTION_OF_ONCALL)
    assert len({reply.key for reply in found}) == len(found)
    return {reply.key: said(reply.message) for reply in found}


def block(view: dict[str, Any], block_id: str) -> dict[str, Any] | None:
    return next((found for found in view["blocks"] if found.get("block_id") == block_id), None)


class TestDialog:
    def test_it_names_every_nic_and_its_former_nsg(self) -> None:
        view = restore_blocks.restore_dialog(contained(), b.known_vm())
        text = checked(view)
        assert all(line in text for line in BACK)
        assert "Contoso Production" in text
        assert restore_blocks.shown_before(view) == (contained().id, contained().demand)

    def test_one_that_is_shown_again_says_that_nothing_was_restored(self) -> None:
        view = restore_blocks.restore_dialog(contained(round=2), start=True, reason="typed", again=True)
        text = checked(view)
        assert "*Nothing was restored.* The VM was contained anew" in text
        assert "typed" in text
        assert restore_blocks.shown_before(view) == (contained().id, contained(round=2).demand)
        assert "Nothing was restored" not in checked(restore_blocks.restore_dialog(contained()))

    def test_a_dialog_of_an_earlier_version_is_taken_for_out_of_date(self) -> None:
        assert restore_blocks.shown_before({"private_metadata": contained().id}) == (contained().id, "")
        assert contained().demand != ""

    def test_a_start_is_only_ticked_when_it_was_typed(self) -> None:
        for typed in (True, False):
            view = restore_blocks.restore_dialog(contained(), start=typed, reason="false alarm")
            checked(view)
            box = block(view, "start")
            assert box is not None
            assert box["optional"]
            assert ("initial_options" in box["element"]) is typed
            reason = block(view, "reason")
            assert reason is not None
            assert reason["element"]["initial_value"] == "false alarm"

    def test_a_vm_that_was_off_before_offers_no_start(self) -> None:
        off = contained(steps=(b.step(name=StepName.STOP, state=StepState.DONE),))
        view = restore_blocks.restore_dialog(off, start=True)
        assert "wasn't running when it was contained" in checked(view)
        assert block(view, "start") is None

    def test_a_step_that_changed_nothing_is_said_to_bring_nothing_back(self) -> None:
        failed = contained(steps=(b.step(state=StepState.FAILED, change=None),))
        assert "nothing was changed, so nothing is restored" in checked(restore_blocks.restore_dialog(failed))

    def test_what_is_gone_is_asked_about_with_what_can_come_in_its_place(self) -> None:
        containment = gone(NIC, "/subscriptions/s/resourceGroups/rg-web/providers/x/nsg/spare-nsg")
        view = restore_blocks.restore_dialog(containment)
        text = checked(view)
        assert "nic-1: security group instead" in text
        assert "gone-nsg was deleted" in text
        (menu,) = [one for one in view["blocks"] if one.get("block_id", "").startswith("instead.")]
        options = menu["element"]["options"]
        assert [one["text"]["text"] for one in options] == ["No security group", "spare-nsg"]
        assert options[1]["description"]["text"] == "rg-web"
        choices = to_choose(containment)
        for option, chosen in zip(options, (None, choices[0].options[0]), strict=True):
            state = {"values": {menu["block_id"]: {"instead": {"selected_option": option}}}}
            assert chosen_instead({"state": state}, choices) == {NIC: chosen}
        assert chosen_instead({"state": {"values": {}}}, choices) == {}

    def test_a_menu_holds_no_more_than_slack_takes(self) -> None:
        many = [
            f"/subscriptions/s/resourceGroups/{'g' * 90}/providers/x/nsg/{'n' * 70}-{i}" for i in range(120)
        ]
        checked(restore_blocks.restore_dialog(gone(NIC, *many)))

    def test_nothing_is_asked_about_that_can_be_brought_back(self) -> None:
        assert "instead" not in checked(restore_blocks.restore_dialog(drifted()))

    def test_each_step_says_what_is_and_the_backup_brings_nothing_back(self) -> None:
        text = checked(restore_blocks.restore_dialog(contained()))
        assert "*Network:* every network interface gets its former security group back." in text
        assert "*Power:* the VM stays stopped, unless you start it, too." in text
        assert "*Backup:* kept." in text
        assert "Back up" not in text

    def test_a_vm_whose_stop_failed_is_not_said_to_be_stopped(self) -> None:
        step = b.step(name=StepName.STOP, state=StepState.FAILED, change=CHANGES[StepName.STOP])
        failed = contained(steps=(step,))
        text = checked(restore_blocks.restore_dialog(failed))
        assert "*Power:* the VM was not stopped, and is left as it is." in text
        text = checked(restore_blocks.restore_dialog(failed, b.known_vm()))
        assert "*Power:* already running, as Azure said <!date^" in text

    def test_a_lockdown_without_a_stop_says_nothing_of_power(self) -> None:
        isolated = contained(steps=(b.step(state=StepState.DONE, change=CHANGES[StepName.ISOLATE]),))
        assert "stopped" not in checked(restore_blocks.restore_dialog(isolated))

    def test_what_the_restore_leaves_of_the_protection_is_said(self) -> None:
        change = Change(summary="back up", back=("protection is stopped, and recovery points are kept",))
        step = b.step(name=StepName.BACKUP, state=StepState.DONE, change=change)
        text = checked(restore_blocks.restore_dialog(contained(steps=(step,))))
        assert "protection is stopped, and recovery points are kept" in text

    def test_the_choice_keeps_what_was_typed(self) -> None:
        view = restore_blocks.restore_choice_dialog(1, "web", start=True, reason="false alarm")
        assert "1 contained VM matches `web`." in checked(view)
        assert restore_blocks.typed_before(view) == restore_blocks.Options(start=True, reason="false alarm")

    def test_why_not_is_said(self) -> None:
        why = answers.not_done("It is still being contained.")
        assert "still being contained" in checked(answers.as_dialog(why))


class TestCard:
    def test_a_restore_under_way_says_who_ordered_it_and_how_far_it_is(self) -> None:
        text = said(lockdown_card(ordered(start=True, isolate=StepState.DONE)))
        assert "Restore and start ordered by *Olga Oncall*" in text
        assert "false alarm" in text
        assert "Network: note on isolate; power waiting; backup waiting." in text
        assert "*Network*" in text

    def test_restored_is_only_said_when_the_document_says_so(self) -> None:
        done = ordered(isolate=StepState.DONE, stop=StepState.DONE, backup=StepState.DONE)
        assert containment_headline(done).words == "Restoring"
        restored = done.to(ContainmentState.RESTORED, ended_at=b.NOW, verified_at=b.NOW)
        assert containment_headline(restored).words == "Restored"
        assert "On-call can undo this" not in said(lockdown_card(restored))

    def test_an_incomplete_restore_is_not_called_an_incomplete_containment(self) -> None:
        assert containment_headline(drifted()).words == "Restore incomplete"
        text = said(lockdown_card(drifted()))
        assert "Network not undone; power skipped; backup: note on backup." in text
        assert "`/vm-restore vm-web-01`" in text


class TestThread:
    def test_an_undo_says_what_is_now_and_whether_it_was_verified(self) -> None:
        found = ordered(isolate=StepState.DONE, stop=StepState.DONE, backup=StepState.DONE)
        notes = {
            "isolate": "1 NIC back to web-02-nsg, read back",
            "stop": "already running, power state read back",
            "backup": "kept, as it was before",
        }
        assert found.restoration is not None
        steps = tuple(
            undo.changed(note=notes[str(undo.name)], ended_at=b.NOW) for undo in found.restoration.steps
        )
        replies_now = thread(found.changed(restoration=found.restoration.changed(steps=steps)))
        assert "*Network:* 1 NIC back to web-02-nsg (verified in Azure <" in replies_now["undo.1.1"]
        assert "*Power:* already running (verified in Azure <" in replies_now["undo.1.1"]
        assert "*Backup:* kept, as it was before (<!date^" in replies_now["undo.1.1"]

    def test_it_says_who_ordered_it_and_how_each_undo_goes(self) -> None:
        found = thread(ordered(isolate=StepState.DONE, stop=StepState.STARTED))
        assert "false alarm" in found["restore.1.1"]
        assert "*Network:* note on isolate." in found["undo.1.1"]
        assert "*Power:* in progress" in found["undo.1.1"]
        assert "result.1" not in found

    def test_drift_calls_on_call_with_its_sentence_what_comes_back_and_the_way_on(self) -> None:
        found = thread(drifted())
        text = found["unrestored.1.1"]
        assert "note on isolate" in text.lower()
        assert all(line in text for line in BACK)
        assert "*Power:* skipped." in text
        assert "`/vm-restore vm-web-01` again" in text
        assert "result.1" not in found
        calls = replies(None, drifted(), kind=CopyKind.ONCALL, oncall_mention=MENTION_OF_ONCALL)
        assert [m["id"] for r in calls for m in mentions_in_layout(r.message.blocks, "")] == ["S0ONCALL1"]
        assert [r.key for r in calls if r.pages] == ["unrestored.1.1"]

    def test_a_second_try_has_replies_of_its_own(self) -> None:
        again = restoring(drifted(), b.oncall(), start_id=None, reason="", now=b.NOW)
        assert "restore.1.2" in thread(again)


class TestAnswers:
    def test_what_was_ordered_is_said(self) -> None:
        assert "is started once its network is restored" in said(
            restore_blocks.restore_started(ordered(start=True))
        )
        assert "is not started" in said(restore_blocks.restore_started(ordered()))
        assert "No new action was started" in said(restore_blocks.already_restoring(ordered()))

    def test_a_name_that_fits_none_gives_the_way_on(self) -> None:
        assert "No VM is contained now." in said(restore_blocks.none_contained("web", 0))
        assert "3 VMs are contained. Check the spelling" in said(restore_blocks.none_contained("web", 3))
        assert "Nothing was changed." in said(answers.not_done("web is not contained."))

    @pytest.mark.parametrize(
        ("typed", "parsed"),
        [
            ("", ("", False, "")),
            ("web", ("web", False, "")),
            ("web start", ("web", True, "")),
            ("web  START  false alarm ", ("web", True, "false alarm")),
            ("web started by mistake", ("web", False, "started by mistake")),
            ("web please start it", ("web", False, "please start it")),
        ],
    )
    def test_only_the_word_start_right_after_the_name_asks_for_one(
        self, typed: str, parsed: tuple[str, bool, str]
    ) -> None:
        vm, options, _ = _parsed(typed)
        assert (vm, options.start, options.reason) == parsed


@st.composite
def restores(draw: st.DrawFn) -> Containment:
    choices = st.builds(
        Choice, of=HOSTILE, was=st.none() | HOSTILE, options=st.lists(HOSTILE, max_size=3).map(tuple)
    )
    change = st.builds(
        Change,
        summary=HOSTILE,
        back=st.lists(HOSTILE, max_size=9).map(tuple),
        choices=st.lists(choices, max_size=2, unique_by=lambda c: c.of.lower()).map(tuple),
    )
    steps = tuple(
        b.step(name=name, state=StepState.DONE, change=draw(st.none() | change)) for name in StepName
    )
    start_id = draw(st.sampled_from([None, "0f0f"]))
    found = restoring(
        contained(vm=draw(refs()), steps=steps),
        draw(actors()),
        start_id=start_id,
        reason=draw(HOSTILE),
        now=b.NOW,
    )
    assert found.restoration is not None
    undos = tuple(
        undo.changed(
            change=steps[index].change,
            state=draw(st.sampled_from(StepState)),
            note=draw(HOSTILE),
            attempt=draw(st.integers(0, 7)),
        )
        for index, undo in enumerate(found.restoration.steps)
    )
    ends = [ContainmentState.RESTORING, ContainmentState.RESTORED, ContainmentState.INCOMPLETE]
    restoration = found.restoration.changed(steps=undos)
    return found.changed(state=draw(st.sampled_from(ends)), restoration=restoration)


@thorough
@given(restores(), HOSTILE, st.booleans())
def test_no_text_breaks_what_is_said_of_a_restore(
    containment: Containment,
    text: str,
    start: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    assert_good(lockdown_card(containment))
    for reply in replies(None, containment, kind=CopyKind.ONCALL, oncall_mention=MENTION_OF_ONCALL):
        assert_good(reply.message)
    for message in (
        restore_blocks.restore_started(containment),
        restore_blocks.already_restoring(containment),
    ):
        assert_good(message)
    assert_good(answers.not_done(text))
    assert_good(restore_blocks.none_contained(text, 2))
    assert_good_view(restore_blocks.restore_dialog(containment, start=start, reason=text))


@thorough
@given(st.integers(1, 400), HOSTILE, HOSTILE)
def test_no_text_breaks_the_choice_or_is_lost_in_it(count: int, query: str, reason: str) -> None:
    view = restore_blocks.restore_choice_dialog(count, query, start=True, reason=reason)
    assert_good_view(view)
    assert restore_blocks.typed_before(view)[0] is True
