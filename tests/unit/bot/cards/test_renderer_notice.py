"""What on-call is told about dead letters: one message for each telling, in the on-call channel."""

from tests.unit.bot.cards.posting_rig import ONCALL, Posting
from workers.domain.asking.cards import CopyKind
from workers.domain.asking.notices.dead_letters import QUIET, DeadLetterNotice, PutAside
from workers.domain.ids import partition_of_id
from workers.domain.messages import Complete, Message
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.notice import PolicyNotice
from workers.domain.ports.store import Commit


async def tell(posting: Posting, *sequences: int) -> DeadLetterNotice:
    """The workers write it."""
    present = {"starts": tuple(PutAside(sequence, "NoTime") for sequence in sequences)}
    notice = (await posting.store.dead_letter_notice()).told(present, posting.clock.now())
    assert notice is not None
    await posting.store.commit(Commit(partition=partition_of_id(notice.id), documents=(notice,)))
    return await posting.store.dead_letter_notice()


async def shown(posting: Posting, notice: DeadLetterNotice) -> None:
    nudge = Nudge(subject=Subject.NOTICE, id=notice.id, version=notice.version)
    assert await posting.renderer(Message(body=nudge.model_dump_json().encode())) == Complete()


async def test_it_goes_to_on_call_once_however_often_it_is_nudged() -> None:
    posting = Posting()
    notice = await tell(posting, 1, 2)

    for _ in range(3):
        await shown(posting, notice)

    assert len(posting.slack.posted) == 1
    (copy,) = (await posting.store.card(notice.card_id)).copies
    assert (copy.kind, copy.channel, copy.sent) == (CopyKind.ONCALL, ONCALL, True)
    assert await posting.unshown() == []


async def test_the_next_telling_is_a_message_of_its_own_and_the_first_stays_as_it_was() -> None:
    posting = Posting()
    await shown(posting, await tell(posting, 1))
    posting.clock.advance(QUIET)

    await shown(posting, await tell(posting, 1, 2))

    assert len(posting.slack.posted) == 2
    assert posting.slack.edits == []


async def _policy(posting: Posting, notice: PolicyNotice | None) -> None:
    assert notice is not None
    await posting.store.commit(Commit(partition=partition_of_id(notice.id), documents=(notice,)))
    nudge = Nudge(subject=Subject.POLICY, id=notice.id, version=1)
    assert await posting.renderer(Message(body=nudge.model_dump_json().encode())) == Complete()


async def test_a_policy_file_that_is_refused_and_one_that_is_good_again_are_told_to_on_call() -> None:
    posting = Posting()
    now, bad = posting.clock.now(), "policy.yaml: 1 error"
    refused = PolicyNotice().refusing("workers", "d" * 64, bad, in_force="", at=now)
    for _ in range(2):
        await _policy(posting, refused)
        refused = (await posting.store.policy_notice()).refusing("bot", "d" * 64, bad, in_force="", at=now)
    known = await posting.store.policy_notice()
    for process in ("bot", "workers"):
        await _policy(posting, known.accepting(process, in_force="", at=now))
        known = await posting.store.policy_notice()

    assert len(posting.slack.posted) == 2
    assert posting.slack.edits == []
    assert await posting.unshown() == []
