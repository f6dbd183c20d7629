"""The risk of a start: which signals there are, and how high they are together.

A start weighs what its signals weigh. The policy says from which weight on it is of medium or of high risk;
the same numbers hold for each threat by itself. The same start gives the same.

Facts that come late, and starts that join a question, may raise its risk. Nothing lowers it: what was seen
stays, since whoever can have a fact read anew may be the one who wants it to look harmless.
"""

from enum import StrEnum

from workers.domain.model import Stored
from workers.domain.starts.risk_settings import RiskSettings
from workers.domain.starts.signals.signal import Fine, Found, Sight, Signal, Threat, Unseen
from workers.domain.starts.signals.table import SIGNALS

_MOST_KEPT = 40
"""Signals of one question: those of a start, and what further starts add."""


class Level(StrEnum):
    """How likely it is that a start is not what it seems."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """0 is low."""
        return _LEVELS.index(self)


_LEVELS = tuple(Level)


class Risk(Stored):
    """What the signals say of a start.

    Attributes:
        level: in sum.
        weight: of all signals together.
        by_threat: the level of each threat that has a signal, by itself.
        signals: the heaviest first.
        harmless: what was looked at and is fine, each in a few words.
        unseen: what could not be looked at, since a fact is missing: signal's id → the fact in a few words.
        untold: what Azure's event does not tell, and nobody can read later, each in a few words.
        highest: the level in sum, if all that could not be looked at were signals, too.
    """

    level: Level = Level.LOW
    weight: int = 0
    by_threat: dict[Threat, Level] = {}
    signals: tuple[Signal, ...] = ()
    harmless: tuple[str, ...] = ()
    unseen: dict[str, str] = {}
    untold: tuple[str, ...] = ()
    highest: Level = Level.LOW

    @property
    def threat(self) -> Threat | None:
        """The threat that it looks like most; ``None`` without any signal."""
        weights = _weights(self.signals)
        return max(weights, key=lambda threat: weights[threat]) if weights else None

    @property
    def settled(self) -> bool:
        """Whether nothing that is missing could make the level another one."""
        return self.level is self.highest

    @property
    def summary(self) -> dict[str, object]:
        """For the audit: the level, and the weight of each signal."""
        return {
            "level": self.level.value,
            "weight": self.weight,
            "signals": {one.id: one.weight for one in self.signals},
        }

    def or_more(self, later: "Risk") -> "Risk":
        """This risk with what was seen later, of the same start or of a further one. It never falls."""
        known = {(one.id, one.sentence) for one in self.signals}
        heavier = {one.id for one in self.signals}
        fresh = [one for one in later.signals if (one.id, one.sentence) not in known]
        unseen = {key: words for key, words in later.unseen.items() if key not in heavier}
        signals = sorted((*self.signals, *fresh), key=lambda one: -one.weight)[:_MOST_KEPT]
        return Risk(
            level=higher(self.level, later.level),
            weight=max(self.weight, later.weight),
            by_threat={
                threat: higher(self.by_threat.get(threat, Level.LOW), later.by_threat.get(threat, Level.LOW))
                for threat in Threat
                if threat in self.by_threat or threat in later.by_threat
            },
            signals=tuple(signals),
            harmless=later.harmless,
            unseen=unseen,
            untold=later.untold,
            highest=higher(self.level, later.highest),
        )


def assess_risk(sight: Sight) -> Risk:
    """Look at everything there is to look at."""
    found: list[Signal] = []
    harmless: list[str] = []
    unseen: dict[str, str] = {}
    untold: list[str] = []
    doubt = 0
    for spec in SIGNALS:
        weight = sight.settings.weights.get(spec.id, spec.weight)
        if not weight:
            continue
        match spec.look(sight):
            case Found(sentence):
                found.append(
                    Signal.model_construct(id=spec.id, threat=spec.threat, weight=weight, sentence=sentence)
                )
            case Fine(words):
                harmless.append(words)
            case Unseen(words, readable=True):
                unseen[spec.id] = words
                doubt += weight
            case Unseen(words):
                untold.append(words)
    found.sort(key=lambda one: -one.weight)
    total = sum(one.weight for one in found)
    return Risk(
        level=_level(total, sight.settings),
        weight=total,
        by_threat={
            threat: _level(weight, sight.settings) for threat, weight in _weights(tuple(found)).items()
        },
        signals=tuple(found),
        harmless=tuple(dict.fromkeys(harmless)),
        unseen=unseen,
        untold=tuple(dict.fromkeys(untold)),
        highest=_level(total + doubt, sight.settings),
    )


def _level(weight: int, settings: RiskSettings) -> Level:
    if weight >= settings.high:
        return Level.HIGH
    return Level.MEDIUM if weight >= settings.medium else Level.LOW


def _weights(signals: tuple[Signal, ...]) -> dict[Threat, int]:
    weights: dict[Threat, int] = {}
    for one in signals:
        weights[one.threat] = weights.get(one.threat, 0) + one.weight
    return weights


def higher(one: Level, other: Level) -> Level:
    """The higher of the two."""
    return max(one, other, key=lambda level: level.rank)
