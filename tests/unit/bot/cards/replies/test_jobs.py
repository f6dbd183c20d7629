"""What is said of a backup while its job runs, and once it has ended."""

import pytest

from bot.cards.blocks.card import approval_card
from bot.cards.blocks.message import Reply
from bot.cards.blocks.oncall.containment_card import lockdown_card
from bot.cards.replies.thread import replies
from tests import builders as b
from workers.domain.asking.approvals import ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.containment.afterwards.jobs import Job, JobState
from workers.domain.containment.containment import Containment, ContainmentState, StepState
from workers.domain.containment.plans import StepName

NOTE = "backup started, job 5b0d2c1e, protected by startgate-westeurope"


def contained(job: Job | None) -> Containment:
    containment = b.containment(state=ContainmentState.CONTAINED)
    return containment.with_step(containment.step(StepName.BACKUP).changed(note=NOTE, job=job))


def job(state: JobState, note: str = "") -> Job:
    ended = None if state is JobState.RUNNING else b.NOW
    return Job(id="5b0d2c1e", state=state, note=note, begun_at=b.NOW, ended_at=ended)


def thread(containment: Containment) -> dict[str, Reply]:
    found = replies(None, containment, kind=CopyKind.CHANNEL, oncall_mention="<!subteam^S0ONCALL1>")
    return {reply.key: reply for reply in found}


def said(reply: Reply) -> str:
    return str(reply.message.blocks[0]["text"]["text"])


def backup(found: dict[str, Reply]) -> str:
    """What the message about all steps says of it."""
    return str(found["steps.1"].message.blocks[-1]["text"]["text"])


@pytest.mark.parametrize("running", [None, job(JobState.RUNNING)])
def test_a_backup_under_way_is_only_said_to_have_started(running: Job | None) -> None:
    containment = contained(running)
    found = thread(containment)
    assert backup(found).startswith("*Backup started* <!date^")
    assert "Job 5b0d2c1e, protected by startgate-westeurope." in backup(found)
    assert "is isolated and stopped; backup started." in said(found["result.1"])
    everything = str([found, lockdown_card(containment)])
    assert "backed up" not in everything.lower()
    assert "job.backup.1" not in found


def test_a_backup_whose_job_went_well_is_backed_up() -> None:
    containment = contained(job(JobState.DONE, "recovery point created"))
    found = thread(containment)
    assert backup(found).startswith("*Backed up* <!date^")
    assert "Recovery point created. Job 5b0d2c1e" in backup(found)
    assert "is isolated, stopped and backed up." in said(found["result.1"])
    assert "job.backup.1" not in found


def test_a_backup_whose_job_failed_pages_on_call_with_the_reason_and_the_remedy() -> None:
    containment = contained(job(JobState.FAILED, "the backup job timed out"))
    found = thread(containment)
    assert backup(found).startswith("*Backup failed* <!date^")
    page = found["job.backup.1"]
    assert page.pages
    assert said(page).startswith(
        "<!subteam^S0ONCALL1>: *backup failed* for `vm-web-01`. The backup job timed out. Job `5b0d2c1e`."
    )
    assert "choose Back up now" in said(page)
    assert "isolated and stopped; backup failed" in said(found["result.1"])


def test_the_card_says_how_far_the_backup_is() -> None:
    approval = b.approval(state=ApprovalState.REJECTED)
    for state, words in (
        (JobState.RUNNING, "isolated and stopped; backup started"),
        (JobState.DONE, "isolated, stopped and backed up"),
        (JobState.FAILED, "isolated and stopped; backup failed"),
    ):
        card = approval_card(approval, contained(job(state)), kind=CopyKind.CHANNEL)
        assert f"*Contained:* {words}." in str(card.blocks)


def test_a_step_that_is_to_be_done_again_says_nothing_of_its_last_job() -> None:
    containment = contained(job(JobState.FAILED, "the backup job failed")).once_more(b.NOW)
    assert containment.step(StepName.BACKUP).state is StepState.TODO
    assert not any(key.startswith("job.") for key in thread(containment))
