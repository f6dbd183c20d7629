"""A report about the policy goes to the on-call channel, once."""

from tests import builders as a
from tests.unit.bot.cards.posting_rig import ONCALL, Posting
from workers.domain.asking.cards import CopyKind
from workers.domain.asking.notices.reports import ObservedDay, PolicyReport
from workers.domain.ids import partition_of_id, report_id
from workers.domain.messages import Complete, Message
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.store import Commit


async def test_it_goes_to_on_call_once_however_often_it_is_nudged() -> None:
    posting = Posting()
    report = PolicyReport(id=report_id("x"), at=a.NOW, observed=ObservedDay(day="2026-11-24", asked=1))
    await posting.store.commit(Commit(partition=partition_of_id(report.id), documents=(report,)))
    nudge = Nudge(subject=Subject.REPORT, id=report.id, version=1)
    for _ in range(3):
        assert await posting.renderer(Message(body=nudge.model_dump_json().encode())) == Complete()
    (copy,) = (await posting.store.card(report.id)).copies
    assert (copy.kind, copy.channel, copy.sent) == (CopyKind.ONCALL, ONCALL, True)
    assert len(posting.slack.posted) == 1
    assert await posting.unshown() == []
