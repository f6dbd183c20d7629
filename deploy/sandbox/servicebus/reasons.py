"""The words in which the service refuses work, ends a link, or closes a connection.

Clients log them, and people search for them; each says where the service's own words can be read.
"""

from deploy.sandbox.servicebus.amqp.frames import AmqpError

DETACH_FORCED = "amqp:link:detach-forced"
CLOSE_FORCED = "amqp:connection:forced"


def link_idle(name: str, origin: str, idle_s: float) -> AmqpError:
    """Nothing was done on a link for too long.

    Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot, and for the
    present spelling azure-sdk-for-python issues 10127 and 38627, azure-sdk-for-java issue 34588.
    """
    code, timer = {
        "sender": ("publisher", "AmqpMessagePublisher"),
        "receiver": ("consumer", "AmqpMessageConsumer"),
    }.get(origin, ("", "AmqpControlProtocolClient"))
    where = f" Code: {code}(link1)." if code else ""
    return AmqpError(
        DETACH_FORCED,
        f"The link '{name}' is force detached.{where} Details: {timer}.IdleTimerExpired: "
        f"Idle timeout: {_clock(idle_s)}.",
    )


def token_expired(name: str, entity: str, right: str) -> AmqpError:
    """The token that a link was opened with has expired.

    Source: azure-sdk-for-python issue 23487, dapr/components-contrib issue 809.
    """
    return AmqpError(
        DETACH_FORCED,
        f"The link '{name}' is force detached. Code: RenewToken. Details: {claim_missing(entity, right)}.",
    )


def unauthorized(entity: str, right: str) -> AmqpError:
    """The token does not carry the right that a link needs. Source: as for ``token_expired``."""
    return AmqpError("amqp:unauthorized-access", claim_missing(entity, right))


def claim_missing(entity: str, right: str) -> str:
    """The sentence that names the missing right."""
    return (
        f"Unauthorized access. '{right.capitalize()}' claim(s) are required to perform this operation. "
        f"Resource: 'sb://localhost/{entity}'."
    )


def not_found(entity: str) -> AmqpError:
    """There is no such queue. Source: azure-service-bus issue 304."""
    return AmqpError("amqp:not-found", f"The messaging entity 'sb://localhost/{entity}' could not be found.")


def disabled(entity: str) -> AmqpError:
    """The queue is disabled.

    Source: https://learn.microsoft.com/azure/service-bus-messaging/entity-suspend, and for the words
    azure-service-bus issue 677.
    """
    return AmqpError(
        "com.microsoft:entity-disabled",
        f"Messaging entity 'sb://localhost/{entity}' is currently disabled. "
        "For more information please see https://aka.ms/ServiceBusExceptions .",
    )


def server_busy() -> AmqpError:
    """The namespace is throttled.

    Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-throttling
    """
    return AmqpError(
        "com.microsoft:server-busy",
        "The request was terminated because the entity is being throttled. Error code : 50009. "
        "Please wait 2 seconds and try again.",
    )


def connection_unused(after_s: float) -> AmqpError:
    """A connection had no link for too long.

    Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot
    """
    return AmqpError(
        CLOSE_FORCED,
        f"The connection was inactive for more than the allowed {round(after_s * 1000)} milliseconds and is "
        "closed by container 'LinkTracker'.",
    )


def connection_forced() -> AmqpError:
    """The service moves the connection elsewhere: an upgrade, a failover.

    Source: AMQP 1.0, part 2, section 2.8.16: an operator intervened, the client may retry at some later date.
    """
    return AmqpError(CLOSE_FORCED, "The service closes this connection for maintenance. Connect again.")


def connection_idle(after_s: float) -> AmqpError:
    """No byte came for too long. Source: AMQP 1.0, part 2, section 2.4.5."""
    return AmqpError(
        "amqp:resource-limit-exceeded", f"local-idle-timeout expired: nothing came for {after_s:g} s"
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}"
