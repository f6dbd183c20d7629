"""Who the token belonged to: the claims of an event, as Microsoft Entra ID issued them."""

import json
import re

from workers.domain.starts.addresses import read_address
from workers.domain.starts.events import Caller, CallerKind

_METHODS = "http://schemas.microsoft.com/claims/authnmethodsreferences"
_OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
_NAME = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
_EMAIL = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"

_MFA = frozenset(
    {
        "mfa",
        "ngcmfa",
        "fido",
        "http://schemas.microsoft.com/claims/multipleauthn",
        "https://schemas.microsoft.com/claims/multipleauthn",
    }
)
"""What says that a second factor was used. A key of the device (``hwk``, ``swk``), Windows authentication
(``wia``, and ``wiaormfa``, which may be that), a one-time code (``otp``) or a signature (``rsa``) alone
do not.

Sources: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference (``amr``),
https://learn.microsoft.com/entra/identity/authentication/howto-mfa-expected-inbound-assertions
"""
_GUEST = "#ext#"
"""In the user name that a B2B guest has with us: ``mallory_elsewhere.example#EXT#@contoso.onmicrosoft.com``.

Source: https://learn.microsoft.com/entra/external-id/user-properties
"""
_PRINCIPAL_TYPES = {
    "user": CallerKind.USER,
    "serviceprincipal": CallerKind.SERVICE_PRINCIPAL,
    "application": CallerKind.SERVICE_PRINCIPAL,
    "managedidentity": CallerKind.MANAGED_IDENTITY,
    "msi": CallerKind.MANAGED_IDENTITY,
}
_LONGEST = 300


def caller_from(claims: object, authorization: object, *, caller: str, ip: str) -> Caller:
    """The caller from the claims (an object, or the JSON text of one), else from the record's own fields.

    Nothing here is trusted further than its issuer: all texts are cut, and none decides who may answer but
    the address, which has to equal the one Slack knows.
    """
    claims = as_object(claims)
    evidence = as_object(as_object(authorization).get("evidence"))
    email = _email(claims, caller)
    kind = _kind(claims, evidence, email)
    return Caller(
        kind=kind,
        name=_first(claims, "name") or _first(claims, _NAME) or _identity_name(claims),
        email=email.lower() if "@" in email else "",
        object_id=_first(claims, _OID, "oid") or ("" if "@" in caller else caller[:_LONGEST]),
        app_id=_first(claims, "appid", "azp"),
        ip=_address(ip[:_LONGEST]),
        signin_ip=_address(_first(claims, "ipaddr")),
        mfa=_mfa(claims) if kind is CallerKind.USER else None,
    )


def _email(claims: dict[str, object], caller: str) -> str:
    """Their address: a user name, but for a guest, whose own address goes before the name he has with us."""
    name = _first(claims, _UPN, "upn")
    if name and _GUEST not in name.lower():
        return name
    others = (_first(claims, _EMAIL, "email"), _first(claims, "preferred_username"), caller[:_LONGEST])
    own = next((other for other in others if "@" in other and _GUEST not in other.lower()), "")
    return own or name or next((other for other in others if "@" in other), "")


def _identity_name(claims: dict[str, object]) -> str:
    """The name of a managed identity, or of the resource that it belongs to: the end of its resource id."""
    return _first(claims, "xms_mirid").rstrip("/").rpartition("/")[2]


def _kind(claims: dict[str, object], evidence: dict[str, object], email: str) -> CallerKind:
    named = _PRINCIPAL_TYPES.get(_first(evidence, "principalType").lower())
    if _first(claims, "xms_mirid"):
        return CallerKind.MANAGED_IDENTITY
    if named is not None:
        return named
    if _first(claims, "idtyp").lower() == "app" or (_first(claims, "appid") and not email):
        return CallerKind.SERVICE_PRINCIPAL
    return CallerKind.USER if email else CallerKind.UNKNOWN


def _mfa(claims: dict[str, object]) -> bool | None:
    """Whether a second factor was used; ``None`` where the token doesn't say how they signed in."""
    methods = claims.get(_METHODS, claims.get("amr"))
    if isinstance(methods, list):
        methods = ",".join(map(str, methods))
    if not isinstance(methods, str) or not methods:
        return None
    return not _MFA.isdisjoint(re.split(r"[,\s]+", methods.lower()))


def _address(text: str) -> str:
    """The IP address, without the port that some records carry; empty if it isn't one."""
    return str(read_address(text) or "")


def _first(source: dict[str, object], *names: str) -> str:
    for name in names:
        value = source.get(name)
        if isinstance(value, str) and value.strip():
            return writable(value.strip()[:_LONGEST])
    return ""


def writable(text: str) -> str:
    """Half a surrogate pair is valid JSON but no text: neither stored nor sent. It must not lose a start."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def as_object(value: object) -> dict[str, object]:
    """The object, or the one whose JSON text this is; an empty one for anything else.

    Some exports write inner objects as text.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}
