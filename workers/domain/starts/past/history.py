"""What is remembered of a VM and of a caller, summed up as it was just before one start.

Only that is kept with the start.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter

from workers.domain.model import Stored, UtcTime
from workers.domain.starts.addresses import network_of
from workers.domain.starts.events import StartEvent
from workers.domain.starts.past.entries import (
    ANSWERS,
    STARTS,
    Past,
    PastStart,
    What,
    caller_key,
    client_key,
    id_of,
    vm_digest,
)
from workers.domain.starts.risk_settings import RiskSettings

_MOST_SEEN = 3
_HOURS = 24
_NEVER = datetime.min.replace(tzinfo=UTC)
_AT = attrgetter("at")


class Seen(Stored):
    """A network or a client that a caller has used, and on how many days."""

    what: str
    days: int


class History(Stored):
    """What was known of the VM and of the caller just before one start. Times are UTC, hours too.

    Attributes:
        vm_starts: earlier starts of this VM that are remembered, and on how many days.
        by_caller: how many of them are this caller's.
        callers: how many callers it had.
        vm_hours: how many of them fell into each hour of the day.
        usual_answerer: who answered most questions about it, and ``usual_answers`` how many.
        rejected_at: when a start of it was rejected last.
        caller_rejected_at: when a start by this caller was rejected last, of whichever VM.
        failed_before: failed attempts by this caller, or on this VM, just before.
        caller_starts: earlier starts by this caller of any VM, and on how many days.
        networks: where they were, the most usual first; ``network_days`` is of the one of this start.
        networks_count: how many networks there were.
        clients: as ``networks``, for applications.
        caller_last_at: when they started a VM last; ``caller_last_network`` and ``caller_last_client`` are
            from where and with which application, each empty if Azure did not tell.
        recent_vms: how many VMs they started within minutes, with this one.
        busy_days: earlier days on which they started many within minutes, too, if these are many.
    """

    vm_starts: int = 0
    vm_days: int = 0
    vm_last_at: UtcTime | None = None
    by_caller: int = 0
    callers: int = 0
    vm_hours: tuple[int, ...] = ()
    passed: int = 0
    confirmed: int = 0
    rejected: int = 0
    silent: int = 0
    usual_answerer: str = ""
    usual_answers: int = 0
    rejected_at: UtcTime | None = None
    caller_rejected_at: UtcTime | None = None
    failed_before: int = 0
    caller_known: bool = False
    caller_starts: int = 0
    caller_days: int = 0
    networks: tuple[Seen, ...] = ()
    networks_count: int = 0
    network_days: int = 0
    clients: tuple[Seen, ...] = ()
    client_days: int = 0
    caller_hours: tuple[int, ...] = ()
    recent_vms: int = 1
    busy_days: int = 0
    caller_last_at: UtcTime | None = None
    caller_last_network: str = ""
    caller_last_client: str = ""


def history(past: Past, event: StartEvent, settings: RiskSettings) -> History:
    """What is remembered, summed up as it was when this start began.

    Later entries and this start's own don't count, so that a late or repeated telling gives the same.
    """
    own, key = id_of(event), caller_key(event.caller)
    of_vm = [one for one in past.of_vm if one.at <= event.at and one.id != own]
    of_caller = [one for one in past.of_caller if one.at <= event.at and one.id != own]
    starts, theirs = _starts(of_vm), _starts(of_caller)
    days = [one.at.date() for one in theirs]
    answers = _answers(of_vm)
    told = Counter(one.what for one in answers)
    people = Counter(one.by for one in answers if one.by)
    answerer, count = people.most_common(1)[0] if people else ("", 0)
    networks, clients = (
        _days_of((one.network, day) for one, day in zip(theirs, days, strict=True)),
        _days_of((one.client, day) for one, day in zip(theirs, days, strict=True)),
    )
    recent, busy = _many(theirs, event, settings)
    return History(
        vm_starts=len(starts),
        vm_days=len({one.at.date() for one in starts}),
        vm_last_at=starts[-1].at if starts else None,
        by_caller=sum(one.who == key for one in starts) if key else 0,
        callers=len({one.who for one in starts}),
        vm_hours=_hours(starts),
        passed=sum(one.what is What.PASSED for one in starts),
        confirmed=told[What.CONFIRMED],
        rejected=told[What.REJECTED],
        silent=told[What.SILENT],
        usual_answerer=answerer,
        usual_answers=count,
        rejected_at=max((one.at for one in answers if one.what is What.REJECTED), default=None),
        failed_before=_failed(of_vm, of_caller, event, settings),
        caller_known=bool(key),
        caller_starts=len(theirs),
        caller_days=len(set(days)),
        networks=_most(networks),
        networks_count=len(networks),
        network_days=networks.get(network_of(event.caller.ip), 0),
        clients=_most(clients),
        client_days=clients.get(client_key(event.caller), 0),
        caller_hours=_hours(theirs),
        recent_vms=recent,
        busy_days=busy,
        caller_rejected_at=max((one.at for one in of_caller if one.what is What.REJECTED), default=None),
        caller_last_at=theirs[-1].at if theirs else None,
        caller_last_network=theirs[-1].network if theirs else "",
        caller_last_client=theirs[-1].client if theirs else "",
    )


def _answers(of_vm: Sequence[PastStart]) -> list[PastStart]:
    """What became of questions; without the confirmations that were taken back."""
    taken_back = {one.id: one.at for one in of_vm if one.what is What.TAKEN_BACK}
    return [
        one
        for one in of_vm
        if one.what in ANSWERS
        and not (one.what is What.CONFIRMED and one.at <= taken_back.get(one.id, _NEVER))
    ]


def _starts(entries: Sequence[PastStart]) -> list[PastStart]:
    """Each start once, without those that failed, oldest first."""
    failed = {one.id for one in entries if one.what is What.FAILED}
    found: dict[str, PastStart] = {}
    for one in entries:
        if one.what in STARTS and one.id not in found and one.id not in failed:
            found[one.id] = one
    return sorted(found.values(), key=_AT)


def _hours(starts: Sequence[PastStart]) -> tuple[int, ...]:
    counts = Counter(one.at.hour for one in starts)
    return tuple(counts[hour] for hour in range(_HOURS)) if starts else ()


def _days_of(values: Iterable[tuple[str, date]]) -> dict[str, int]:
    """Each value → on how many days it was seen, the most usual first."""
    return dict(Counter(value for value, _ in dict.fromkeys(values) if value).most_common())


def _most(days: dict[str, int]) -> tuple[Seen, ...]:
    return tuple(Seen(what=what, days=count) for what, count in list(days.items())[:_MOST_SEEN])


def _many(theirs: Sequence[PastStart], event: StartEvent, settings: RiskSettings) -> tuple[int, int]:
    """How many VMs the caller started within minutes, and on how many earlier days there were as many.

    Those days are only looked for if there are many now.
    """
    span = timedelta(minutes=settings.many_minutes)
    recent = {one.vm for one in theirs if event.at - one.at <= span} | {vm_digest(event.vm.key)}
    busy: set[date] = set()
    if len(recent) < settings.many_vms:
        return len(recent), 0
    begin = 0
    for end, one in enumerate(theirs):
        while one.at - theirs[begin].at > span:
            begin += 1
        earlier = one.at.date() < event.at.date() and one.at.date() not in busy
        if earlier and len({each.vm for each in theirs[begin : end + 1]}) >= settings.many_vms:
            busy.add(one.at.date())
    return len(recent), len(busy)


def _failed(
    of_vm: Iterable[PastStart], of_caller: Iterable[PastStart], event: StartEvent, settings: RiskSettings
) -> int:
    span = timedelta(minutes=settings.failed_minutes)
    both = (*of_vm, *of_caller)
    return len({one.id for one in both if one.what is What.FAILED and event.at - one.at <= span})
