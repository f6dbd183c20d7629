"""Quiet hours: when owners get no direct message about a start of low risk.

What happens then: the card is in the approvals channel at once, where it calls nobody, and the owner gets
their message when the quiet hours end, if nobody answered by then. Deadlines count from that message. So with
quiet hours until 7:00 and ``expire_after: 60m`` the question ends at 8:00. If some of several owners are not
in quiet hours, they are asked at once and deadlines count from then. Once somebody was asked, nothing waits
any more. At medium and high risk nothing is quiet. Nobody's message waits longer than ``LONGEST_QUIET``.

A reminder that would come in the quiet hours of somebody who was asked waits for their end, too. It moves no
deadline: on-call is told and the question ends when they would have, and once on-call was told, nobody is
reminded any more. If the risk rises while it waits, it comes at once.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from workers.domain.model import Model
from workers.domain.policy.reading.spelling import Addressee
from workers.domain.starts.risk_settings import TimeOfDay, Weekday, ZoneName

LONGEST_QUIET = timedelta(hours=16)
_MOST = 200
_DAYS = tuple(Weekday)


class QuietHours(Model):
    """When some owners are not to be disturbed. ``end`` may lie before ``begin``: then they go past midnight.

    Attributes:
        who: for whom, each by e-mail address, Slack id, user group, or channel that owns VMs; for every owner
            if it is left out.
        days: on which they begin; every day, if not given.
        begin: a time of day, in quotes.
        end: a time of day, in quotes; it does not count.
        zone: in which these times are, such as ``Europe/Berlin``.
    """

    who: Annotated[tuple[Addressee, ...], Field(max_length=_MOST)] = ()
    days: tuple[Weekday, ...] = _DAYS
    begin: TimeOfDay
    end: TimeOfDay
    zone: ZoneName = "UTC"

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.begin == self.end:
            raise ValueError("begin and end are the same; nobody could ever be asked at low risk")
        return self

    def until(self, now: datetime) -> datetime | None:
        """When they end, in UTC, if it is within them now."""
        zone = ZoneInfo(self.zone)
        begin, end = time.fromisoformat(self.begin), time.fromisoformat(self.end)
        today = now.astimezone(zone).date()
        for day in (today - timedelta(days=1), today):
            if _DAYS[day.weekday()] not in self.days:
                continue
            last = day if begin < end else day + timedelta(days=1)
            # Compared in UTC: within one zone, Python takes no heed of the clocks being changed.
            starts = datetime.combine(day, begin, zone).astimezone(UTC)
            ends = datetime.combine(last, end, zone).astimezone(UTC)
            if starts <= now < ends:
                return ends
        return None

    def are_of(self, names: Collection[str]) -> bool:
        """Whether they are for somebody who goes by these names; e-mail addresses in lower case."""
        return not self.who or any((one.lower() if "@" in one else one) in names for one in self.who)


def quiet_until(hours: Iterable[QuietHours], names: Collection[str], now: datetime) -> datetime | None:
    """When this owner's quiet hours end, in UTC; ``None`` if there are none now."""
    ends = [end for one in hours if one.are_of(names) and (end := one.until(now)) is not None]
    return max(ends, default=None)


def as_several(value: object) -> object:
    """One alone, as a list of one."""
    return [value] if isinstance(value, dict) else value
