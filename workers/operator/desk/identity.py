"""Who types, proved: a token of Microsoft Entra ID, whose every claim that counts is checked here.

The token comes from the Azure CLI, which the person has signed in with ``az login``. What ``az`` prints is
not believed: anybody can put another ``az`` in its place. Believed is only what the tenant has signed:

* the signature, by a key that the cloud's own authority gives over TLS for ``STARTGATE_OPERATOR_TENANT``;
* the issuer and ``tid``: that tenant; another one's administrators could call an account as they like;
* the audience: our own application, so that no token that was given to another service serves here;
* the time, and that it is a person's (``scp``: an application acts for somebody) and not a guest's (``idp``).

Whoever can write to Redis with other tools, or change this command's environment, its policy file and its
code, needs none of this, as ever: Redis' own users are the lock there. It is what makes the command line say
truly who decided, and refuse those whom the policy does not name.
Sources: https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens and
https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import aiohttp
import jwt
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import AzureCliCredential

from workers.domain.errors import DependencyAway, NotAllowed
from workers.domain.policy.signed_in import SignedIn
from workers.runtime.cloud import Cloud
from workers.settings import DeskSettings

_WITHIN = aiohttp.ClientTimeout(total=10)
_LEEWAY_S = 60
_V1_ISSUERS = {Cloud.CHINA: "https://sts.chinacloudapi.cn"}
_V1_ISSUER = "https://sts.windows.net"


class Unproved(NotAllowed):
    """The token is none that counts here."""


async def signed_in(settings: DeskSettings) -> SignedIn:
    """Whoever is signed in to the Azure CLI, by a token that was checked.

    Raises:
        Unproved: nobody is signed in, or the token is not one of our tenant for our application.
        DependencyAway: Entra ID does not give its keys.
    """
    authority = _Authority.of(settings)
    token = await _token(settings)
    return _read(token, await _keys(authority.keys), settings, authority)


class _Authority(NamedTuple):
    """Where a tenant's keys are, and what the tenant calls itself in tokens of both versions."""

    keys: str
    issuers: tuple[str, ...]

    @classmethod
    def of(cls, settings: DeskSettings) -> "_Authority":
        base = settings.entra_url or f"https://{settings.cloud.places.authority}"
        tenant = settings.operator_tenant.lower()
        issuers = [f"{base}/{tenant}/v2.0"]
        if not settings.entra_url:
            issuers.append(f"{_V1_ISSUERS.get(settings.cloud, _V1_ISSUER)}/{tenant}/")
        return cls(f"{base}/{tenant}/discovery/v2.0/keys", tuple(issuers))


async def _token(settings: DeskSettings) -> str:
    async with AzureCliCredential(tenant_id=settings.operator_tenant) as cli:
        try:
            token = await cli.get_token(f"{settings.operator_audience}/.default")
        except ClientAuthenticationError as error:
            said = " ".join(str(error.message).split())[:300]
            raise Unproved(
                f"The Azure CLI gave no token: {said} Sign in with `az login --tenant "
                f"{settings.operator_tenant} --scope {settings.operator_audience}/.default`."
            ) from None
    return str(token.token)


async def _keys(url: str) -> jwt.PyJWKSet:
    try:
        async with aiohttp.ClientSession(timeout=_WITHIN, trust_env=True) as http, http.get(url) as answer:
            answer.raise_for_status()
            return jwt.PyJWKSet.from_dict(await answer.json())
    except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWTError) as error:
        raise DependencyAway(
            "entra", f"the keys that tokens are checked with can't be read ({type(error).__name__}: {error})"
        ) from error


def _read(token: str, keys: jwt.PyJWKSet, settings: DeskSettings, authority: _Authority) -> SignedIn:
    audience = settings.operator_audience
    try:
        key = keys[str(jwt.get_unverified_header(token).get("kid"))]
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],  # the only one that Entra ID signs with; never what the token says
            audience=[audience, audience.removeprefix("api://")],
            issuer=list(authority.issuers),
            leeway=_LEEWAY_S,
            options={"require": ["exp", "nbf", "iss", "aud", "oid", "tid"]},
        )
    except KeyError:
        raise Unproved("The token is signed with no key of this tenant, so it proves nothing.") from None
    except jwt.PyJWTError as error:
        raise Unproved(
            f"The token does not count here ({error}). Sign in anew with `az login --tenant "
            f"{settings.operator_tenant}`."
        ) from None
    if str(claims["tid"]).lower() != settings.operator_tenant.lower():
        raise Unproved("The token is another tenant's.")
    return _who(claims)


def _who(claims: Mapping[str, Any]) -> SignedIn:
    groups = claims.get("groups")
    idp = str(claims.get("idp") or claims["iss"])
    guest = str(claims["tid"]).lower() not in idp.lower() or str(claims.get("acct", "0")) == "1"
    return SignedIn(
        object_id=str(claims["oid"]).lower(),
        upn=str(claims.get("upn") or "").strip().lower(),
        name=str(claims.get("name") or ""),
        groups=frozenset(map(str, groups)) if isinstance(groups, list) else frozenset(),
        groups_left_out="groups" in (claims.get("_claim_names") or {}) or bool(claims.get("hasgroups")),
        guest=guest,
        application=not claims.get("scp"),
    )
