"""Claims-based security: a token must be put before a link may attach to an entity.

As with Microsoft's emulator, any token is good, as long as there is one and it has not expired.
"""

import time
from urllib.parse import parse_qs

from deploy.sandbox.servicebus.codec import Int
from deploy.sandbox.servicebus.namespace import parse_address
from deploy.sandbox.servicebus.replies import Reply, Request
from deploy.sandbox.servicebus.roles import SessionOwner


def put_token(connection: SessionOwner, request: Request) -> Reply:
    """Grant the connection what the token names: an entity with all below it, or the whole namespace."""
    audience, token = request.properties.get("name"), request.body
    if request.properties.get("operation") != "put-token" or not isinstance(audience, str):
        return _answer(400, "put-token with the name of an entity is all that can be asked here")
    if not isinstance(token, str) or not token:
        return _answer(401, "InvalidToken: the token is missing")
    if _expired(token):
        return _answer(401, "ExpiredToken: the token has expired")
    connection.grants.add(parse_address(audience).entity)
    return _answer(202, "Accepted")


def _expired(token: str) -> bool:
    """A shared access signature says until when it is good, in Unix seconds."""
    until = parse_qs(token.removeprefix("SharedAccessSignature ")).get("se", [""])[0]
    return until.isdigit() and int(until) <= time.time()


def _answer(code: int, description: str) -> Reply:
    return Reply({"status-code": Int(code), "status-description": description})
