"""What an error of the Service Bus client means, and what to do about it."""

from typing import NamedTuple

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusServerBusyError,
)

_NOT_FOUND, _FORBIDDEN = 404, 403


class Refusal(NamedTuple):
    """One error.

    Attributes:
        what: in a few words.
        remedy: what to do; empty where it passes by itself.
    """

    what: str
    remedy: str


MISSING = Refusal("there is no such queue", "create it, or check the namespace")
DISABLED = Refusal("the queue is disabled", "enable it: `az servicebus queue update --status Active`")
NO_RIGHT = Refusal("a right is missing", "give this identity the role on the queue")
WRONG_KEY = Refusal("not accepted", "check the key in STARTGATE_SERVICEBUS_CONNECTION, or the identity")
BUSY = Refusal("Service Bus is busy and asks to wait", "")
TOO_LARGE = Refusal("a message is too large", "")
UNREACHABLE = Refusal(
    "not reached",
    "check the namespace's name, its firewall and private endpoint, and that AMQP (5671) gets out",
)

_BY_TYPE: tuple[tuple[type[Exception], Refusal], ...] = (
    (MessagingEntityNotFoundError, MISSING),
    (MessagingEntityDisabledError, DISABLED),
    (ServiceBusAuthorizationError, NO_RIGHT),
    (ServiceBusAuthenticationError, WRONG_KEY),
    (ClientAuthenticationError, WRONG_KEY),
    (ServiceBusServerBusyError, BUSY),
    (MessageSizeExceededError, TOO_LARGE),
)


def refusal(error: BaseException) -> Refusal:
    """Which of them it is; everything that Service Bus did not say itself counts as not reached.

    A token for a queue that does not exist is answered with 404, which the client reports as a failed
    authentication; the status is on the error inside.
    """
    status = getattr(error.inner_exception, "status_code", None) if isinstance(error, AzureError) else None
    if status == _NOT_FOUND:
        return MISSING
    if status == _FORBIDDEN:
        return NO_RIGHT
    return next((known for kind, known in _BY_TYPE if isinstance(error, kind)), UNREACHABLE)


def told(error: BaseException) -> str:
    """For a log or the health page: what it is, and the client's own words."""
    return f"{refusal(error).what} ({type(error).__name__}: {error})"
