"""What is remembered of starts and their answers: one entry each, and what single entries tell.

The store keeps a bounded list of ``PastStart`` for each VM and for each caller.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from workers.domain.starts.addresses import network_of
from workers.domain.starts.events import Caller, Phase, StartEvent
from workers.domain.starts.vm import TurnedOn

MOST_OF_VM = 100
MOST_OF_CALLER = 200
"""So many of the newest are kept."""
_LONGEST = 80
"""Characters of what a caller or a client may call itself."""
_KEY = 16
"""Characters of a start's key that its id begins with."""
_SWEPT = "sweep:"


class What(StrEnum):
    """What happened. A start that is asked about and one that passed are both starts."""

    STARTED = "started"
    PASSED = "passed"
    FAILED = "failed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    SILENT = "silent"
    TAKEN_BACK = "taken back"


_WHATS = {what.value: what for what in What}
STARTS = (What.STARTED, What.PASSED)
ANSWERS = (What.CONFIRMED, What.REJECTED, What.SILENT)


class PastStart(NamedTuple):
    """One start of a VM, or what became of one.

    Attributes:
        at: by Azure's clock for starts, by ours for answers; in UTC.
        id: the same for each telling of one start.
        who: the caller, by ``caller_key``.
        vm: a short digest of the VM's id.
        network: where the caller was.
        client: the application's id, in lower case.
        by: who answered, by name; of a start that only the VM's power state told of, since when it may be.
    """

    at: datetime
    what: What
    id: str
    who: str = ""
    vm: str = ""
    network: str = ""
    client: str = ""
    by: str = ""

    @property
    def text(self) -> str:
        """Compact, and without the time, which is kept beside it."""
        return json.dumps([self.what.value, *self[2:]], separators=(",", ":"))


_MOST_TEXTS = len(PastStart._fields) - 2


def past_start(text: str | bytes, at: datetime) -> PastStart | None:
    """One from its text; ``None`` if another version wrote what this one can't read."""
    try:
        what, *rest = _read(text)
        "".join(rest)  # a TypeError unless all of them are texts; a start may read hundreds
        return PastStart(at, _WHATS[what], *rest[:_MOST_TEXTS])
    except (ValueError, TypeError, KeyError):
        return None


def _read(text: str | bytes) -> Any:
    """A start may read hundreds of them, so it is done the fast way where that can."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # half a character, which Python's own writes and reads
        return json.loads(text)


def caller_key(caller: Caller) -> str:
    """Who it is, as short as it can be told for sure; empty if Azure does not tell."""
    return (caller.object_id or caller.email or caller.app_id).strip().lower()[:_LONGEST]


def client_key(caller: Caller) -> str:
    """The application that was used; empty if Azure does not tell."""
    return caller.app_id.lower()[:_LONGEST]


def vm_digest(vm_key: str) -> str:
    """Tells the VMs of one caller apart."""
    return hashlib.sha256(vm_key.encode(errors="replace")).hexdigest()[:12]


def of_event(event: StartEvent, *, passed: bool = False) -> PastStart:
    """This start, to be remembered. Clients reuse correlation ids, so the id holds the hour, too."""
    what = What.FAILED if event.phase is Phase.FAILED else What.PASSED if passed else What.STARTED
    return PastStart(
        at=event.at,
        what=what,
        id=id_of(event),
        who=caller_key(event.caller),
        vm=vm_digest(event.vm.key),
        network=network_of(event.caller.ip),
        client=client_key(event.caller),
        by=f"{_SWEPT}{event.between.after.isoformat()}" if event.between else "",
    )


def between_of(start: PastStart) -> TurnedOn | None:
    """When a start must have been that only the VM's power state told of; ``None`` for any other."""
    if start.what not in STARTS or not start.by.startswith(_SWEPT):
        return None
    try:
        return TurnedOn(after=datetime.fromisoformat(start.by.removeprefix(_SWEPT)), until=start.at)
    except ValueError:
        return None


def tells_of(past: Iterable[PastStart], event: StartEvent, *, within: timedelta) -> bool:
    """Whether this start is remembered already, by whatever told of it."""
    same = event.dedupe_key[:_KEY]
    return any(
        one.id.startswith(same) and abs(one.at - event.at) <= within
        for one in past
        if one.what in (*STARTS, What.FAILED)
    )


def started_between(past: Iterable[PastStart], first: datetime, last: datetime) -> bool:
    """Whether a start is remembered that was between these times."""
    return any(one.what in STARTS and first <= one.at <= last for one in past)


def of_answer(what: What, at: datetime, approval_id: str, event: StartEvent, by: str = "") -> PastStart:
    """What became of a question about this start."""
    return PastStart(at=at, what=what, id=approval_id, who=caller_key(event.caller), by=by[:_LONGEST])


def id_of(event: StartEvent) -> str:
    """The id of whatever is remembered of this start."""
    return f"{event.dedupe_key[:_KEY]}{event.at:%d%H}"


class Past(NamedTuple):
    """What the store remembers, oldest first."""

    of_vm: tuple[PastStart, ...] = ()
    of_caller: tuple[PastStart, ...] = ()
