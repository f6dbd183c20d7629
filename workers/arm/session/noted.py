"""Notes what is written to Azure: method, path, status, ids and bodies, without secrets.

Every request carries ``x-ms-client-request-id``, which the SDK's ``RequestIdPolicy`` makes. Azure answers
with ``x-ms-request-id`` and ``x-ms-correlation-request-id``, by which the Activity Log knows the change.
Source: https://github.com/Azure/azure-resource-manager-rpc/blob/master/v1.0/common-api-details.md
and https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema (correlationId, httpRequest)
"""

import json
import re
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from azure.core.pipeline import PipelineRequest, PipelineResponse, policies

from workers.arm.session.pipeline import writes
from workers.domain.containment.exchanges import Exchange, note, noted
from workers.runtime.secrets import REDACTED, redacted

CORRELATION_ID = "x-ms-correlation-request-id"
"""Header of requests and answers. Azure takes a caller's id or gives its own: the answer's is the one."""
CLIENT_REQUEST_ID = "x-ms-client-request-id"
REQUEST_ID = "x-ms-request-id"
LONGEST_BODY = 16_000
"""Characters of a body that are kept: an NSG with all its rules has about five thousand."""

_SECRET = re.compile(
    r"(?i)password|secret|token|credential|connectionstring|sas|signature|privatekey|sharedkey|accesskey"
    r"|primarykey|secondarykey|customdata|userdata|protectedsettings|commandtoexecute|certificate"
)
"""Names of properties whose values are kept by nobody. Better one too many."""


class NoteWrites(policies.AsyncHTTPPolicy[Any, Any]):
    """Notes each request that may change something, with what came of it. It never keeps one from its way."""

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Send it, and note it."""
        sent = request.http_request
        if not noted() or not writes(sent.method, str(sent.url)):
            return await self.next.send(request)
        at, begun = datetime.now(UTC).isoformat(timespec="milliseconds"), time.monotonic()
        response: PipelineResponse[Any, Any] | None = None
        error = ""
        try:
            response = await self.next.send(request)
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            headers = response.http_response.headers if response is not None else {}
            url = urlsplit(str(sent.url))
            note(
                Exchange(
                    at=at,
                    method=sent.method,
                    path=redacted(f"{url.path}?{url.query}" if url.query else url.path),
                    status=int(response.http_response.status_code) if response is not None else 0,
                    error=error,
                    took_ms=round((time.monotonic() - begun) * 1000, 1),
                    client_request_id=str(sent.headers.get(CLIENT_REQUEST_ID) or ""),
                    correlation_id=str(headers.get(CORRELATION_ID) or ""),
                    request_id=str(headers.get(REQUEST_ID) or ""),
                    request=_request_body(sent),
                ),
                # The SDK streams some answers, and reads them itself: nobody else may before.
                partial(_answer_body, response) if response is not None else None,
            )
        return response


def without_secrets(body: str) -> str:
    """A body as text that may be kept: values of secret properties are gone, and a long one is cut."""
    try:
        shown = json.dumps(_clean(json.loads(body)), sort_keys=True, ensure_ascii=False) if body else ""
    except (ValueError, RecursionError):
        shown = body
    shown = redacted(shown)
    return (
        shown if len(shown) <= LONGEST_BODY else f"{shown[:LONGEST_BODY]}… ({len(shown)} characters in all)"
    )


def _clean(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: REDACTED
            if _SECRET.search(str(key)) and not isinstance(value, bool | None)
            else _clean(value)
            for key, value in node.items()
        }
    return [_clean(one) for one in node] if isinstance(node, list) else node


def _request_body(sent: Any) -> str:
    """The body of a request of either generation of the SDK's."""
    content = getattr(sent, "content", None) or getattr(sent, "body", None)
    return without_secrets(_text(content))


def _answer_body(response: PipelineResponse[Any, Any]) -> str:
    """The body of an answer of either generation, if it was read."""
    answer: Any = response.http_response
    try:
        content = answer.content if hasattr(answer, "iter_bytes") else answer.body()
    except Exception as error:  # the change was made all the same
        return f"(not read: {type(error).__name__})"
    return without_secrets(_text(content))


def _text(content: object) -> str:
    if isinstance(content, bytes):
        return content.decode("utf-8", errors="replace")
    return content if isinstance(content, str) else ""
