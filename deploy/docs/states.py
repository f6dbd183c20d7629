"""``docs/states.md`` from the transition tables: Mermaid diagrams of approvals, containments and steps."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from workers.domain.asking import approvals
from workers.domain.containment import containment

S = TypeVar("S", bound=StrEnum)


def states_page() -> str:
    """The whole page, as Markdown."""
    parts = [
        "# States\n",
        "Made from the tables `TRANSITIONS` in `workers/domain` by `make docs`; CI fails when it is stale.\n",
        _section(
            "Approval",
            "One question to one owner about one start. Only PENDING is open; silence ends EXPIRED, "
            "never REJECTED.",
            approvals.TRANSITIONS,
            approvals.ApprovalState.PENDING,
        ),
        _section(
            "Containment",
            "CONTAINED is written only after power state and every NIC were read back; a VM that is started "
            "again is contained again. RESTORED is written only after every NIC read back with its former "
            "security group; a rejection or lockdown that comes while it is being undone takes precedence.",
            containment.TRANSITIONS,
            containment.ContainmentState.PLANNED,
        ),
        _section(
            "Step",
            f"At most {containment.MAX_ATTEMPTS} attempts; waiting for a throttling Azure counts as none. "
            "A restore undoes each step along the same table.",
            containment.STEP_TRANSITIONS,
            containment.StepState.TODO,
        ),
    ]
    return "\n".join(parts)


def _section(title: str, words: str, table: Mapping[S, frozenset[S]], first: S) -> str:
    arrows = [f"    [*] --> {first}"]
    for state, following in table.items():
        arrows.extend(f"    {state} --> {other}" for other in sorted(following))
        if not following:
            arrows.append(f"    {state} --> [*]")
    body = "\n".join(arrows)
    return f"## {title}\n\n{words}\n\n```mermaid\nstateDiagram-v2\n{body}\n```\n"
