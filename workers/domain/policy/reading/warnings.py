"""What is valid in a policy, and probably not what its author wants."""

from collections.abc import Iterator, Sequence

from workers.domain.errors import Finding
from workers.domain.policy.cel.conditions import Condition, Unevaluated, activation
from workers.domain.policy.cel.expressions import alternatives, used
from workers.domain.policy.model import Rule, Verdict
from workers.domain.policy.people import OwnerFallback, OwnerPolicy
from workers.domain.policy.rules import yields
from workers.domain.yaml_file import Place, Where, dotted

CHOSEN = frozenset(
    {
        *("vm.tags", "vm.size", "vm.power"),
        *("owner.known", "owner.emails", "owner.slack_users", "owner.source"),
        *("event.correlation_id", "event.at", "now", "caller.client_app"),
    }
)
"""What somebody who can change the VM, and start it, may set or choose before. Owners come from tags."""
_OF_EVERY_START = frozenset({"event.operation", "event.phase", "caller.kind", "vm.classic"})
"""What says nothing of who it is, or of which VM."""


_NAME_MORE = (
    "Also name who or which VM it is about, by caller.app_id, caller.object_id, caller.email, vm.id,"
    " vm.resource_group or vm.subscription_id, or read vm.tags_before."
)

_WORDS = {
    Verdict.PASS: (
        "lets a start pass by {} alone, which its caller can set or choose",
        "lets everybody's start pass",
        _NAME_MORE,
    ),
    Verdict.CONTAIN: (
        "contains a VM by {} alone: whoever can change the VM, or start it, can have it contained",
        "contains every VM that is started",
        f"{_NAME_MORE} Or let the rule ask, with on_silence: contain.",
    ),
}
"""For each verdict that does harm where it matches too easily: what is wrong, and what to do."""


def owner_warnings(owner: OwnerPolicy, places: dict[Where, Place]) -> list[Finding]:
    """A default owner, and fallbacks that an earlier one always comes before.

    Args:
        owner: a valid one.
        places: where its parts stand in the file.
    """
    found: list[Finding] = []
    if owner.default:
        place = places[("owner", "default")]
        problem = f"{', '.join(owner.default)} would be asked about every VM that nobody else owns"
        remedy = "Give fallbacks by subscription, resource_group or tags, and leave the rest to on-call."
        found.append(
            Finding(
                line=place.line, column=place.column, where="owner.default", problem=problem, remedy=remedy
            )
        )
    for n, later in enumerate(owner.fallbacks):
        for m, earlier in enumerate(owner.fallbacks[:n]):
            if _conditions(earlier) <= _conditions(later):
                place = places[("owner", "fallbacks", n)]
                problem = f"never fits: fallbacks[{m}] before it fits whenever this one does"
                found.append(
                    Finding(
                        line=place.line,
                        column=place.column,
                        where=dotted(("owner", "fallbacks", n)),
                        problem=problem,
                        remedy="Move it up, or take it away.",
                    )
                )
                break
    return found


def _conditions(fallback: OwnerFallback) -> frozenset[tuple[str, str]]:
    """All that has to hold. Fewer of them hold more often."""
    conditions = {(f"tag {name.lower()}", value) for name, value in fallback.tags.items()}
    for name in ("subscription", "resource_group"):
        if value := getattr(fallback, name):
            conditions.add((name, value.lower()))
    return frozenset(conditions)


def rule_warnings(rules: Sequence[Rule], places: dict[Where, Place]) -> list[Finding]:
    """Rules that pass or contain and that a caller can make match, and rules that can't match after another.

    Args:
        rules: valid ones.
        places: where they stand in the file.
    """
    return [
        Finding(line=place.line, column=place.column, where=dotted(where), problem=problem, remedy=remedy)
        for n, rule in enumerate(rules)
        for where in [("rules", n, "when")]
        for place in [places[where]]
        for problem, remedy in (*too_easy(rule), *_never(rules, n))
    ]


def too_easy(rule: Rule) -> Iterator[tuple[str, str]]:
    """What is wrong with a rule that passes or contains and that a caller can make match, and what to do."""
    if rule.verdict not in _WORDS:
        return
    alone, everybody, remedy = _WORDS[rule.verdict]
    for parts in alternatives(rule.when):
        read = [frozenset(used(part)) - _OF_EVERY_START for part in parts]
        # A caller who is compared with a tag proves nothing: whoever sets the tag writes in who they are.
        if any(some and not some & CHOSEN for some in read):
            continue
        names = ", ".join(sorted({name for some in read for name in some & CHOSEN}))
        yield (alone.format(names) if names else everybody, remedy)
        return


def _never(rules: Sequence[Rule], n: int) -> Iterator[tuple[str, str]]:
    for m, earlier in enumerate(rules[:n]):
        if _always(earlier.when):
            why = "always holds"
        elif _implied(rules[n].when, earlier.when):
            why = "holds whenever this one does"
        else:
            continue
        if not _may_be_skipped(rules, m, rules[n]):
            yield (
                f"never matches: the rule {earlier.name!r} before it {why}",
                "Move it up, make it differ, or take it away.",
            )
            return


def _always(expression: str) -> bool:
    """Whether it is true whatever is known."""
    try:
        return Condition(expression).holds(activation({}))
    except Unevaluated:
        return False


def _implied(expression: str, by: str) -> bool:
    """Whether ``by`` surely holds where the expression does, as far as their operands tell."""
    theirs = alternatives(by)
    return all(any(other <= one for other in theirs) for one in alternatives(expression))


def _may_be_skipped(rules: Sequence[Rule], m: int, later: Rule) -> bool:
    """Whether a rule may yield to one before it whose facts are missing, where the later one does not."""
    return any(
        yields(rules[m], one) and not yields(later, one)
        for one in rules[:m]
        if Condition(one.when).needs_facts
    )
