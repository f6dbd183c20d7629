"""Every instrument of both processes: its name, its unit, and the labels that it may carry.

Without an exporter (``exporting.py``) they lead nowhere, and a call costs a tenth of a microsecond. No label
names a VM, a person or a caller: each further value of a label is a series that somebody has to store.

Names follow OpenTelemetry; Prometheus sees ``startgate.ask.duration`` as ``startgate_ask_duration_seconds``.
Source: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Observation

Labels = Mapping[str, str]


class Declared(NamedTuple):
    """What is known of an instrument before it is used.

    Attributes:
        unit: ``s``, or empty for a number of things.
        labels: every label that a value of it carries.
        instrument: itself.
    """

    instrument: "Histogram | Counter | Reading"
    unit: str
    labels: tuple[str, ...]


DECLARED: dict[str, Declared] = {}
"""Name → what it is. Dashboards and rules are held against it."""

_meter = metrics.get_meter("startgate")

_CALLS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)
_SOON_S = (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300, 1800)
_PEOPLE_S = (5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)
_WORK_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


def _duration(name: str, description: str, bounds: Sequence[float], *labels: str) -> Histogram:
    made = _meter.create_histogram(
        name, unit="s", description=description, explicit_bucket_boundaries_advisory=bounds
    )
    DECLARED[name] = Declared(made, "s", labels)
    return made


def _count(name: str, description: str, *labels: str) -> Counter:
    made = _meter.create_counter(name, description=description)
    DECLARED[name] = Declared(made, "", labels)
    return made


class Reading:
    """A gauge: what was read last, by labels, told whenever an exporter asks."""

    def __init__(self, name: str, description: str, *labels: str, unit: str = "") -> None:
        DECLARED[name] = Declared(self, unit, labels)
        self._labels = labels
        self._values: dict[tuple[str, ...], float] = {}
        self._ask: Callable[[], Iterable[tuple[float, Labels]]] | None = None
        self._name = name
        self._gauge = _meter.create_observable_gauge(name, [self._tell], unit=unit, description=description)

    def set(self, value: float, **labels: str) -> None:
        """This is its value from now on, for these labels."""
        self._values[tuple(labels[name] for name in self._labels)] = value

    def clear(self) -> None:
        """Nothing is known of it any more."""
        self._values.clear()

    def ask(self, source: Callable[[], Iterable[tuple[float, Labels]]]) -> None:
        """Have this asked each time, instead of telling what was set."""
        self._ask = source

    def _tell(self, _options: CallbackOptions) -> Iterable[Observation]:
        if self._ask is not None:
            return [Observation(value, dict(labels)) for value, labels in self._ask()]
        return [
            Observation(value, dict(zip(self._labels, key, strict=True)))
            for key, value in self._values.items()
        ]


# Starts, questions and answers

STARTS = _count("startgate.starts", "Start events taken in, by what they led to.", "outcome")
APPROVALS = _count("startgate.approvals", "What happened to questions.", "event")
ASK = _duration(
    "startgate.ask.duration", "From the start in Azure until its owner had the question.", _SOON_S, "risk"
)
ANSWER = _duration(
    "startgate.answer.duration", "From the question in Slack until its answer.", _PEOPLE_S, "answer"
)
UNREPLICATED = _count(
    "startgate.decisions.unreplicated", "Decisions that no replica of Redis had confirmed in time."
)
REFUSED = _count(
    "startgate.refusals", "Acts that were refused, for want of a permission or by a guard.", "kind"
)

CANARIES = _count("startgate.canaries", "Synthetic starts, by whether the bot saw them in time.", "result")
CANARY = _duration(
    "startgate.canary.duration", "How long a synthetic start took to each stage.", _SOON_S, "stage"
)

# Containments

FIRST_WRITE = _duration(
    "startgate.first_write.duration",
    "From the decision to contain a VM until the first write to Azure for it was sent.",
    _SOON_S,
    "cause",
)
CONTAIN = _duration(
    "startgate.contain.duration", "From the decision until the end was written.", _WORK_S, "cause", "outcome"
)
RESTORE = _duration(
    "startgate.restore.duration", "From the order to restore until the end was written.", _WORK_S, "outcome"
)
CONTAINMENTS = _count("startgate.containments", "What happened to containments and restores.", "event")
STEPS = _count("startgate.steps", "What became of steps and of their undoing.", "step", "event")

# What stands now, told by every worker alike

OPEN = Reading("startgate.approvals.open", "Questions without an answer.")
OVERDUE = Reading(
    "startgate.documents.overdue", "Documents that nobody has looked at for a minute though they were due."
)
UNSHOWN = Reading("startgate.documents.unshown", "Documents whose change is on no card after a minute.")
STANDING = Reading("startgate.containments.standing", "Containments that hold a VM.")
DEAD_LETTERS = Reading(
    "startgate.dead_letters", "Messages in the dead letters, as far as they are counted.", "queue"
)

# The bus

MESSAGE_AGE = _duration(
    "startgate.message.age", "How long a message was on its queue when it was taken.", _SOON_S, "queue"
)
SETTLED = _count(
    "startgate.messages.settled",
    "Messages that did not simply end, by how they were settled.",
    "queue",
    "how",
)

# Azure and Slack

ARM = _duration(
    "startgate.arm.request.duration",
    "Requests to Azure Resource Manager; status 0 stands for no answer.",
    _CALLS_S,
    "operation",
    "status",
)
SLACK = _duration(
    "startgate.slack.request.duration",
    "Calls of Slack's Web API; status 0 stands for no answer.",
    _CALLS_S,
    "method",
    "status",
)

# The process

SWEEP = _duration("startgate.sweep.duration", "Runs of periodic work.", _CALLS_S, "sweep", "result")
SWEEP_AGE = Reading("startgate.sweep.age", "Time since periodic work last ran to its end.", "sweep", unit="s")
SWEEP_OVERDUE = Reading("startgate.sweep.overdue", "1 if periodic work is overdue, else 0.", "sweep")
DEPENDENCY = Reading(
    "startgate.dependency.up", "1 if what this process needs answered last, else 0.", "dependency"
)
READY = Reading("startgate.ready", "1 if this process takes work, else 0.")
POLICY = Reading("startgate.policy", "1, for the policy in force.", "sha256")
