"""The whole bodies of ARM's refusals, by their code.

Each names where its words come from. What a request does not tell (which policy, which linked scope) has a
default, and can be given by name in ``about``.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deploy.sandbox.azure.errors import ArmError, stale_etag
from deploy.sandbox.azure.ids import group_of, name_of, subscription_of
from deploy.sandbox.world import Principal

_METHODS = {"GET": "read", "HEAD": "read", "DELETE": "delete", "POST": "action"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a refusal's sentence says about the request."""

    method: str
    path: str
    caller: Principal

    @property
    def client(self) -> str:
        """People are named by their sign-in name, applications by their id."""
        return self.caller.email or self.caller.app_id or self.caller.oid

    @property
    def provider(self) -> str:
        """The namespace, such as ``Microsoft.Compute``."""
        return self._below.split("/")[0]

    @property
    def action(self) -> str:
        """The operation that access control checks, such as ``Microsoft.Compute/virtualMachines/write``."""
        parts = self._below.split("/")
        kind = "/".join([*parts[:1], *parts[1::2]])
        return f"{kind}/{_METHODS.get(self.method, 'write')}"

    @property
    def scope(self) -> str:
        """The resource; without the action, where the path ends in one."""
        parts = self._below.split("/")
        acts = self.method == "POST" and len(parts) % 2 == 0
        return self.path.rstrip("/").rpartition("/")[0] if acts else self.path.rstrip("/")

    @property
    def _below(self) -> str:
        provider = self.path.rstrip("/").rpartition("/providers/")
        return provider[2] if provider[1] else "Microsoft.Resources/subscriptions/any"


About = Mapping[str, str]


def _authorization_failed(request: Request, _about: About) -> ArmError:
    """https://learn.microsoft.com/azure/role-based-access-control/troubleshooting."""
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{request.client}' with object id '{request.caller.oid}' does not have authorization to "
        f"perform action '{request.action}' over scope '{request.scope}' or the scope is invalid. If access "
        "was recently granted, please refresh your credentials.",
    )


def _linked_authorization_failed(request: Request, about: About) -> ArmError:
    """As quoted in https://learn.microsoft.com/azure/role-based-access-control/troubleshooting.

    ``about``: ``linked_action``, ``linked_scope``.
    """
    action = about.get("linked_action", "Microsoft.Network/networkSecurityGroups/join/action")
    group = request.path.partition("/providers/")[0]
    scope = about.get("linked_scope", f"{group}/providers/{action.rsplit('/', 2)[0]}/linked")
    return ArmError(
        403,
        "LinkedAuthorizationFailed",
        f"The client '{request.client}' with object id '{request.caller.oid}' has permission to perform "
        f"action '{request.action}' on scope '{request.scope}'; however, it does not have permission to "
        f"perform action(s) '{action}' on the linked scope(s) '{scope}' (respectively) or the linked "
        "scope(s) are invalid.",
    )


def _deny_assignment(request: Request, about: About) -> ArmError:
    """As AKS quotes it for node resource groups: https://aka.ms/aks/nrg_lockdown.

    ``about``: ``assignment``, the name of the deny assignment.
    """
    scope = request.path.partition("/providers/")[0]
    name = about.get(
        "assignment",
        f"System deny assignment created by managed application {scope}/providers/Microsoft.Solutions/"
        "applications/shop",
    )
    return ArmError(
        403,
        "DenyAssignmentAuthorizationFailed",
        f"The client '{request.client}' with object id '{request.caller.oid}' has permission to perform "
        f"action '{request.action}' on scope '{request.scope}'; however, the access is denied because of the "
        f"deny assignment with name '{name}' and Id '{_guid(name).replace('-', '')}' at scope '{scope}'.",
    )


def _by_policy(request: Request, about: About) -> ArmError:
    """https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy.

    The keys of ``additionalInfo`` are those of answers quoted in public issues of Azure's CSI drivers.
    ``about``: ``policy`` and ``assignment``, the display names.
    """
    subscription = f"/subscriptions/{subscription_of(request.path)}"
    policy = about.get("policy", "Require a cost centre tag on resources")
    assignment = about.get("assignment", "Governance baseline")
    policy_id = f"{subscription}/providers/Microsoft.Authorization/policyDefinitions/{_guid(policy)}"
    assignment_name = _guid(assignment).replace("-", "")[:24]
    assignment_id = f"{subscription}/providers/Microsoft.Authorization/policyAssignments/{assignment_name}"
    identifiers = [
        {
            "policyAssignment": {"name": assignment, "id": assignment_id},
            "policyDefinition": {"name": policy, "id": policy_id, "version": "1.0.0"},
        }
    ]
    info = {
        "evaluationDetails": {"evaluatedExpressions": []},
        "policyDefinitionId": policy_id,
        "policyDefinitionName": _guid(policy),
        "policyDefinitionDisplayName": policy,
        "policyDefinitionVersion": "1.0.0",
        "policyDefinitionEffect": "deny",
        "policyAssignmentId": assignment_id,
        "policyAssignmentName": assignment_name,
        "policyAssignmentDisplayName": assignment,
        "policyAssignmentScope": subscription,
        "policyAssignmentParameters": {},
        "policyExemptionIds": [],
    }
    name = name_of(request.scope)
    return ArmError(
        403,
        "RequestDisallowedByPolicy",
        f"Resource '{name}' was disallowed by policy. Policy identifiers: "
        f"'{json.dumps(identifiers, separators=(',', ':'))}'.",
        more={"target": name, "additionalInfo": [{"type": "PolicyViolation", "info": info}]},
    )


def _scope_locked(request: Request, about: About) -> ArmError:
    """https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources.

    ``about``: ``scope``, where the lock is; by default the resource group.
    """
    locked = about.get("scope", request.path.partition("/providers/")[0])
    return ArmError(
        409,
        "ScopeLocked",
        f"The scope '{request.scope}' cannot perform write operation because following scope(s) are locked: "
        f"'{locked}'. Please remove the lock and try again.",
    )


def _another_operation(request: Request, _about: About) -> ArmError:
    """https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors."""
    return ArmError(
        409,
        "AnotherOperationInProgress",
        "Another operation on this or dependent resource is in progress. To retrieve status of the operation "
        f"use uri: https://management.azure.com/subscriptions/{subscription_of(request.path)}/providers/"
        f"{request.provider}/locations/westeurope/operations/{_guid(request.path)}.",
        more={"details": []},
    )


def _not_registered(request: Request, about: About) -> ArmError:
    """https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-register-resource-provider.

    ``about``: ``namespace``; by default the request's.
    """
    namespace = about.get("namespace", request.provider)
    message = (
        f"The subscription is not registered to use namespace '{namespace}'. See "
        "https://aka.ms/rps-not-found for how to register subscriptions."
    )
    code = "MissingSubscriptionRegistration"
    details = [{"code": code, "target": namespace, "message": message}]
    return ArmError(409, code, message, more={"details": details})


def _not_served(request: Request, about: About) -> ArmError:
    """As above. ``about``: ``versions``, the api-versions that this cloud has."""
    versions = about.get("versions", "2023-09-01, 2024-03-01, 2024-07-01")
    return ArmError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location 'westeurope' and API version given for type "
        f"'{request.action.partition('/')[2].rpartition('/')[0]}'. The supported api-versions are "
        f"'{versions}'.",
    )


def _precondition(request: Request, _about: About) -> ArmError:
    return stale_etag(request.scope, f'W/"{_guid("given")}"', f'W/"{_guid("current")}"')


def _too_many(request: Request, about: About) -> ArmError:
    """https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling."""
    operation = about.get("operation", request.action)
    return ArmError(
        429,
        "TooManyRequests",
        "The request is being throttled as the limit has been reached for operation type - "
        f"'{operation}'. For more information, see - https://aka.ms/msdn-throttling",
        headers={"Retry-After": "17"},
    )


def _dependent_operation(request: Request, _about: About) -> ArmError:
    """The network provider's 429 that is no throttling, as quoted in public issues of AKS and Terraform."""
    busy = f"/subscriptions/{subscription_of(request.path)}/resourceGroups/{group_of(request.path)}"
    return ArmError(
        429,
        "RetryableErrorDueToAnotherOperation",
        f"Operation on resource {request.scope} can't proceed because another operation on {busy} "
        "is running.",
        headers={"Retry-After": "10"},
        more={"details": []},
    )


def _server(status: int, code: str, message: str) -> Callable[[Request, About], ArmError]:
    """https://learn.microsoft.com/rest/api/azure (common error codes)."""
    return lambda _request, _about: ArmError(status, code, message)


def _guid(*words: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(words)))


BODIES: Mapping[str, Callable[[Request, Mapping[str, str]], ArmError]] = {
    "AuthorizationFailed": _authorization_failed,
    "LinkedAuthorizationFailed": _linked_authorization_failed,
    "DenyAssignmentAuthorizationFailed": _deny_assignment,
    "RequestDisallowedByPolicy": _by_policy,
    "ScopeLocked": _scope_locked,
    "AnotherOperationInProgress": _another_operation,
    "MissingSubscriptionRegistration": _not_registered,
    "NoRegisteredProviderFound": _not_served,
    "PreconditionFailed": _precondition,
    "TooManyRequests": _too_many,
    "RetryableErrorDueToAnotherOperation": _dependent_operation,
    "InternalServerError": _server(
        500, "InternalServerError", "The server encountered an internal error. Please retry the request."
    ),
    "ServiceUnavailable": _server(503, "ServiceUnavailable", "The service is temporarily unavailable."),
    "GatewayTimeout": _server(
        504, "GatewayTimeout", "The gateway did not receive a response in the specified time period."
    ),
}
"""By code: makes the refusal of a request."""
