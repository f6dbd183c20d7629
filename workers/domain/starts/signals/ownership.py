"""Whose VM it is, and whether its caller has the habit of starting it."""

from workers.domain.starts.signals.signal import (
    Fine,
    Found,
    Seen,
    Sight,
    SignalSpec,
    Threat,
    Unseen,
    counted,
    is_person,
    said,
    utc,
)


def _not_owner(sight: Sight) -> Seen:
    if not is_person(sight):
        return None  # its habits are looked at instead
    if sight.facts.machine is None:
        return Unseen("the VM's owner")
    owner, email = sight.owner, sight.event.caller.email.lower()
    former = sight.owner_change.former.emails if sight.owner_change is not None else owner.emails
    if email and email in former:
        return Fine("the caller owns the VM")
    who = said(sight.event.caller.label)
    if email and email in owner.emails:
        return Found(f"{who} owns this VM only since its owner tag was changed")
    if not owner.emails:
        return None  # nobody is named, or by a Slack id, which Azure does not know
    by = "the policy" if owner.by_policy else "its tag"
    others = f" and {counted(len(owner.emails) - 1, 'other')}" if len(owner.emails) > 1 else ""
    return Found(f"{who} is not the owner of this VM; {by} names {said(owner.emails[0])}{others}")


def _never_started(sight: Sight) -> Seen:
    past = sight.history
    if past is None:
        return Unseen("earlier starts")
    if not past.caller_known or past.vm_starts < sight.settings.enough_starts:
        return None
    if past.by_caller:
        return Fine(f"the caller started this VM {counted(past.by_caller, 'time')} before")
    return Found(
        f"this caller never started this VM; {counted(past.callers, 'other')} did so "
        f"{counted(past.vm_starts, 'time')}"
    )


def _first_in_days(sight: Sight) -> Seen:
    past = sight.history
    if past is None:
        return Unseen("earlier starts")
    if past.vm_last_at is None:
        return None  # nothing is remembered, which is usual at first
    days = (sight.event.at - past.vm_last_at).days
    if days < sight.settings.quiet_days:
        return Fine(f"the VM was started last {counted(days, 'day')} ago")
    last = utc(past.vm_last_at)
    return Found(f"this is the first start of this VM in {counted(days, 'day')}; the last one was {last}")


def _owner_tag_changed(sight: Sight) -> Seen:
    if sight.facts.machine is None:
        return Unseen("the VM's tags")
    change = sight.owner_change
    if change is None:
        return Fine("the owner tag names whom it named a day ago") if sight.owner.known else None
    before = change.former.named
    added = [one for one in sight.owner.named if one not in before]
    names = f"names {said(added[0])}" if added else "no longer names all of them"
    was = f"before, it named {said(before[0])}" if before else "before, it named nobody"
    return Found(f"the owner tag of this VM {names} since {utc(change.at)}; {was}")


SIGNALS = (
    SignalSpec("not-owner", Threat.UNAUTHORIZED, 15, _not_owner),
    SignalSpec("never-started-this-vm", Threat.UNAUTHORIZED, 15, _never_started),
    SignalSpec("first-start-in-days", Threat.UNAUTHORIZED, 10, _first_in_days),
    SignalSpec("owner-tag-changed", Threat.MALICIOUS, 35, _owner_tag_changed),
)
