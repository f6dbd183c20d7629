"""``/vm-status`` and ``/vm-approvals``: who sees what, in which order, and that nothing is changed."""

from datetime import timedelta, timezone, tzinfo
from typing import Any

import pytest

from bot.cards.blocks.inputs import value_of
from bot.cards.blocks.message import Message
from bot.commands.reading.approvals import ApprovalsListener
from bot.commands.reading.status import StatusListener
from bot.requests import Submitted, Typed
from bot.services import Services
from deploy.sandbox.slack.blockkit import check_blocks, check_view
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.commands.test_nearest import Dialogs
from tests.unit.bot.services_rig import services_of
from workers.domain.asking.decisions import Answer
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotAllowed, NotFound
from workers.domain.ids import partition_of_id
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Actor

STRANGER = a.actor(slack_user="U0SAM0001", name="Sam", email="sam@contoso.com")
DB = a.vm_ref(name="vm-db-01")


class Directory:
    async def zone(self, _user: str) -> tzinfo:
        return timezone(timedelta(0))


@pytest.fixture
async def made(rig: Rig) -> Services:
    other = {"owner": "somebody@contoso.com"}
    await rig.inventory.put([a.known_vm(), a.known_vm(ref=DB, tags=other)])
    return services_of(rig, Directory())


async def status(made: Services, actor: Actor, text: str) -> tuple[str, list[Any]]:
    dialogs = Dialogs()
    answer = await StatusListener(made).typed(Typed(actor=actor, text=text, open_dialog=dialogs.open))
    return _said(answer), dialogs.opened


async def listed(made: Services, actor: Actor, text: str = "") -> str:
    typed = Typed(actor=actor, text=text, open_dialog=Dialogs().open)
    return _said(await ApprovalsListener(made).typed(typed))


def _said(answer: Message | None) -> str:
    if answer is None:
        return ""
    assert check_blocks(answer.blocks, "message") == []
    return answer.text + str(answer.blocks)


class TestStatus:
    async def test_the_owner_sees_power_the_open_question_and_its_risk(
        self, rig: Rig, made: Services
    ) -> None:
        await rig.asked()
        said, _ = await status(made, a.actor(), "vm-web-01")
        for words in (
            "*running*",
            "Open question",
            "*Alice Example* (user",
            "Last starts",
            "Was this start expected?",
        ):
            assert words in said

    async def test_it_says_which_start_is_expected_until_that_ends(self, rig: Rig, made: Services) -> None:
        expect = made.expecting.announce
        await expect("2h", "patch <!channel> day", by="Olga", vm=a.vm_ref(), caller="bob@contoso.com")
        await expect("2h", "of another VM", by="Olga", vm=DB)
        said, _ = await status(made, a.actor(), "vm-web-01")
        assert "*Start expected* by `bob@contoso.com` from" in said
        assert "<!channel>" not in said
        assert "of another VM" not in said
        rig.clock.to(a.NOW + timedelta(hours=2))
        said, _ = await status(made, a.actor(), "vm-web-01")
        assert "Start expected" not in said

    async def test_it_says_who_answered_and_why(self, rig: Rig, made: Services) -> None:
        asked = await rig.asked()
        await rig.decide(Answer.CONFIRM, asked.id, a.actor(), reason="a test <!channel>")
        said, _ = await status(made, a.oncall(), "vm-web-01")
        assert "confirmed by *Alice Example*" in said
        assert "a test &lt;!channel&gt;" in said
        assert "Nothing is open, and it is not contained." in said

    async def test_it_says_since_when_and_why_it_is_contained(self, rig: Rig, made: Services) -> None:
        locked = await rig.lock_down(DB, a.oncall(), LockdownProfile(), reason="odd traffic")
        await rig.until_rest(locked.containment.id)
        said, _ = await status(made, a.oncall(), "vm-db")
        assert "contained since" in said
        assert "odd traffic" in said

    async def test_a_stranger_sees_nothing_and_it_is_in_the_audit(self, rig: Rig, made: Services) -> None:
        await rig.asked()
        with pytest.raises(NotAllowed, match="Only its owner or on-call"):
            await status(made, STRANGER, "vm-web-01")
        records = [one for p in range(16) for one in await rig.store.audit(p)]
        assert [one.by for one in records if one.kind == "status.refused"] == [STRANGER.label]

    async def test_parts_of_names_find_a_strangers_own_vms_only(self, made: Services) -> None:
        said, opened = await status(made, STRANGER, "vm")
        assert "No VM of yours matches" in said
        assert "vm-db-01" not in said
        assert opened == []
        said, opened = await status(made, a.actor(), "vm")  # one of the two is theirs
        assert "vm-web-01" in said
        assert "vm-db-01" not in said

    async def test_on_call_is_asked_which_one_and_shown_the_chosen(self, made: Services) -> None:
        _, (view,) = await status(made, a.oncall(), "vm")
        assert check_view(view, "modal") == []
        value = {"vm": {"vm.any": {"selected_option": {"value": value_of(DB)}}}}
        submitted = Submitted(actor=a.oncall(), view={**view, "state": {"values": value}})
        outcome = await StatusListener(made).chosen(submitted)
        assert "vm-db-01" in str(outcome.view)
        with pytest.raises(NotAllowed):
            await StatusListener(made).chosen(Submitted(actor=STRANGER, view=submitted.view))

    async def test_a_mistyped_name_offers_the_nearest_to_on_call(self, made: Services) -> None:
        assert "vm-db-01" in (await status(made, a.oncall(), "vm-bd-01"))[0]


class TestApprovals:
    async def test_everybody_sees_what_asks_them_with_buttons(self, rig: Rig, made: Services) -> None:
        asked = await rig.asked()
        said = await listed(made, a.actor())
        assert "1 start waits for your answer" in said
        assert f"{asked.id}:1" in said
        assert "Nothing waits for your answer." in await listed(made, STRANGER)

    async def test_a_delegate_sees_the_question_and_for_whom_they_answer(
        self, rig: Rig, made: Services
    ) -> None:
        asked, now = await rig.asked(), rig.clock.now()
        found = await rig.store.delegations()
        one = found.begun(a.actor(), STRANGER, now, now + timedelta(hours=4), timedelta(days=1))
        await rig.store.commit(Commit(partition=partition_of_id(one.id), documents=(one,)))
        said = await listed(made, STRANGER)
        assert f"You answer in the stead of <@{a.ALICE}>" in said
        assert f"{asked.id}:1" in said
        assert "in the stead of" not in await listed(made, a.actor())

    async def test_where_slack_does_not_say_who_is_in_a_group_the_list_says_so(
        self, made: Services, rig: Rig
    ) -> None:
        doubtful = STRANGER.changed(doubt="Slack did not say who is in S0TEAM0001. Try again in a minute.")
        assert "Slack did not say who is in S0TEAM0001" in await listed(made, doubtful)
        await rig.asked()
        said = await listed(made, a.actor(doubt="Slack did not say who is in S0TEAM0001."))
        assert "Slack did not say who is in S0TEAM0001" in said

    async def test_on_call_sees_what_is_open_the_riskiest_first(self, rig: Rig, made: Services) -> None:
        await rig.asked()
        await rig.asked(a.start_event(vm=DB, correlation_id="c0ffee00-0000-4000-8000-000000000002"))
        assert "2 starts wait for an answer" in await listed(made, a.oncall())

    async def test_contained_vms_come_with_their_age_and_incomplete_ones_first(
        self, rig: Rig, made: Services
    ) -> None:
        for vm in (a.vm_ref(), DB):
            await rig.lock_down(vm, a.oncall(), LockdownProfile(), reason="odd")
            rig.clock.advance(60)
        newer = await rig.store.containment(str((await rig.store.vm_record(DB)).containment_id))
        assert newer.state is ContainmentState.PLANNED
        said = await listed(made, a.oncall(), "contained")
        assert said.index("vm-web-01") < said.index("vm-db-01")
        assert "(2 minutes)" in said

    @pytest.mark.parametrize("which", ["open", "contained"])
    async def test_only_on_call_sees_the_rest(self, rig: Rig, made: Services, which: str) -> None:
        await rig.asked()
        with pytest.raises(NotAllowed, match="Only on-call"):
            await listed(made, STRANGER, which)

    async def test_an_unknown_list_names_those_there_are(self, made: Services) -> None:
        with pytest.raises(NotFound, match="mine, open, contained"):
            await listed(made, a.oncall(), "all")

    async def test_many_questions_stay_within_a_message(self, rig: Rig, made: Services) -> None:
        for n in range(20):
            vm = a.vm_ref(name=f"vm-{n:02}")
            await rig.asked(a.start_event(vm=vm, correlation_id=f"c0ffee00-0000-4000-8000-0000000000{n:02}"))
        assert "5 more are not listed" in await listed(made, a.oncall())
