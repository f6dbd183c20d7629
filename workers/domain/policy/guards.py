"""The guarded set: VMs that are never contained, such as domain controllers and our own hosts.

A guard's condition is about a VM, not about a start: it reads ``vm``, ``owner`` and ``facts`` only. It can be
asked before Azure is: what it then can't tell is a doubt, and whoever is about to act reads the VM first.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple, cast

from workers.domain.policy.cel.conditions import Condition, Unevaluated, activation
from workers.domain.policy.cel.variables import ABOUT_VMS, RuleInput, known_values
from workers.domain.policy.limits import Guard
from workers.domain.starts.facts import Facts
from workers.domain.starts.people import Owner
from workers.domain.starts.vm import VmRef


class VmInput(NamedTuple):
    """What a guard gets to judge a VM: as a rule does, but without a start."""

    vm: VmRef
    facts: Facts | None = None
    owner: Owner | None = None


class Judgement(NamedTuple):
    """What the guards say of a VM.

    Attributes:
        guard: the name of the first one whose condition holds; empty if none does.
        doubt: why that is not known for sure, as a sentence without a full stop; empty if it is.
    """

    guard: str = ""
    doubt: str = ""


class Guards:
    """The guards of a policy. They are compiled when first asked.

    ``judge`` raises ``InvalidCondition`` for an invalid condition; policy files are checked for that before.
    """

    def __init__(self, guards: Sequence[Guard]) -> None:
        self._guards = tuple(guards)

    @cached_property
    def _compiled(self) -> tuple[tuple[Guard, Condition], ...]:
        return tuple((guard, Condition(guard.when, about_vm=True)) for guard in self._guards)

    def judge(self, given: VmInput) -> Judgement:
        """Whether this VM is in the guarded set.

        A condition that can't be evaluated although all that it reads is known, such as one about a tag that
        the VM does not have, does not hold.
        """
        doubt = ""
        for guard, condition in self._compiled:
            # The variables that are about a VM read nothing of a start.
            known = known_values(cast("RuleInput", given), ABOUT_VMS & condition.variables)
            try:
                if condition.holds(activation(known)):
                    return Judgement(guard=guard.name)
            except Unevaluated as why:
                if not _written(guard.when, condition.facts) <= known.keys():
                    doubt = doubt or f"it is not known whether {guard.name!r} holds: {why}"
        return Judgement(doubt=doubt)


def _written(expression: str, names: Iterable[str]) -> frozenset[str]:
    """Those of the names that stand in the expression: a doubt about any other is none."""
    packed = "".join(expression.split())
    return frozenset(name for name in names if re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", packed))


def why_never(vm_name: str, guard: str) -> str:
    """That a VM must not be contained, and what helps: two sentences without mark-up."""
    return (
        f"The policy never contains {vm_name}: it is in the guarded set ({guard}). To contain it all the"
        " same, take it out of `never` in the policy, or act by hand in the Azure portal."
    )
