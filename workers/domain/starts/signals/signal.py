"""What a signal is, what it gets to see, and what it can say.

A look is a pure function of a ``Sight``: the same start gives the same. It says one of four things: ``Found``
(a sentence that holds its evidence), ``Fine`` (what was seen and is harmless), ``Unseen`` (which fact is
missing), or ``None``, where the question does not arise.

Values from outside get into sentences by ``said`` only: cut, in quotation marks that they can't end. Whoever
shows a sentence escapes all of it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from workers.domain.model import Stored
from workers.domain.starts.addresses import read_address
from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import Facts
from workers.domain.starts.owners.tags_before import OwnerChange
from workers.domain.starts.past.history import History
from workers.domain.starts.people import Owner
from workers.domain.starts.risk_settings import RiskSettings

_MOST_SAID = 60
_QUOTES = str.maketrans({"\u201c": "'", "\u201d": "'", "\u201e": "'", "\u201f": "'"})


class Threat(StrEnum):
    """What a start may be, when it is not what it seems."""

    UNAUTHORIZED = "unauthorized access"
    MALICIOUS = "malicious activity"
    MISCONFIGURED = "misconfiguration"


class Sight(NamedTuple):
    """What is known of a start.

    Attributes:
        owner: by the VM's tags; nobody while they are not known.
        owner_change: how the owner by the tags has changed, if it has.
        history: ``None`` if it could not be read.
        contained: whether a containment of the VM stands, or is being undone.
    """

    event: StartEvent
    facts: Facts
    owner: Owner
    settings: RiskSettings
    history: History | None = None
    owner_change: OwnerChange | None = None
    contained: bool = False


class Found(NamedTuple):
    """A sentence without its full stop, beginning in lower case."""

    sentence: str


class Fine(NamedTuple):
    """A few words: ``signed in with MFA``."""

    words: str


class Unseen(NamedTuple):
    """Which fact is missing, in a few words. It is not ``readable`` where only the event could tell it."""

    words: str
    readable: bool = True


Seen = Found | Fine | Unseen | None
Look = Callable[[Sight], Seen]


class SignalSpec(NamedTuple):
    """One kind of signal. ``id`` is for policies and audits, and stays. ``weight`` is the usual one."""

    id: str
    threat: Threat
    weight: int
    look: Look


class Signal(Stored):
    """One piece of evidence, as found.

    Attributes:
        sentence: one plain sentence without its full stop. It holds values from outside.
    """

    id: str
    threat: Threat
    weight: int
    sentence: str


def said(value: str, most: int = _MOST_SAID) -> str:
    """A value from outside in quotation marks, which it can't end; one line, at most ``most`` characters."""
    text = " ".join(value.translate(_QUOTES).split())
    shown = text if len(text) <= most else f"{text[: most - 1]}\u2026"
    return f"\u201c{shown}\u201d"


def address(text: str) -> str:
    """An address; what is none is said as any other value."""
    found = read_address(text)
    return str(found) if found is not None and "%" not in text else said(text)


def utc(at: datetime) -> str:
    """``2026-11-24 03:49 UTC``."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def counted(count: int, noun: str) -> str:
    """``1 day``, ``3 days``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def is_person(sight: Sight) -> bool:
    """Whether a user started it, as far as Azure tells: users have an e-mail address or are called so."""
    caller = sight.event.caller
    return caller.kind.value == "user" or bool(caller.email)
