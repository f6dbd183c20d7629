"""What ``policy check`` and ``policy explain`` say, for programs."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from workers.domain.errors import Finding
from workers.domain.policy.cel.variables import RuleInput, known_values
from workers.domain.policy.guards import Guards, VmInput
from workers.domain.policy.model import Policy
from workers.domain.policy.rules import Rules


def checked(path: str, errors: list[Finding], warnings: list[Finding]) -> dict[str, Any]:
    """Every error and warning with its line and column."""
    return {
        "file": path,
        "fine": not errors,
        "errors": [asdict(one) for one in errors],
        "warnings": [asdict(one) for one in warnings],
    }


def explained(policy: Policy, rules: Rules, given: RuleInput, verdict: str) -> dict[str, Any]:
    """One start: the verdict, each rule, what they read, the risk, and whether the VM is guarded."""
    judged = Guards(policy.never).judge(VmInput(given.vm, given.facts, given.owner)) if policy.never else None
    return {
        "vm": given.event.vm.resource_id,
        "phase": str(given.event.phase),
        "verdict": verdict.removeprefix("verdict: "),
        "rules": [
            {"rule": one.rule.name, "outcome": str(one.outcome), "reason": one.reason}
            for one in rules.check_each(given)
        ],
        "values": {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in known_values(given).items()
        },
        "risk": given.insight.risk.model_dump(mode="json") if given.insight is not None else None,
        "never_contained": {"guard": judged.guard or None, "doubt": judged.doubt or None} if judged else None,
    }
