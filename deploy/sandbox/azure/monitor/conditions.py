"""Conditions of Activity Log alert rules: what Azure takes, and when one is met.

Shape and fields: https://learn.microsoft.com/rest/api/monitor/activity-log-alerts/create-or-update.
What that page does not say comes from public reports, named beside each check. Where neither gives a code
or a sentence, they are ours.
"""

from typing import Any

from deploy.sandbox.azure.errors import ArmError

_FIELDS = frozenset(
    {
        "resourceid",
        "category",
        "caller",
        "level",
        "operationname",
        "resourcegroup",
        "resourceprovider",
        "status",
        "substatus",
        "resourcetype",
    }
)


def check_condition(condition: object) -> None:
    """Raise 400 for a condition that Azure does not take."""
    parts = condition.get("allOf") if isinstance(condition, dict) else None
    if not isinstance(parts, list) or not parts:
        raise _invalid("The condition must have at least one item in 'allOf'.")
    leaves: list[dict[str, Any]] = []
    for part in parts:
        inner = part.get("anyOf")
        if inner is None:
            leaves.append(part)
        elif _given(part) != {"anyOf"}:
            # "An AnyOf condition must contain only anyOf": the REST page.
            raise _invalid("A condition with 'anyOf' must not have 'field', 'equals' or 'containsAny'.")
        else:
            leaves.extend(inner)
    for leaf in leaves:
        _check_leaf(leaf)
    _check_category(leaves)


def _check_leaf(leaf: dict[str, Any]) -> None:
    field = str(leaf.get("field") or "").lower()
    if field not in _FIELDS and not field.startswith("properties"):
        raise _invalid(f"The field '{leaf.get('field')}' is not supported.")
    # "Must contain 'field' and either 'equals' or 'containsAny'": the REST page.
    if len(_given(leaf) & {"equals", "containsAny"}) != 1:
        raise _invalid("A condition must have either 'equals' or 'containsAny'.")


def _check_category(leaves: list[dict[str, Any]]) -> None:
    category = next((str(leaf.get("equals")) for leaf in leaves if _field(leaf) == "category"), "")
    if not category:
        raise _invalid("The condition must name a category.")
    if category.lower() != "administrative":
        return
    if len(leaves) == 1:
        # https://github.com/Azure/azure-cli/issues/8732
        raise _invalid(f"Specify additional conditions for this category: {category}.")
    for leaf in leaves:
        if _field(leaf) == "operationname" and not leaf.get("equals"):
            # https://github.com/Azure/bicep/issues/6979
            raise _invalid("The operation name provided is null or empty")


def met(condition: dict[str, Any], record: dict[str, str]) -> bool:
    """Whether an Activity Log record meets a condition; keys of the record are in lower case."""
    return all(
        any(_leaf_met(leaf, record) for leaf in part.get("anyOf") or [part]) for part in condition["allOf"]
    )


def _leaf_met(leaf: dict[str, Any], record: dict[str, str]) -> bool:
    value = record.get(_field(leaf), "").lower()
    if leaf.get("equals") is not None:
        return value == str(leaf["equals"]).lower()
    return value in [str(one).lower() for one in leaf.get("containsAny") or []]


def _field(leaf: dict[str, Any]) -> str:
    return str(leaf.get("field") or "").lower()


def _given(part: dict[str, Any]) -> set[str]:
    return {key for key, value in part.items() if value is not None}


def _invalid(message: str) -> ArmError:
    return ArmError(400, "UnsupportedCondition", message)
