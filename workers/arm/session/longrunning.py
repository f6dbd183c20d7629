"""Long-running operations: remember where one can be asked about, and ask once.

Not the SDK's poller: its continuation token holds the whole first answer, and asking once through it hides
the status and ``Retry-After`` of a refusal. An address says all that is needed, and public calls do the rest.
Source: https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from azure.core.exceptions import DecodeError
from azure.core.pipeline import PipelineResponse

from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking, clean, retry_after_s
from workers.arm.session.noted import CORRELATION_ID
from workers.domain.errors import NotFound

SOONEST_S = 1.0
LATEST_S = 30.0
"""A longer ``Retry-After`` of an operation that goes well is cut: reading its status is cheap."""


class Outcome(StrEnum):
    """How an operation stands; ``GONE`` is one that Azure no longer knows."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """Azure's promise to do something.

    Attributes:
        url: where it can be asked about; empty where it was done at once.
        retry_after_s: how long to wait before the first look, in seconds, where Azure says so.
        correlation_id: Azure's own, by which its events know this operation.
    """

    url: str
    retry_after_s: float | None
    correlation_id: str = ""


def accepted_by(headers: Mapping[str, str]) -> Accepted:
    """What the headers of an answer promise."""
    return Accepted(
        url=headers.get("Azure-AsyncOperation") or headers.get("Location") or "",
        retry_after_s=retry_after_s(headers),
        correlation_id=headers.get(CORRELATION_ID) or "",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationState:
    """One look at an operation. ``properties`` are the provider's own, such as the id of a backup job."""

    outcome: Outcome
    retry_after_s: float | None = None
    code: str = ""
    message: str = ""
    properties: dict[str, Any]


class Receipt:
    """A ``raw_response_hook`` that keeps what the first answer says about the operation."""

    def __init__(self) -> None:
        self.accepted = Accepted(url="", retry_after_s=None)

    def __call__(self, response: PipelineResponse[Any, Any]) -> None:
        """Keep the headers of an answer."""
        self.accepted = accepted_by(response.http_response.headers)


async def operation_status(azure: Azure, url: str, doing: str) -> OperationState:
    """Ask once how an operation stands.

    Raises:
        DependencyAway: Azure does not answer, or throttles.
        StepFailed: we may not ask.
    """
    try:
        async with asking(f"ask how it stands: {doing}"):
            response = await azure.send("GET", url)
    except NotFound:
        return OperationState(outcome=Outcome.GONE, properties={})
    wait = retry_after_s(response.headers)
    if response.status_code == HTTPStatus.ACCEPTED:
        return OperationState(outcome=Outcome.RUNNING, retry_after_s=wait, properties={})
    try:
        found = response.json()
    except (ValueError, DecodeError):
        found = None
    body: dict[str, Any] = found if isinstance(found, dict) else {}
    properties = body.get("properties") or {}
    status = str(body.get("status") or "Succeeded").lower()
    if status == "succeeded":
        return OperationState(outcome=Outcome.SUCCEEDED, properties=properties)
    if status in ("failed", "canceled", "cancelled", "timedout"):
        error = body.get("error") or {}
        return OperationState(
            outcome=Outcome.FAILED,
            code=str(error.get("code") or status.capitalize()),
            message=clean(str(error.get("message") or "Azure gives no reason")),
            properties=properties,
        )
    return OperationState(outcome=Outcome.RUNNING, retry_after_s=wait, properties=properties)


def next_look_s(asked_s: float | None, *, usual_s: float) -> float:
    """Seconds until the next look: what Azure asked for, within reason, else ``usual_s``."""
    return min(max(usual_s if asked_s is None else asked_s, SOONEST_S), LATEST_S)
