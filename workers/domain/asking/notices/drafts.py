"""Answers become rules: what was confirmed three times alike, as the rule that would have let it pass.

A draft says who, which VM or resource group, and at which hours. It never rests on tags, and never covers a
start of high risk.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date
from typing import NamedTuple

from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.policy.cel.conditions import Condition, InvalidCondition
from workers.domain.policy.model import Policy, Rule, Verdict
from workers.domain.policy.reading.warnings import too_easy
from workers.domain.starts.events import Caller
from workers.domain.starts.risk import Level
from workers.domain.starts.vm import VmRef

ENOUGH = 3
"""So many confirmations, on as many days."""
WIDEST_H = 4
"""Hours that are alike lie within so many."""
_DAY_H = 24
_LONGEST_NAME = 80


class Habit(NamedTuple):
    """Confirmed starts that are alike.

    Attributes:
        caller: who started the VMs.
        vm: the only VM, or one of those in the resource group.
        one_vm: whether it is about that VM alone.
        hours: the first and the last hour of the day, by UTC; the first is the later one around midnight.
        confirmed: the newest of each day.
    """

    caller: Caller
    vm: VmRef
    one_vm: bool
    hours: tuple[int, int]
    confirmed: tuple[Approval, ...]

    @property
    def key(self) -> str:
        """The same for every draft about this caller and place."""
        return f"{self.caller.object_id.lower()} {self.vm.key if self.one_vm else _group(self.vm)}"

    def covers(self, caller: Caller, vm: VmRef) -> bool:
        """Whether a start by this caller, of this VM, is of the same kind, at whatever hour."""
        same_place = vm.key == self.vm.key if self.one_vm else _group(vm) == _group(self.vm)
        return same_place and caller.object_id.lower() == self.caller.object_id.lower()


def habits(approvals: Iterable[Approval]) -> list[Habit]:
    """What was confirmed often enough: of single VMs, else of resource groups."""
    by_vm: dict[tuple[str, str], list[Approval]] = defaultdict(list)
    by_group: dict[tuple[str, str], list[Approval]] = defaultdict(list)
    for one in approvals:
        if _counts(one):
            who = one.event.caller.object_id.lower()
            by_vm[who, one.event.vm.key].append(one)
            by_group[who, _group(one.event.vm)].append(one)
    of_vms = [habit for many in by_vm.values() if (habit := _habit(many, one_vm=True))]
    known = {(one.caller.object_id.lower(), _group(one.vm)) for one in of_vms}
    of_groups = [
        habit
        for place, many in by_group.items()
        if place not in known and (habit := _habit(many, one_vm=False))
    ]
    return [*of_vms, *of_groups]


def drafted(habit: Habit) -> Rule | None:
    """The rule that lets such starts pass; ``None`` if it can't be written so that it is safe."""
    first, last = habit.hours
    within = f"now.getHours() >= {first} && now.getHours() <= {last}"
    if first > last:
        within = f"(now.getHours() >= {first} || now.getHours() <= {last})"
    vm = habit.vm
    where = f"vm.id == {_quoted(vm.key)}"
    if not habit.one_vm:
        group, subscription = _quoted(vm.resource_group.lower()), _quoted(vm.subscription_id.lower())
        where = f"vm.resource_group == {group} && vm.subscription_id == {subscription}"
    parts = (
        f"caller.object_id == {_quoted(habit.caller.object_id.lower())}",
        where,
        within,
        f'risk.level != "{Level.HIGH}"',
    )
    when = " && ".join(parts)
    place = vm.name if habit.one_vm else vm.resource_group
    try:
        rule = Rule(name=_name(f"{habit.caller.label} starts {place}"), when=when, verdict=Verdict.PASS)
        Condition(rule.when)
    except (ValueError, InvalidCondition):
        return None
    return None if any(too_easy(rule)) else rule


def as_yaml(rule: Rule) -> str:
    """The rule as an entry under ``rules:``, ready to be copied."""
    when = " &&\n      ".join(rule.when.split(" && "))
    return f"  - name: {_quoted(rule.name)}\n    when: >-\n      {when}\n    verdict: {rule.verdict}\n"


def with_draft(policy: Policy, habit: Habit, rule: Rule) -> tuple[Policy, str]:
    """The policy with the draft before the rule that asked, and that rule's name; at the end if none did."""
    asked_by = habit.confirmed[-1].terms.rule
    names = [one.name for one in policy.rules]
    at = names.index(asked_by) if asked_by in names else len(names)
    rules = (*policy.rules[:at], rule, *policy.rules[at:])
    return policy.changed(rules=rules), asked_by if at < len(names) else ""


def _counts(approval: Approval) -> bool:
    """Whether it is one start by somebody whom Azure names, confirmed, and not of high risk."""
    return (
        approval.state is ApprovalState.CONFIRMED
        and approval.joined_count == 0
        and approval.level is not Level.HIGH
        and bool(approval.event.caller.object_id)
    )


def _habit(many: list[Approval], *, one_vm: bool) -> Habit | None:
    days: dict[date, Approval] = {}
    for one in sorted(many, key=lambda approval: approval.event.at):
        days[one.event.at.astimezone(UTC).date()] = one
    newest = tuple(days.values())[-ENOUGH:]
    if len(newest) < ENOUGH:
        return None
    hours = _window({one.event.at.astimezone(UTC).hour for one in newest})
    if hours is None:
        return None
    event = newest[-1].event
    return Habit(event.caller, event.vm, one_vm, hours, newest)


def _window(hours: set[int]) -> tuple[int, int] | None:
    """The narrowest span of the day that holds these hours; ``None`` if it is too wide."""
    spans = (((last - first) % _DAY_H, first, last) for first, last in _spans(sorted(hours)))
    width, first, last = min(spans)
    return (first, last) if width < WIDEST_H else None


def _spans(hours: list[int]) -> Iterator[tuple[int, int]]:
    """From each hour around the clock to the one before it."""
    for n, first in enumerate(hours):
        yield first, hours[n - 1]


def _group(vm: VmRef) -> str:
    return f"{vm.subscription_id}/{vm.resource_group}".lower()


def _quoted(text: str) -> str:
    """As a text in CEL and in YAML, whatever is in it."""
    return json.dumps(text)


def _name(text: str) -> str:
    """What a person may have chosen, as the name of a rule: plain letters, digits and a few signs."""
    plain = "".join(one if one.isascii() and (one.isalnum() or one in " .@_-") else "_" for one in text)
    return plain.strip()[:_LONGEST_NAME].strip() or "drafted"
