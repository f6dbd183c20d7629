"""What happened just before: many VMs at once, failed attempts, a rejection, a containment, an alert."""

from datetime import timedelta

from workers.domain.starts.defender import Severity
from workers.domain.starts.signals.signal import (
    Fine,
    Found,
    Seen,
    Sight,
    SignalSpec,
    Threat,
    Unseen,
    counted,
    said,
    utc,
)

_DEFENDER = "Defender"
"""What the fact is called where it is missing."""
_HABIT_DAYS = 3
"""Who started that many on so many days before does so by habit, as a nightly job does."""


def _many_vms(sight: Sight) -> Seen:
    past, settings = sight.history, sight.settings
    if past is None:
        return Unseen("the caller's other starts")
    if not past.caller_known:
        return None
    within = counted(settings.many_minutes, "minute")
    if past.recent_vms < settings.many_vms:
        return Fine(f"the caller started {counted(past.recent_vms, 'VM')} within {within}")
    if past.busy_days >= _HABIT_DAYS:
        return Fine(f"the caller starts many VMs at once, as on {counted(past.busy_days, 'day')} before")
    return Found(f"this caller has started {past.recent_vms} VMs within {within}")


def _failed_before(sight: Sight) -> Seen:
    past, settings = sight.history, sight.settings
    if past is None:
        return Unseen("failed attempts")
    within = counted(settings.failed_minutes, "minute")
    if past.failed_before >= settings.failed_starts:
        failed = f"{past.failed_before} starts by this caller or of this VM"
        return Found(f"{failed} failed within {within} before this one")
    return Fine(f"no series of failed starts within {within} before")


def _rejected_before(sight: Sight) -> Seen:
    past = sight.history
    if past is None:
        return Unseen("earlier answers")
    if past.rejected_at is None:
        return Fine("no start of this VM was rejected before") if past.vm_starts else None
    if sight.event.at - past.rejected_at > timedelta(hours=sight.settings.rejected_hours):
        return Fine(f"the last rejection was {utc(past.rejected_at)}")
    return Found(f"a start of this VM was rejected {utc(past.rejected_at)}, and it is started again")


def _caller_rejected(sight: Sight) -> Seen:
    past = sight.history
    if past is None or not past.caller_known:
        return None  # that it can't be told is said of the caller's other starts
    at, hours = past.caller_rejected_at, sight.settings.rejected_hours
    if at is None or sight.event.at - at > timedelta(hours=hours):
        return Fine(f"no start by this caller was rejected within {counted(hours, 'hour')}")
    return Found(f"a start by this same caller was rejected {utc(at)}")


def _while_contained(sight: Sight) -> Seen:
    if sight.contained:
        return Found("this VM is contained or being restored, and somebody starts it")
    return None  # that it is not contained is no news


def _defender_alert(sight: Sight) -> Seen:
    known = sight.facts.defender
    if known is None:
        missing = any(fact.name == _DEFENDER for fact in sight.facts.missing)
        return Unseen("alerts of Defender for Cloud") if missing else None
    grave = [alert for alert in known.alerts if alert.severity.rank >= Severity.MEDIUM.rank]
    if not grave:
        return Fine("Defender for Cloud has no open alert of weight") if known.plan else None
    more = f" and {counted(len(grave) - 1, 'more alert')}" if len(grave) > 1 else ""
    return Found(f"Defender for Cloud has an open alert for this VM: {said(grave[0].name)}{more}")


SIGNALS = (
    SignalSpec("many-vms", Threat.MALICIOUS, 25, _many_vms),
    SignalSpec("failed-attempts", Threat.MALICIOUS, 15, _failed_before),
    SignalSpec("rejected-before", Threat.MALICIOUS, 35, _rejected_before),
    SignalSpec("caller-rejected", Threat.MALICIOUS, 40, _caller_rejected),
    SignalSpec("while-contained", Threat.MALICIOUS, 40, _while_contained),
    SignalSpec("defender-alert", Threat.MALICIOUS, 30, _defender_alert),
)
