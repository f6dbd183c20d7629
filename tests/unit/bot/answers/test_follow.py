"""After a rejection: what else the account started, what takes its role away, and containing all of it."""

from typing import Any

import pytest

from bot.answers.oncall.follow import FollowCaller
from bot.cards.replies.oncall_thread import CONTAIN_THEM, role_command
from bot.cards.replies.thread import replies
from bot.requests import Clicked, Submitted
from bot.services import Services
from deploy.sandbox.slack.blockkit import check_blocks, check_view
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.commands.test_nearest import Dialogs
from tests.unit.bot.services_rig import services_of
from workers.domain.asking.approvals import Approval
from workers.domain.asking.cards import CopyKind
from workers.domain.asking.decisions import Answer
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotAllowed
from workers.domain.starts.events import Access
from workers.domain.starts.vm import VmRef
from workers.use_cases.orders.reading.also_started import AllStarted, also_started

DB, JUMP, OLD = (a.vm_ref(name=name) for name in ("vm-db-01", "jump-01", "old-01"))
MALLORY = a.caller(name="Mallory", email="mallory@evil.example", object_id="0bject-1d")


@pytest.fixture
def made(rig: Rig) -> Services:
    return services_of(rig, None)


async def start(rig: Rig, vm: VmRef, number: int) -> Approval:
    correlation = f"c0ffee00-0000-4000-8000-0000000000{number:02}"
    at = rig.clock.now()
    return await rig.asked(a.start_event(vm=vm, caller=MALLORY, correlation_id=correlation, at=at))


async def rejected(rig: Rig) -> Approval:
    """Mallory started old-01 two hours ago, two VMs a minute ago, and then the one that is rejected."""
    await rig.inventory.put([a.known_vm(ref=vm) for vm in (DB, JUMP, OLD, a.vm_ref())])
    await start(rig, OLD, 1)
    rig.clock.advance(2 * 3600)
    await start(rig, DB, 2)
    await start(rig, JUMP, 3)
    rig.clock.advance(60)
    asked = await start(rig, a.vm_ref(), 4)
    return (await rig.decide(Answer.REJECT, asked.id, a.actor(), reason="not me")).approval


async def known(rig: Rig, approval: Approval) -> AllStarted:
    return await also_started(rig.store, rig.inventory, approval)


def told(approval: Approval, also: AllStarted) -> list[dict[str, Any]]:
    found = replies(approval, None, kind=CopyKind.ONCALL, oncall_mention="", also=also)
    (reply,) = [one for one in found if one.key == "rejection"]
    assert check_blocks(reply.message.blocks, "message") == []
    return reply.message.blocks


async def press(made: Services, approval: Approval, actor: Any) -> list[Any]:
    dialogs = Dialogs()
    clicked = Clicked(actor=actor, value=approval.id, open_dialog=dialogs.open)
    await FollowCaller(made).pressed(clicked)
    return dialogs.opened


def submission(view: dict[str, Any], keep: int | None = None) -> dict[str, Any]:
    menu = next(one["element"] for one in view["blocks"] if one.get("block_id") == "which")
    values = {
        "which": {"which": {"selected_options": menu["initial_options"][:keep]}},
        "reason": {"reason": {"value": "the same account"}},
    }
    return {**view, "state": {"values": values}}


async def test_what_the_account_started_in_the_hour_before_is_told_with_a_button(rig: Rig) -> None:
    approval = await rejected(rig)
    also = await known(rig, approval)
    assert {one.vm.ref.name for one in also.vms} == {"vm-db-01", "jump-01"}
    blocks = told(approval, also)
    text = str(blocks)
    for words in ("also started", "`vm-db-01`", "`jump-01`", CONTAIN_THEM):
        assert words in text
    assert "old-01" not in text
    assert "started no other VM" in str(told(approval, AllStarted()))


async def test_vms_that_the_inventory_does_not_list_are_counted(rig: Rig) -> None:
    approval = await rejected(rig)
    await rig.inventory.put([a.known_vm(ref=DB)], whole_subscription=DB.subscription_id)
    also = await known(rig, approval)
    assert ([one.vm.ref for one in also.vms], also.unlisted) == ([DB], 1)


async def test_the_dialog_lists_all_of_it_and_what_is_contained_already(rig: Rig, made: Services) -> None:
    approval = await rejected(rig)
    await rig.lock_down(DB, a.oncall(), LockdownProfile())
    (view,) = await press(made, approval, a.oncall())
    assert check_view(view, "modal") == []
    text = str(view)
    for words in (
        "Contained already: `vm-db-01`",
        "jump-01",
        "*1. Isolate:*",
        "start of vm-web-01 was rejected",
    ):
        assert words in text


async def test_what_is_chosen_is_contained_and_nothing_else(rig: Rig, made: Services) -> None:
    approval = await rejected(rig)
    (view,) = await press(made, approval, a.oncall())
    outcome = await FollowCaller(made).submitted(Submitted(actor=a.oncall(), view=submission(view, keep=1)))
    assert outcome.message is not None
    held = [vm for vm in (DB, JUMP, OLD) if (await rig.store.vm_record(vm)).containment_id]
    assert len(held) == 1
    assert f"`{held[0].name}`" in str(outcome.message.blocks)
    nothing = await FollowCaller(made).submitted(Submitted(actor=a.oncall(), view=submission(view, keep=0)))
    assert nothing.errors


async def test_who_is_not_on_call_sees_no_list_and_contains_nothing(rig: Rig, made: Services) -> None:
    approval = await rejected(rig)
    (view,) = await press(made, approval, a.oncall())
    with pytest.raises(NotAllowed):
        await press(made, approval, a.actor())
    with pytest.raises(NotAllowed):
        await FollowCaller(made).submitted(Submitted(actor=a.actor(), view=submission(view)))
    assert (await rig.store.vm_record(JUMP)).containment_id is None


@pytest.mark.parametrize(
    ("access", "command"),
    [
        (None, ""),
        (
            Access(role="Owner", scope="/subscriptions/s1", assignment_id="a1"),
            (
                "az role assignment delete --ids"
                " /subscriptions/s1/providers/Microsoft.Authorization/roleAssignments/a1"
            ),
        ),
        (
            Access(role="Virtual Machine Contributor", scope="/subscriptions/s1; rm -rf"),
            (
                "az role assignment delete --assignee 0bject-1d --role 'Virtual Machine Contributor' --scope"
                " '/subscriptions/s1; rm -rf'"
            ),
        ),
    ],
)
def test_the_command_takes_exactly_that_role_away(access: Access | None, command: str) -> None:
    assert role_command(a.start_event(caller=MALLORY, access=access)) == command


async def test_a_later_start_by_the_account_says_that_one_of_its_was_rejected(rig: Rig) -> None:
    approval = await rejected(rig)
    await rig.until_rest(str(approval.containment_id))
    rig.clock.advance(3600)
    later = await start(rig, a.vm_ref(name="another-01"), 9)
    assert later.risk is not None
    signals = {one.id: one.sentence for one in later.risk.signals}
    assert "caller-rejected" in signals
    assert "caller-rejected" in {one.id for one in later.risk.signals[:2]}, "the card leads with it"
