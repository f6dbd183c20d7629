"""Shared access policies and the tokens that are signed with their keys.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas: a token is
``SharedAccessSignature sr=URI&sig=SIGNATURE&se=EXPIRY&skn=POLICY``, its signature an HMAC-SHA256 over
the URI as it stands there, a line feed and the expiry. The client makes it so in ``_pyamqp/utils.py``.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_plus

from deploy.sandbox.servicebus.auth.claims import ALL_RIGHTS, Grant, Rights, covers
from deploy.sandbox.servicebus.namespace import parse_address

SAS = "SharedAccessSignature "


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A shared access policy of the namespace, or of the queue that ``entity`` names."""

    name: str
    key: str
    rights: Rights = ALL_RIGHTS
    entity: str = ""


ROOT = Policy(name="RootManageSharedAccessKey", key="SAS_KEY_VALUE")
"""The policy that every namespace has; the key is the one that Microsoft's emulator documents."""


class TokenRefused(Exception):
    """A token is no good: the text says why, in the service's words, and the remedy is another token."""


class Keys:
    """Checks tokens against the policies of a namespace."""

    def __init__(self, policies: Iterable[Policy] = (ROOT,)) -> None:
        self._policies = {policy.name: policy for policy in policies}

    def check(self, token: str, entity: str) -> Grant:
        """What a token gives for the entity it is put for.

        Raises:
            TokenRefused: it is not signed by a key of this namespace, is for something else, or has expired.
        """
        if token.startswith(SAS):
            return self._signed(token.removeprefix(SAS), entity)
        return _bearer(token, entity)

    def _signed(self, fields: str, entity: str) -> Grant:
        given = dict(part.partition("=")[::2] for part in fields.split("&"))
        resource, until = given.get("sr", ""), given.get("se", "")
        # The client encodes the name twice.
        policy = self._policies.get(unquote_plus(unquote_plus(given.get("skn", ""))))
        if policy is None or not until.isdigit() or not _is_signed(policy, given):
            raise TokenRefused("InvalidSignature: The token has an invalid signature.")
        if int(until) <= time.time():
            raise TokenRefused(f"ExpiredToken: The token is expired. Expiration time: {until}.")
        audience = parse_address(unquote_plus(resource)).entity
        if not covers(audience, entity) or not covers(policy.entity, entity):
            raise TokenRefused("InvalidAudience: The token is for another resource.")
        return Grant(entity, policy.rights, float(until))


def _is_signed(policy: Policy, given: dict[str, str]) -> bool:
    text = f"{given['sr']}\n{given['se']}" if "sr" in given else ""
    wanted = hmac.new(policy.key.encode(), text.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(wanted).decode(), unquote_plus(given.get("sig", "")))


def _bearer(token: str, entity: str) -> Grant:
    """An identity's token, of which only the form and the expiry are checked.

    Nothing on loopback can ask Microsoft Entra ID for its keys: the identity is taken to own all data.
    """
    try:
        payload = token.split(".")[1]
        until = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"]
        if float(until) <= time.time():
            raise TokenRefused("ExpiredToken: The token is expired.")
        return Grant(entity, ALL_RIGHTS, float(until))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise TokenRefused("InvalidToken: The token is neither a signature nor a JSON web token.") from error
