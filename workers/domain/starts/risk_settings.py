"""What a policy says about risk: weights, thresholds, and what is usual in this house."""

import ipaddress
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from workers.domain.model import Model, spelt

_MOST_RANGES = 200


def _a_range(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise ValueError(f"{value[:60]!r} is not a range of addresses; write it as 198.51.100.0/24") from None


def _a_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value[:60]!r} is no time zone; write one such as Europe/Berlin") from None
    return value


Ranges = Annotated[tuple[Annotated[str, AfterValidator(_a_range)], ...], Field(max_length=_MOST_RANGES)]
ZoneName = Annotated[str, AfterValidator(_a_zone)]
TimeOfDay = Annotated[str, spelt(r"([01]\d|2[0-3]):[0-5]\d", "write a time of day as '07:30', in quotes")]


class Weekday(StrEnum):
    """In the order of ``datetime.weekday``."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


_DAYS = tuple(Weekday)


class Hours(Model):
    """When starts are usual in this house. ``end`` may lie before ``begin``: then they go past midnight.

    Attributes:
        days: Monday to Friday, if not given.
        begin: a time of day, in quotes.
        end: a time of day, in quotes; it does not count.
        zone: in which these times are, such as ``Europe/Berlin``.
    """

    days: tuple[Weekday, ...] = _DAYS[:5]
    begin: TimeOfDay
    end: TimeOfDay
    zone: ZoneName = "UTC"

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if not self.days:  # said here, because `min_length` would count only the days that are well-formed
            raise ValueError("no day has usual hours; leave hours out, or name days")
        if self.begin == self.end:
            raise ValueError("begin and end are the same; leave hours out if every hour is usual")
        return self

    def hold(self, at: datetime) -> bool:
        """Whether a time lies in them. What goes past midnight belongs to the day on which it began."""
        local = at.astimezone(ZoneInfo(self.zone))
        time, today = f"{local:%H:%M}", _DAYS[local.weekday()]
        if self.begin < self.end:
            return today in self.days and self.begin <= time < self.end
        yesterday = _DAYS[local.weekday() - 1]
        return (today in self.days and time >= self.begin) or (yesterday in self.days and time < self.end)

    def __str__(self) -> str:
        return f"{', '.join(self.days)} {self.begin} to {self.end} {self.zone}"


class RiskSettings(Model):
    """The policy's section ``risk``.

    Attributes:
        medium: a start whose signals weigh so much in sum, and more, is of medium risk; so is one threat.
        high: as ``medium``, for high risk.
        weights: a signal's id → its weight in place of the usual one; 0 turns it off.
        hours: outside of these a start is a signal. Without them, no hour is.
        trusted: ranges of addresses from which starts are usual. Without them, no address is unusual for it.
        doubted: ranges of addresses from which a start is a signal, whoever it is.
        quiet_days: a VM that nobody started for so long is started as if for the first time.
        many_vms: so many VMs, started by one caller within ``many_minutes``, are many.
        many_minutes: see ``many_vms``.
        rejected_hours: a start so soon after a rejection of this VM's start is a signal.
        granted_hours: a right that the caller got so shortly before is a signal.
        failed_starts: so many failed attempts within ``failed_minutes`` are a signal.
        failed_minutes: see ``failed_starts``.
        enough_starts: from so many starts on there is a habit that another one can differ from.
    """

    medium: Annotated[int, Field(ge=1, le=1000)] = 30
    high: Annotated[int, Field(ge=1, le=1000)] = 60
    weights: dict[str, Annotated[int, Field(ge=0, le=1000)]] = {}
    hours: Hours | None = None
    trusted: Ranges = ()
    doubted: Ranges = ()
    quiet_days: Annotated[int, Field(ge=1, le=365)] = 30
    many_vms: Annotated[int, Field(ge=2, le=100)] = 5
    many_minutes: Annotated[int, Field(ge=1, le=1440)] = 10
    rejected_hours: Annotated[int, Field(ge=1, le=720)] = 24
    granted_hours: Annotated[int, Field(ge=1, le=720)] = 24
    failed_starts: Annotated[int, Field(ge=1, le=100)] = 3
    failed_minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    enough_starts: Annotated[int, Field(ge=2, le=50)] = 5

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.medium > self.high:
            raise ValueError("high begins below medium; give high the greater number")
        return self
