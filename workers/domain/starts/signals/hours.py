"""When it was started: by this VM's habit, by the policy's hours, and by the habit of an application."""

from collections.abc import Sequence

from workers.domain.starts.events import CallerKind
from workers.domain.starts.signals.signal import (
    Fine,
    Found,
    Seen,
    Sight,
    SignalSpec,
    Threat,
    Unseen,
    counted,
    utc,
)

_ENOUGH = 10
"""From so many starts on there are usual hours."""
_DAY = 24


def _usual_hours(sight: Sight) -> Seen:
    past = sight.history
    if past is None:
        return Unseen("the VM's usual hours")
    if past.vm_starts < _ENOUGH or not past.vm_hours:
        return None
    near = _around(past.vm_hours, sight.event.at.hour)
    if near:
        return Fine(f"the hour is usual for this VM: {near} of {past.vm_starts} starts")
    return Found(
        f"started at {sight.event.at:%H:%M} UTC; none of this VM's {past.vm_starts} earlier starts "
        f"was within an hour of that, but {_spans(past.vm_hours)}"
    )


def _policy_hours(sight: Sight) -> Seen:
    hours = sight.settings.hours
    if hours is None:
        return None
    if hours.hold(sight.event.at):
        return Fine(f"within the policy's hours ({hours})")
    return Found(f"started at {utc(sight.event.at)}, outside the policy's hours ({hours})")


def _application_hours(sight: Sight) -> Seen:
    if sight.event.caller.kind not in (CallerKind.SERVICE_PRINCIPAL, CallerKind.MANAGED_IDENTITY):
        return None
    past = sight.history
    if past is None:
        return Unseen("the habits of the application")
    if past.caller_starts < _ENOUGH or not past.caller_hours:
        return None
    if near := _around(past.caller_hours, sight.event.at.hour):
        return Fine(f"the hour is usual for this application: {near} of {past.caller_starts} starts")
    return Found(
        f"this {sight.event.caller.kind} started {counted(past.caller_starts, 'VM')} on "
        f"{counted(past.caller_days, 'day')}, {_spans(past.caller_hours)}, and never around "
        f"{sight.event.at:%H:%M} UTC"
    )


def _around(hours: Sequence[int], hour: int) -> int:
    """Starts within an hour of this one, so that daylight saving time is no difference."""
    return sum(hours[(hour + by) % _DAY] for by in (-1, 0, 1))


def _spans(hours: Sequence[int]) -> str:
    """``all of them between 02:00 and 04:00 UTC``: the shortest part of the day that holds them."""
    used = [hour for hour, count in enumerate(hours) if count]
    gaps = [((used[at] - used[at - 1] - 1) % _DAY, at) for at in range(len(used))]
    _, at = max(gaps)
    first, last = used[at], used[at - 1]
    return f"all of them between {first:02}:00 and {(last + 1) % _DAY:02}:00 UTC"


SIGNALS = (
    SignalSpec("outside-usual-hours", Threat.UNAUTHORIZED, 15, _usual_hours),
    SignalSpec("outside-policy-hours", Threat.UNAUTHORIZED, 15, _policy_hours),
    SignalSpec("application-outside-its-hours", Threat.MALICIOUS, 25, _application_hours),
)
