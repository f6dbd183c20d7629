"""How an operation stands, by what Azure answers about it."""

from typing import Any

import pytest

from workers.arm.session.longrunning import Outcome, operation_status


class Answer:
    status_code = 200

    def __init__(self, status: str) -> None:
        self.headers: dict[str, str] = {}
        self._status = status

    def json(self) -> dict[str, str]:
        return {"status": self._status}


class Azure:
    def __init__(self, status: str) -> None:
        self._status = status

    async def send(self, _method: str, _url: str) -> Answer:
        return Answer(self._status)


@pytest.mark.parametrize("status", ["TimedOut", "Failed", "Canceled", "canceled", "Cancelled"])
async def test_an_operation_that_was_cancelled_has_failed_in_any_spelling(status: str) -> None:
    azure: Any = Azure(status)
    state = await operation_status(
        azure, "https://management.azure.com/operations/1", "deallocate the VM web-01"
    )
    assert state.outcome is Outcome.FAILED
    assert state.code == status.capitalize()
