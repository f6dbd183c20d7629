"""``docs/states.md``: Mermaid diagrams from the transition tables, and the table of steps."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from workers.domain.asking import approvals
from workers.domain.containment import containment
from workers.domain.containment.spec import StepName

S = TypeVar("S", bound=StrEnum)

_HEAD = (
    "Made by `make docs` from the tables `TRANSITIONS` in `workers/domain` and from the table of steps in"
    " `workers/domain/containment/spec.py`; CI fails when it is stale.\n"
)


def states_page() -> str:
    """The whole page, as Markdown."""
    parts = [
        "# States\n",
        _HEAD,
        _section(
            "Approval",
            "One start, and what its owner is asked or told. PENDING waits for an answer. TOLD is announced "
            "and can be rejected; late facts of high risk make it PENDING. Only these two are open; silence "
            "ends EXPIRED, never REJECTED. RULED: a "
            "rule of the policy contains the VM without asking. OBSERVED: the policy only observes.",
            approvals.TRANSITIONS,
            *approvals.FIRST.values(),
            approvals.ApprovalState.OBSERVED,
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
        _steps(),
    ]
    return "\n".join(parts)


def _section(title: str, words: str, table: Mapping[S, frozenset[S]], *first: S) -> str:
    arrows = [f"    [*] --> {state}" for state in first]
    for state, following in table.items():
        arrows.extend(f"    {state} --> {other}" for other in sorted(following))
        if not following:
            arrows.append(f"    {state} --> [*]")
    body = "\n".join(arrows)
    return f"## {title}\n\n{words}\n\n```mermaid\nstateDiagram-v2\n{body}\n```\n"


_COLUMNS = (
    "Step",
    "What it does",
    "Begins after",
    "Read back before CONTAINED",
    "Undo",
    "Undo begins after",
    "Undo read back before RESTORED",
    "On silence",
)


def _steps() -> str:
    rows = [_COLUMNS, tuple("---" for _ in _COLUMNS), *map(_row, StepName)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        "## Steps\n\n"
        "A step begins once the steps it waits for have ended, well or badly. The last column lists the "
        "values of the policy's `on_silence` that may use the step when nobody answers.\n\n"
        f"{table}\n"
    )


def _row(name: StepName) -> tuple[str, ...]:
    spec = name.spec
    return (
        _code([name]),
        spec.does,
        _code(spec.needs),
        _yes(spec.read_back),
        spec.undo,
        _code(spec.undo_needs),
        _yes(spec.undo_read_back),
        _code(spec.on_silence),
    )


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "\u2013"


def _yes(value: bool) -> str:  # noqa: FBT001 - a cell of a table
    return "yes" if value else "no"
