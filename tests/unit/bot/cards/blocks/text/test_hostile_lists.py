"""Whatever anybody writes into any field: lists, a VM's status and Home stay valid, and text stays text."""

from datetime import timedelta

from hypothesis import given

from bot.cards.blocks.overview.vm_status import vm_status
from bot.commands.reading.approvals_blocks import contained_list, questions_list
from bot.commands.registry import COMMANDS
from bot.home.blocks import home_view
from bot.home.content import HomeContent, OwnStart
from deploy.sandbox.slack.blockkit import check_view
from tests import builders as b
from tests.unit.bot.cards.blocks.text.test_hostile import (
    HOSTILE,
    approvals,
    assert_good,
    assert_harmless,
    containments,
    known_vms,
    mrkdwn_of,
    thorough,
)
from workers.domain.asking.approvals import Approval
from workers.domain.containment.brakes.pause import Pause
from workers.domain.containment.containment import Containment
from workers.domain.starts.past.entries import What
from workers.domain.starts.vm import KnownVm
from workers.use_cases.orders.reading.lately import LateStart
from workers.use_cases.orders.reading.overview import VmStatus

HOUR = timedelta(hours=1)


@thorough
@given(approvals(), containments(), known_vms(), HOSTILE)
def test_no_text_breaks_a_list_a_status_or_a_home(
    approval: Approval, held: Containment, line: KnownVm, trouble: str
) -> None:
    reader = b.oncall()
    assert_good(questions_list([approval], reader, b.NOW))
    assert_good(contained_list([held], b.NOW))
    start = LateStart(b.NOW, What.STARTED, trouble, approval)
    status = VmStatus(
        line.ref, line, [approval], held, Pause().begun(trouble, trouble.strip() or "x", b.NOW, HOUR)
    )
    assert_good(vm_status(status, [start] * 5, now=b.NOW))
    content = HomeContent([approval], [OwnStart(line.ref, start)], [approval], [held], status.pause, b.NOW)
    view = home_view(content, reader, COMMANDS, trouble=trouble)
    assert check_view(view, "home") == []
    for text in mrkdwn_of(view):
        assert_harmless(text)
