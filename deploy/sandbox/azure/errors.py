"""How ARM says no: a status, a code and a sentence in one JSON shape."""

from collections.abc import Mapping
from typing import Any


class ArmError(Exception):
    """A refusal that is answered as ARM answers it.

    Args:
        status: the HTTP status.
        code: the word that clients branch on, such as ``ResourceNotFound``.
        message: the sentence for people.
        headers: further headers of the answer, such as ``Retry-After``.
        more: further keys of the error: ``target``, ``details``, ``additionalInfo``.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def body(self) -> dict[str, Any]:
        return error_body(self.code, self.message, **self.more)


def error_body(code: str, message: str, **more: Any) -> dict[str, Any]:
    """The JSON every ARM refusal has: ``{"error": {"code", "message"}}``, with more keys in some."""
    return {"error": {"code": code, "message": message, **more}}


def stale_etag(resource_id: str, given: str, current: str) -> ArmError:
    """412 as the network provider answers it, with the cause among the details.

    The inner code and sentence are those that the Kubernetes cloud provider recognises:
    https://github.com/kubernetes-sigs/cloud-provider-azure, pkg/retry/azure_etag_mismatch_error.go
    """
    return ArmError(
        412,
        "PreconditionFailed",
        f"Precondition failed for resource {resource_id}.",
        more={
            "details": [
                {
                    "code": "PreconditionFailedEtagMismatch",
                    "message": f"Etag provided in if-match header {given} does not match etag {current} of "
                    f"resource {resource_id} in NRP data store.",
                }
            ]
        },
    )


_FAULTS = {
    400: ("BadRequest", "The request was refused on demand."),
    401: ("InvalidAuthenticationToken", "The access token is invalid."),
    403: ("AuthorizationFailed", "The client does not have authorization to perform this action here."),
    404: ("ResourceNotFound", "The resource was not found."),
    409: ("Conflict", "The request failed due to conflict with a concurrent request."),
    412: ("PreconditionFailed", "A precondition of the request was not met."),
    429: ("TooManyRequests", "The request is being throttled: https://aka.ms/msdn-throttling"),
    500: ("InternalServerError", "The server encountered an internal error. Please retry the request."),
    502: ("BadGateway", "The gateway did not receive a response from the resource provider."),
    503: ("ServerBusy", "The server is currently unable to receive requests. Please retry your request."),
    504: ("GatewayTimeout", "The gateway did not receive a response in the specified time period."),
}


def refusal(status: int) -> dict[str, Any]:
    """The error body for a status that a fault asks for."""
    return error_body(*_FAULTS.get(status, ("Refused", f"Refused on demand with status {status}.")))
