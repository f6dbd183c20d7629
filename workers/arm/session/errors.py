"""What Azure answers when it says no, as the domain's errors.

404 → ``NotFound``; 408, 429, 5xx, no connection, no answer in time, none that can be read, no token →
``DependencyAway``, which names the subscription where Azure did answer about one; 412 and "somebody else is
writing" → ``Busy``, which steps turn into another look; everything else → ``StepFailed``.
No error carries a token or a whole response body, and none is chained to the SDK's, which may.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from workers.arm.session import policy_refusals
from workers.domain.errors import DependencyAway, NotFound, StartgateError, StepFailed
from workers.runtime.secrets import redacted

CALL_TIMEOUT_S = 20.0
"""Of one call, from asking for a connection to the last byte."""

AWAY = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses by which Azure says that it can't answer for now."""
_BUSY_CODES = frozenset(
    {
        "AnotherOperationInProgress",
        "Conflict",
        "ConflictingConcurrentWriteNotAllowed",
        "OperationPreempted",
        "PreconditionFailed",
        "ReferencedResourceNotProvisioned",
        "RetryableError",
    }
)
_LONGEST = 400
_LONGEST_GOVERNED = 500
"""As long as what a step says of itself."""
_IN_SUBSCRIPTION = re.compile(r"/subscriptions/([^/?]+)", re.IGNORECASE)
_LOCKED = re.compile(r"scope\(s\) are locked: '([^']+)'")
_DENIED_ACTION = re.compile(r"perform action(?:\(s\))? '([^']+)'")


class Busy(StepFailed):
    """Somebody else is writing, or has written since we read: read again and try again."""


class Unreadable(DependencyAway):
    """What came in the place of Azure's answer is not JSON; another call may fare better."""


@asynccontextmanager
async def asking(doing: str, *, timeout_s: float = CALL_TIMEOUT_S) -> AsyncIterator[None]:
    """Around one call: limits its time, and turns what the SDK raises into the domain's errors.

    Args:
        doing: what is asked for, as an infinitive: ``read the VM web-01``.
        timeout_s: seconds the call may take.
    """
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError:
        raise DependencyAway("azure", f"could not {doing}: no answer within {timeout_s:g} s") from None
    except AzureError as error:
        raise translated(error, doing) from None
    except (ValueError, RecursionError):
        # The SDK lets these pass: a proxy's page in the place of an answer, or JSON that nests without end.
        raise Unreadable("azure", f"could not {doing}: the answer is not JSON") from None


def translated(error: AzureError, doing: str) -> StartgateError:
    """The domain's error for one of the SDK's."""
    if not isinstance(error, HttpResponseError) or error.response is None:
        if isinstance(error, ClientAuthenticationError):
            return DependencyAway(
                "azure",
                f"could not {doing}: no token ({type(error).__name__}). Give this process "
                "the identity that STARTGATE_CREDENTIAL names: by default a managed identity, with "
                "its client id in AZURE_CLIENT_ID if it has several",
            )
        return DependencyAway("azure", f"could not {doing}: {clean(type(error).__name__)}")
    code, message = code_and_message(error)
    return _refused(error, doing, error.status_code or 0, code, message)


def _refused(error: HttpResponseError, doing: str, status: int, code: str, message: str) -> StartgateError:
    said = f"could not {doing}: {code}: {message}" if message else f"could not {doing}: {code}"
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(said)
    if status == HTTPStatus.PRECONDITION_FAILED or code in _BUSY_CODES:
        return Busy(said, code=code)
    if status in AWAY:
        return DependencyAway(
            "azure", said, retry_after_s=retry_after_s(_headers(error)), scope=_subscription(error)
        )
    if code == "ScopeLocked":
        said = f"could not {doing}: {_lock_said(message)} ({code}: {message})"
        return StepFailed(said, code=code, final=True)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _not_allowed(error, doing, code, message)
    return StepFailed(said, code=code)


def _not_allowed(error: HttpResponseError, doing: str, code: str, message: str) -> StepFailed:
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        return StepFailed(
            f"could not {doing}: Azure does not accept our token ({code}). Check the tenant of the managed "
            "identity and the credential scope",
            code=code,
        )
    whole = str(error.error.message or "") if error.error is not None else message
    if governed := policy_refusals.explained(doing, code, whole, _body(error)):
        return StepFailed(clean(governed, longest=_LONGEST_GOVERNED), code=code, final=True)
    return StepFailed(
        f"could not {doing}: we lack the right {_missing_right(error, whole)}. Give it to our identity "
        f"on this scope, or on its subscription ({code})",
        code=code,
        final=True,
    )


def _lock_said(message: str) -> str:
    """Where the locks are that Azure's sentence names, and what to do, before that sentence may be cut."""
    named = _LOCKED.search(message)
    places = (
        [_place(scope) for scope in named[1].split(", ")]
        if named
        else ["it, its resource group or its subscription"]
    )
    return (
        f"a management lock on {' and '.join(places)} forbids it. In the Azure portal, open Locks there and"
        " remove the lock, then try again"
    )


def _place(scope: str) -> str:
    parts = scope.strip("/").split("/")
    kinds = {2: "the subscription", 4: f"the resource group {parts[-1]}"}
    return kinds.get(len(parts), parts[-1])[:100]


def raise_worst(results: Sequence[object]) -> None:
    """Raise what went wrong among results, refusals first: a person has to hear what only they can mend."""
    errors = [result for result in results if isinstance(result, BaseException)]
    errors.sort(key=lambda error: not isinstance(error, StepFailed))
    if errors:
        raise errors[0]


def code_and_message(error: HttpResponseError) -> tuple[str, str]:
    """Azure's own code and sentence, the sentence cut and without anything that looks like a secret."""
    odata = error.error
    if odata is None:
        return f"HTTP {error.status_code}", ""
    return str(odata.code or f"HTTP {error.status_code}"), clean(str(odata.message or ""))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks us to wait, from ``Retry-After`` as seconds or as a date; else ``None``."""
    lower = {name.lower(): value for name, value in headers.items()}
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if lower.get(name, "").isdigit():
            return int(lower[name]) / 1000
    given = lower.get("retry-after", "").strip()
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _missing_right(error: HttpResponseError, message: str) -> str:
    """The denied action: as Azure names it (the last one, for linked scopes), else told from the call."""
    named = _DENIED_ACTION.findall(message)
    if named:
        return str(named[-1])
    request: Any = getattr(error.response, "request", None)
    return right_for(str(request.method), str(request.url)) if request is not None else "for this call"


def right_for(method: str, url: str) -> str:
    """The role action that a call needs, such as ``Microsoft.Network/networkInterfaces/write``."""
    _, provider, rest = urlsplit(url).path.rpartition("/providers/")
    if not provider:
        return "Microsoft.Resources/subscriptions/read"
    parts = [part for part in rest.split("/") if part]
    # Types stand between the names: …/virtualMachines/web-01. An action takes the place of a last type.
    kind = "/".join([*parts[:1], *parts[1::2]])
    actions = {"GET": "read", "HEAD": "read", "DELETE": "delete", "POST": "action"}
    return f"{kind}/{actions.get(method.upper(), 'write')}"


def _subscription(error: HttpResponseError) -> str:
    """The subscription that the call was about, in lower case; empty if it was about none."""
    request: Any = getattr(error.response, "request", None)
    named = _IN_SUBSCRIPTION.search(str(request.url)) if request is not None else None
    return named[1].lower() if named else ""


def _body(error: HttpResponseError) -> Mapping[str, Any]:
    """The answer as JSON, as far as it is an object."""
    try:
        found = json.loads(error.response.text()) if error.response is not None else {}
    except (ValueError, RecursionError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}


def _headers(error: HttpResponseError) -> Mapping[str, str]:
    headers: Mapping[str, str] = getattr(error.response, "headers", None) or {}
    return headers


def clean(text: str, *, longest: int = _LONGEST) -> str:
    """A text from Azure as one line of bearable length, without what looks like a token or a signature."""
    line = " ".join(redacted(text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
