"""Everything that can go wrong, each error with what a person can do about it.

StartgateError
├── InvalidEvent           a message is not a start event; it is dead-lettered with the reason
├── InvalidFile            a file that people write; carries every finding with line and column
│   ├── InvalidPolicy      the policy file
│   └── InvalidSpec        the specification of a VM that is to be made
├── NotAllowed             somebody asked for something they have no permission for; audited
├── NeverContained         the policy forbids containing this VM, whoever asks; audited
├── AlreadyDecided         somebody else was faster; carries who
├── NotFound               no such document, VM or resource
├── NotYet                 something else has to end first; says what to wait for
│   └── NewerDocument      a newer version wrote it, and this one can't read it
├── Outdated               it is no longer as it was shown; show it again before anything is done
├── Conflict               somebody else wrote in between; read again and retry
├── StepFailed             Azure refused a containment step
└── DependencyAway         Azure, Redis, Slack or the bus does not answer, or throttles; try later
    └── WritesPaused       somebody has paused all writes to Azure; goes on when that ends
"""

from dataclasses import dataclass
from datetime import datetime


class StartgateError(Exception):
    """Base of all errors that Startgate raises on purpose."""

    def diagnostics(self) -> str:
        """A sentence or two for a person: what happened and what to do about it."""
        return str(self)


class InvalidEvent(StartgateError):
    """The message is not a start event that can be understood.

    Attributes:
        reason: Service Bus's dead-letter reason, one or two words in CamelCase.
        description: what exactly is wrong, for the person who looks into the dead-letter queue.
    """

    def __init__(self, reason: str, description: str) -> None:
        super().__init__(f"{reason}: {description}")
        self.reason = reason
        self.description = description


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing wrong in a file; ``line`` and ``column`` count from 1."""

    line: int
    column: int
    where: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.line}:{self.column}: {self.where}: {self.problem}.{remedy}"


class InvalidFile(StartgateError):
    """A file has errors: all of them, not only the first."""

    def __init__(self, findings: list[Finding], *, path: str = "file") -> None:
        self.findings = sorted(findings, key=lambda f: (f.line, f.column))
        self.path = path
        super().__init__(self.diagnostics())

    def diagnostics(self) -> str:
        """One line an error, in the order of the file: ``policy.yaml:4:11: …``, which editors can open."""
        count = len(self.findings)
        head = f"{self.path}: {count} error{'' if count == 1 else 's'}"
        return "\n".join([head, *(f"{self.path}:{finding}" for finding in self.findings)])


class InvalidPolicy(InvalidFile):
    """The policy file has errors."""

    def __init__(self, findings: list[Finding], *, path: str = "policy") -> None:
        super().__init__(findings, path=path)


class InvalidSpec(InvalidFile):
    """The specification of a VM has errors."""


class NotAllowed(StartgateError):
    """This person may not do this; the message says who may."""


class NeverContained(StartgateError):
    """The VM is in the policy's guarded set; the message names the guard, and says what helps."""


class AlreadyDecided(StartgateError):
    """The approval was decided, or closed, before this answer came.

    Attributes:
        outcome: a sentence saying by whom and when.
    """

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class NotFound(StartgateError):
    """It does not exist, or no longer."""


class NotYet(StartgateError):
    """It can't be done while something else is under way; the message says what to wait for."""


class TakesTwo(NotYet):
    """The policy wants two persons for it: one of them asks for it, and somebody else approves."""


class OnlyObserving(NotYet):
    """The policy only observes: nobody can have anything changed in Azure."""

    def __init__(self) -> None:
        super().__init__(
            "The policy's mode is observe: starts are only recorded, and nothing is written to Azure. To have"
            " VMs contained or restored, set mode: enforce in the policy of the bot and of the workers."
        )


class NeedsReason(NotYet):
    """A start of high risk is confirmed with a reason only."""


class NewerDocument(NotYet):
    """A newer version of Startgate wrote this document, and this one can't read it.

    Nothing is wrong with it: during a rolling upgrade another process can take it, or this one later.
    """


class Outdated(StartgateError):
    """It is no longer as it was shown to whoever decided. They are shown how it is now, and asked again."""


class Conflict(StartgateError):
    """The document changed since it was read. Read it again and decide again."""


class StepFailed(StartgateError):
    """A containment step can't be done right now. Trying again may help, unless ``final``.

    Attributes:
        code: Azure's own error code, such as ``ScopeLocked``.
        final: another attempt is pointless.
    """

    def __init__(self, message: str, *, code: str = "", final: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.final = final


class DependencyAway(StartgateError):
    """A service we need does not answer, or asks us to wait.

    Attributes:
        service: ``azure``, ``redis``, ``slack`` or ``servicebus``.
        retry_after_s: what it asked for, in seconds, or ``None``.
        scope: the part of it that is away, such as the id of a subscription; empty for all of it.
    """

    def __init__(
        self, service: str, message: str, *, retry_after_s: float | None = None, scope: str = ""
    ) -> None:
        super().__init__(f"{service}: {message}")
        self.service = service
        self.retry_after_s = retry_after_s
        self.scope = scope


class WritesPaused(DependencyAway):
    """Nothing is written to Azure for now, because somebody has paused that. No request was sent.

    Attributes:
        until: when the pause ends by itself.
    """

    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__("azure", message)
        self.until = until
