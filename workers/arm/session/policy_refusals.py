"""What only somebody who governs the subscription can lift: Azure Policy, and deny assignments.

Both answer 403, and no role helps against either. Azure Policy names itself in ``additionalInfo`` of the
error, and in older answers in a list of identifiers inside its sentence.
Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy
and https://learn.microsoft.com/azure/role-based-access-control/deny-assignments
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

POLICY = "RequestDisallowedByPolicy"
DENY_ASSIGNMENT = "DenyAssignmentAuthorizationFailed"

_IDENTIFIERS = re.compile(r"\s*Policy identifiers: '(\[.*\])'\.?", re.DOTALL)
_MOST = 3
_LONGEST = 80

_HELPS_AGAINST_POLICY = (
    "No role helps. What may, in the lockdown profile: tags, another resource_group, a prepared NSG "
    "(isolate.nsg) or vault (backup.vault); else an exemption"
)
_HELPS_AGAINST_DENIAL = (
    "No role helps: have our identity excluded from it; or name another resource_group, a prepared NSG "
    "(isolate.nsg) or vault (backup.vault) in the lockdown profile"
)


def explained(doing: str, code: str, message: str, body: Mapping[str, Any]) -> str | None:
    """Azure's sentence, the policy's name, and what may help; ``None`` for any other refusal.

    Args:
        doing: what was asked for, as an infinitive.
        code: Azure's code.
        message: Azure's sentence, whole.
        body: of the answer.
    """
    # What may help comes before Azure's sentence, which can be long and is cut at its end.
    if code == DENY_ASSIGNMENT:
        sentence = message.partition("; however, ")[2] or message
        return f"could not {doing}: a deny assignment forbids it. {_HELPS_AGAINST_DENIAL}. {code}: {sentence}"
    if code != POLICY:
        return None
    names = list(dict.fromkeys(_names(body, message)))
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    by = f": {', '.join(names[:_MOST])}{more}" if names else ""
    sentence = _IDENTIFIERS.sub("", message).strip()
    return f"could not {doing}: Azure Policy forbids it{by}. {_HELPS_AGAINST_POLICY}. {code}: {sentence}"


def _names(body: Mapping[str, Any], message: str) -> Iterator[str]:
    """Such as ``"Require a cost centre tag" (assigned as "Governance baseline")``."""
    for info in _violations(body):
        yield _named(
            info.get("policyDefinitionDisplayName") or info.get("policyDefinitionName"),
            info.get("policyAssignmentDisplayName") or info.get("policyAssignmentName"),
        )
    for item in _identified(message):
        policy, assignment = _object(item, "policyDefinition"), _object(item, "policyAssignment")
        yield _named(policy.get("name"), assignment.get("name"))


def _violations(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    error = _object(body, "error") or body
    for part in (error, *_objects(error, "details")):
        for given in _objects(part, "additionalInfo"):
            if str(given.get("type")).lower() == "policyviolation":
                yield _object(given, "info")


def _identified(message: str) -> list[Mapping[str, Any]]:
    found = _IDENTIFIERS.search(message)
    try:
        items = json.loads(found[1]) if found else []
    except (ValueError, RecursionError):
        return []
    return [item for item in items if isinstance(item, dict)]


def _named(policy: object, assignment: object) -> str:
    as_assigned = f' (assigned as "{_short(assignment)}")' if assignment else ""
    return f'"{_short(policy or "a policy")}"{as_assigned}'


def _short(name: object) -> str:
    text = " ".join(str(name).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _objects(given: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = given.get(key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _object(given: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = given.get(key)
    return found if isinstance(found, dict) else {}
