"""What Azure tells about who did it: the token's claims, and the role that allowed it."""

import hashlib
from datetime import datetime
from typing import Any

from deploy.sandbox.azure.ids import group_of, subscription_of
from deploy.sandbox.world import Principal

ROLES = {
    "Owner": "8e3af657a8ff443ca75c2fe8c4bcb635",
    "Contributor": "b24988ac618042a0ab8820f7382dd24c",
    "Virtual Machine Contributor": "9980e02cc2be4d7394e8173b1dc7cf3c",
}
"""Ids of built-in roles, without dashes as events write them."""

_MS = "http://schemas.microsoft.com"
_SOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"


def role_scope(principal: Principal, resource_id: str) -> str:
    """Where the role is assigned that lets the principal act on the resource."""
    subscription = f"/subscriptions/{subscription_of(resource_id)}"
    if principal.scope == "subscription":
        return subscription
    return f"{subscription}/resourceGroups/{group_of(resource_id)}"


def assignment_id(principal: Principal, scope: str) -> str:
    """32 hexadecimal digits, the same for the same principal and scope."""
    return hashlib.sha256(f"{principal.oid}{scope.lower()}".encode()).hexdigest()[:32]


def evidence(principal: Principal, resource_id: str) -> dict[str, str]:
    """``authorization.evidence``: the role assignment that allowed the action."""
    scope = role_scope(principal, resource_id)
    return {
        "role": principal.role,
        "roleAssignmentScope": scope,
        "roleAssignmentId": assignment_id(principal, scope),
        "roleDefinitionId": ROLES.get(principal.role, "0" * 32),
        "principalId": principal.oid.replace("-", ""),
        "principalType": principal.kind,
    }


def claims(principal: Principal, *, tenant: str, at: datetime) -> dict[str, Any]:
    """The claims of the token that was used. A service principal's name no person and no address."""
    issued = int(at.timestamp()) - 300
    common = {
        "aud": "https://management.core.windows.net/",
        "iss": f"https://sts.windows.net/{tenant}/",
        "iat": str(issued),
        "nbf": str(issued),
        "exp": str(issued + 3900),
        "appid": principal.app_id,
        f"{_MS}/identity/claims/objectidentifier": principal.oid,
        f"{_SOAP}/nameidentifier": hashlib.sha256(principal.oid.encode()).hexdigest()[:43],
        f"{_MS}/identity/claims/tenantid": tenant,
        "uti": hashlib.sha256(f"{principal.oid}{issued}".encode()).hexdigest()[:22],
        "ver": "1.0",
    }
    if principal.kind == "ServicePrincipal":
        return common | {
            "appidacr": "2",
            "idtyp": "app",
            f"{_MS}/identity/claims/identityprovider": f"https://sts.windows.net/{tenant}/",
        }
    given, _, family = principal.name.partition(" ")
    return common | {
        "appidacr": "0",
        "idtyp": "user",
        f"{_MS}/claims/authnclassreference": "1",
        f"{_MS}/claims/authnmethodsreferences": "pwd,mfa" if principal.mfa else "pwd",
        f"{_SOAP}/givenname": given,
        f"{_SOAP}/surname": family,
        "ipaddr": principal.ip,
        "name": principal.name,
        f"{_MS}/identity/claims/scope": "user_impersonation",
        f"{_SOAP}/name": principal.email,
        f"{_SOAP}/upn": principal.email,
    }
