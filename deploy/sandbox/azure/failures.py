"""Long-running operations that are accepted and then fail, are cancelled, or never end: on demand."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from deploy.sandbox.azure.operations import BadEnd, Operation, Operations

_SENTENCES = {
    "Failed": ("InternalExecutionError", "An internal execution error occurred. Please retry later."),
    "Canceled": ("OperationCanceled", "The operation was canceled."),
    "Cancelled": ("OperationCancelled", "The operation was cancelled."),
    "TimedOut": ("OperationTimedOut", "The operation did not finish in the time that is allowed for it."),
}


class Failure(BaseModel):
    """One planned end. The first that matches an operation as it begins decides how that operation ends.

    Attributes:
        operation: regular expression, searched in its name, such as ``deallocate`` or ``NIC PUT``.
        target: regular expression, searched in the id of its resource, without regard to case.
        ends: the last status; ``never`` leaves it in progress (people report operations of 50 hours).
            ``CompletedWithWarnings`` is for backups: the operation succeeds, its job says so.
        code: of the error that the status document ends with; a usual one if it is not given.
        message: of the same.
        times: how many operations it applies to; ``None`` until it is removed.
    """

    model_config = ConfigDict(extra="forbid")

    operation: str = ""
    target: str = ""
    ends: BadEnd | Literal["never", "CompletedWithWarnings"] = "Failed"
    code: str = ""
    message: str = ""
    times: int | None = Field(default=None, ge=1)

    @property
    def error(self) -> tuple[str, str]:
        """Code and message of the error."""
        code, message = _SENTENCES.get(self.ends, _SENTENCES["Failed"])
        return self.code or code, self.message or message


class EndAsk(BaseModel):
    """Body of ``POST /_operations/end``: end what runs now, and matches, in this way.

    Attributes:
        operation, target: as in ``Failure``.
        ends: the last status.
    """

    model_config = ConfigDict(extra="forbid")

    operation: str = ""
    target: str = ""
    ends: BadEnd | Literal["Succeeded"] = "Succeeded"


class Failures:
    """The planned failures in force."""

    def __init__(self) -> None:
        self._planned: list[Failure] = []

    @property
    def planned(self) -> list[Failure]:
        return list(self._planned)

    def put(self, *failures: Failure) -> None:
        """Replace all planned failures by these."""
        self._planned = list(failures)

    def plan(self, operation: Operation) -> None:
        """Decide how the operation ends if that is planned, counted down."""
        for failure in self._planned:
            if not _matches(failure, operation):
                continue
            if failure.times is not None:
                failure.times -= 1
                if failure.times == 0:
                    self._planned.remove(failure)
            _decide(operation, failure)
            return


def end_now(operations: Operations, ask: EndAsk) -> list[Operation]:
    """End the running operations that match; returns them."""
    matching = [operation for operation in operations.running() if _matches(ask, operation)]
    for operation in matching:
        if ask.ends == "Succeeded":
            operations.end(operation, None)
        else:
            operations.end(operation, _SENTENCES[ask.ends], ask.ends)
    return matching


def _matches(wanted: Failure | EndAsk, operation: Operation) -> bool:
    named = re.search(wanted.operation, operation.name) is not None
    return named and re.search(wanted.target, operation.target, re.IGNORECASE) is not None


def _decide(operation: Operation, failure: Failure) -> None:
    if failure.ends == "never":
        operation.hangs = True
    elif failure.ends == "CompletedWithWarnings":
        operation.wanted_end = failure.ends
    else:
        operation.failure, operation.bad_end = failure.error, failure.ends
