"""Claims-based security: the ``$cbs`` node, on which a client puts a token before it attaches to an entity.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide
"""

from deploy.sandbox.servicebus import reasons
from deploy.sandbox.servicebus.amqp.codec import Int
from deploy.sandbox.servicebus.auth.claims import Claims
from deploy.sandbox.servicebus.auth.keys import Keys, TokenRefused
from deploy.sandbox.servicebus.namespace import Namespace, parse_address
from deploy.sandbox.servicebus.wire.replies import Reply, Request


class TokenNode:
    """The node of one connection. Call it with a request."""

    def __init__(self, claims: Claims, keys: Keys, namespace: Namespace) -> None:
        self._claims = claims
        self._keys = keys
        self._namespace = namespace

    def __call__(self, request: Request) -> Reply:
        """Grant the connection what the token gives for the entity that the request names.

        The service looks at the token first, so that nobody without one learns what exists
        (azure-sdk-for-net issue 44734); then it answers 404 for what does not (azure-service-bus issue 304).
        """
        audience, token = request.properties.get("name"), request.body
        if request.properties.get("operation") != "put-token" or not isinstance(audience, str):
            return _answer(400, "put-token with the name of an entity is all that can be asked here")
        if not isinstance(token, str) or not token:
            return _answer(401, "InvalidToken: the token is missing")
        entity = parse_address(audience).entity
        try:
            grant = self._keys.check(token, entity)
        except TokenRefused as error:
            return _answer(401, str(error))
        if entity and entity not in self._namespace.queues:
            return _answer(404, reasons.not_found(entity).description)
        self._claims.put(grant)
        return _answer(202, "Accepted")


def _answer(code: int, description: str) -> Reply:
    return Reply({"status-code": Int(code), "status-description": description})
