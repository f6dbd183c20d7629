"""Long-running operations that are accepted and then fail, on demand."""

import re

from pydantic import BaseModel, ConfigDict, Field

from deploy.sandbox.azure.operations import Operation


class Failure(BaseModel):
    """One planned failure. The first that matches an operation as it begins makes it fail.

    Attributes:
        operation: regular expression, searched in its name, such as ``deallocate`` or ``NIC PUT``.
        target: regular expression, searched in the id of its resource, without regard to case.
        code: of the error the status document ends with.
        message: of the same.
        times: how many operations it applies to; ``None`` until it is removed.
    """

    model_config = ConfigDict(extra="forbid")

    operation: str = ""
    target: str = ""
    code: str = "InternalExecutionError"
    message: str = "An internal execution error occurred. Please retry later."
    times: int | None = Field(default=None, ge=1)


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
        """Make the operation fail if one is planned for it, counted down."""
        for failure in self._planned:
            if not re.search(failure.operation, operation.name):
                continue
            if not re.search(failure.target, operation.target, re.IGNORECASE):
                continue
            if failure.times is not None:
                failure.times -= 1
                if failure.times == 0:
                    self._planned.remove(failure)
            operation.failure = (failure.code, failure.message)
            return
