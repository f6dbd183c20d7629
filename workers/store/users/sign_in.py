"""Connections to Redis that sign in by Entra ID, and are made anew before their token ends.

Azure closes a connection whose token has ended. So each connection remembers when its own does, and is made
anew between two commands, never under one: when it goes back to the pool, and when it is taken out again.

Not the credential provider of redis-entraid: it asks for tokens on the event loop, which stands still
meanwhile, stops renewing after one failure, and of a cluster's connections signs only those in again that are
idle at that moment.
Source: https://learn.microsoft.com/azure/redis/entra-for-authentication
"""

import asyncio
import base64
import json
import time
from typing import TYPE_CHECKING, Any

import structlog
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError

from workers.runtime.credential import SignIn
from workers.runtime.secrets import redacted

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.core.credentials_async import AsyncTokenCredential

log = structlog.get_logger(__name__)

BEFORE_END_S = 180.0
"""A connection is made anew so long before its token ends; azure-identity renews five minutes before."""
AT_MOST_EVERY_S = 30.0
"""And not more often than this, where no newer token is to be had."""
WITHIN_S = 4.0
"""Seconds for a token: the receiver of a message waits meanwhile."""


class Tokens:
    """The tokens of one process for Redis; azure-identity keeps them until shortly before they end.

    Args:
        sign_in: who we are, and what is asked for.
    """

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in
        self._credential: AsyncTokenCredential | None = None
        self._last: AccessToken | None = None

    async def token(self) -> "AccessToken":
        """A token; the last one while no newer is to be had and it has not ended.

        Raises:
            AuthenticationError: there is none.
        """
        if self._credential is None:
            self._credential = self._sign_in.identity.open()
        try:
            async with asyncio.timeout(WITHIN_S):
                self._last = await self._credential.get_token(self._sign_in.scope)
        except Exception as error:
            because = redacted(str(error) or type(error).__name__)[:300]
            if self._last is None or self._last.expires_on <= time.time():
                raise AuthenticationError(f"no token for Redis: {because}") from error
            log.warning("no newer token for Redis; going on with the last one", because=because)
        return self._last

    async def aclose(self) -> None:
        """Let go of the credential's connections."""
        credential, self._credential = self._credential, None
        if credential is not None:
            await credential.close()


class _OfOneConnection(CredentialProvider):
    """Hands a connection its user and token, and keeps when it has to sign in anew."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._ends_at = 0.0
        self._since = 0.0

    async def get_credentials_async(self) -> tuple[str, str]:
        token = await self._tokens.token()
        self._ends_at, self._since = token.expires_on, time.time()
        return object_id(token.token), token.token

    @property
    def used_up(self) -> bool:
        """Whether the next command should go by a newer token."""
        now = time.time()
        return bool(self._since) and now >= max(self._ends_at - BEFORE_END_S, self._since + AT_MOST_EVERY_S)


class SignedIn(AbstractConnection):
    """What both kinds of connections add; ``tokens`` is given instead of a credential provider."""

    def __init__(self, *, tokens: Tokens, **options: Any) -> None:
        options.pop("username", None)
        options.pop("password", None)
        self._ours = _OfOneConnection(tokens)
        super().__init__(**{**options, "credential_provider": self._ours})

    async def connect(self) -> None:
        """Connect if that is needed; called whenever it is taken out of the pool."""
        if self.is_connected and self._ours.used_up:
            await self.disconnect()
        await super().connect()  # type: ignore[no-untyped-call]

    def should_reconnect(self) -> bool:
        """Asked when a command is done, and before one on a cluster's connection."""
        return bool(super().should_reconnect()) or self._ours.used_up  # type: ignore[no-untyped-call]


class SignedInPlain(SignedIn, Connection):
    """Without TLS, on this machine."""


class SignedInTls(SignedIn, SSLConnection):
    """With TLS."""


def object_id(token: str) -> str:
    """The user that Azure's Redis knows: the token's claim ``oid``. The server checks it, nobody here.

    Raises:
        AuthenticationError: it is no such token.
    """
    try:
        body = token.split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["oid"])
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise AuthenticationError("the token for Redis names no object id (oid)") from error
