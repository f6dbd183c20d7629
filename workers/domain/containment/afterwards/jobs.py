"""Jobs: what Azure still does for a step that is done, such as a backup that takes hours.

Nobody waits for a job. It is looked at now and then until it has ended; on-call is told if it ends badly, or
not at all.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from workers.domain.model import Stored, UtcTime

FIRST_LOOK = timedelta(seconds=5)
RAREST_LOOK = timedelta(minutes=5)
FOLLOWED_FOR = timedelta(hours=48)
"""A first backup of large disks may take more than a day. What has not ended by then has failed."""


class JobState(StrEnum):
    """Where a job stands."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class Job(Stored):
    """One job that Azure goes on with.

    Attributes:
        id: Azure's name for it, by which people find it.
        token: where the step asks about it; opaque here.
        note: how it ended, for people.
        begun_at: when we first knew of it.
        look_at: when to look at it again; ``None`` once it has ended.
    """

    id: str
    token: str = ""
    state: JobState = JobState.RUNNING
    note: str = ""
    begun_at: UtcTime | None = None
    look_at: UtcTime | None = None
    ended_at: UtcTime | None = None

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to look at."""
        return self.state is not JobState.RUNNING

    def followed(self, now: datetime) -> "Job":
        """The job after a look at ``now``, with the time of the next one or of its end.

        The longer it has taken, the rarer it is looked at.
        """
        begun = self.begun_at or now
        job = self.changed(begun_at=begun)
        if not job.ended and now >= begun + FOLLOWED_FOR:
            hours = f"{FOLLOWED_FOR.total_seconds() / 3600:g}"
            job = job.changed(state=JobState.FAILED, note=f"it has not ended after {hours} hours")
        if job.ended:
            return job.changed(look_at=None, ended_at=now)
        return job.changed(look_at=now + min(RAREST_LOOK, max(FIRST_LOOK, now - begun)))
