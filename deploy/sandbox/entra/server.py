"""The keys of a tenant, and tokens that are signed with one of them.

Sources: the keys, https://learn.microsoft.com/entra/identity-platform/signing-key-rollover; what stands in a
token, https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference: version 2.0 has the
client id as its audience, ``scp`` is in a person's token only, ``idp`` differs from the issuer for a guest,
and beyond 200 groups ``_claim_names`` stands in the place of ``groups``. ``upn`` is an optional claim.
"""

import base64
import time
import uuid
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from deploy.sandbox.standin import StandIn
from deploy.sandbox.world import World

AUDIENCE = "0f0f0000-0000-4000-8000-0000000000de"
"""The client id of the application that is registered for the command line."""
LIFETIME_S = 3600
MOST_GROUPS = 200


class EntraServer(StandIn):
    """One tenant: that of the world.

    Attributes:
        groups: object id of an account → those of its groups.
        claims: object id → further or other claims of its tokens.
    """

    def __init__(self, *, port: int = 0, world: World | None = None) -> None:
        super().__init__("entra", port=port)
        self.world = world or World.load()
        self.groups: dict[str, list[str]] = {}
        self.claims: dict[str, dict[str, Any]] = {}
        self._key_id = uuid.uuid4().hex
        self._key = generate_private_key(public_exponent=65537, key_size=2048)
        self.app.add_routes(
            [
                web.get("/{tenant}/discovery/v2.0/keys", self._keys),
                web.post("/_token", self._token),
            ]
        )

    @property
    def issuer(self) -> str:
        """As it stands in tokens."""
        return f"{self.url}/{self.world.tenant}/v2.0"

    def token(self, who: str, *, key: RSAPrivateKey | None = None, **changes: Any) -> str:
        """A token of a principal of the world, by key; ``None`` takes a claim away."""
        principal = self.world.principal(who)
        now = int(time.time())
        person = principal.kind == "User"
        groups = self.groups.get(principal.oid, [])
        claims: dict[str, Any] = {
            "aud": AUDIENCE,
            "iss": self.issuer,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME_S,
            "oid": principal.oid,
            "sub": principal.oid,
            "tid": self.world.tenant,
            "ver": "2.0",
            "azp": "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
            **({"name": principal.name, "upn": principal.email, "scp": "Operate"} if person else {}),
            **(
                {"_claim_names": {"groups": "src1"}}
                if len(groups) > MOST_GROUPS
                else {"groups": groups}
                if groups
                else {}
            ),
            **self.claims.get(principal.oid, {}),
            **changes,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, key or self._key, algorithm="RS256", headers={"kid": self._key_id})

    async def _keys(self, request: web.Request) -> web.Response:
        if request.match_info["tenant"].lower() != self.world.tenant:
            return web.json_response({"error": "invalid_tenant"}, status=400)
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "kid": self._key_id, "n": _b64(numbers.n), "e": _b64(numbers.e)}
        return web.json_response({"keys": [key]})

    async def _token(self, request: web.Request) -> web.Response:
        """For ``az``: a token of whoever is signed in there."""
        given = await request.json()
        if given.get("resource") != f"api://{AUDIENCE}":
            return web.json_response({"error": "invalid_resource"}, status=400)
        return web.json_response({"accessToken": self.token(given["who"]), "tenant": self.world.tenant})


def _b64(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
