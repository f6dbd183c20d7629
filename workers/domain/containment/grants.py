"""The role assignments by which whoever started the VM could start it again: shown, and none is removed.

A containment stops the VM and locks it; it takes nobody's role away. Whoever is to decide about that is shown
which roles there are, and the command that removes each.
"""

import re

from workers.domain.model import Stored
from workers.domain.starts.facts import Facts, GrantFact, GrantKind

# The command is copied into a shell: it is offered only where no part of it can mean anything there.
_SHELL_SAFE = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})+")

_LONGEST_COMMAND = 390
_WHY = {
    GrantKind.STARTS: "could start the VM again",
    GrantKind.GRANTS: "could give itself a role that starts the VM",
}


class Grant(Stored):
    """One of them, as it is shown. ``text`` is hostile.

    ``command`` removes it; empty where it can't be written safely.
    """

    text: str
    command: str = ""


def grants_of(facts: Facts) -> tuple[Grant, ...]:
    """One line each, the one that was used first; those of roles that nobody knows are only counted."""
    known = [fact for fact in facts.grants if fact.kind is not GrantKind.UNKNOWN]
    unknown = len(facts.grants) - len(known)
    grants = [Grant(text=_text(fact), command=_command(fact)) for fact in known]
    if unknown:
        many = f"{unknown} more role assignment{'' if unknown == 1 else 's'}"
        grants.append(Grant(text=f"{many} of the caller: whether a start is allowed by them is not known"))
    return tuple(grants)


def _text(fact: GrantFact) -> str:
    used = "this start was allowed by it, " if fact.used else ""
    group = "; it is a group's, and removing it takes it from all its members" if fact.through_group else ""
    return f"{fact.role} on {_place(fact.id)}: {used}{_WHY[fact.kind]}{group}"


def _command(fact: GrantFact) -> str:
    command = f"az role assignment delete --ids {fact.id}"
    # One that had to be cut when it is shown would be another command.
    return command if _SHELL_SAFE.fullmatch(fact.id) and len(command) <= _LONGEST_COMMAND else ""


def _place(assignment_id: str) -> str:
    """Where it holds, for people."""
    scope = assignment_id[: max(0, assignment_id.lower().rfind("/providers/microsoft.authorization/"))]
    parts = [part for part in scope.split("/") if part]
    if not parts:
        return "everything in the tenant"
    if "managementgroups" in scope.lower():
        return f"the management group {parts[-1]}"
    names = {2: "the subscription", 4: f"the resource group {parts[-1]}"}
    return names.get(len(parts), parts[-1])
