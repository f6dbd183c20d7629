"""Which VMs stand contained, as far as the audit tells, and what was before."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from workers.domain.ids import reference as reference_of


@dataclass(kw_only=True, slots=True)
class Standing:
    """One containment that nobody has undone.

    Attributes:
        vm: the VM's key.
        since: of the newest end, as the record has it.
        back: a line for each thing that an undo would bring back: now → then.
    """

    vm: str
    about: str
    state: str = "begun"
    since: str = ""
    back: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """As cards show it."""
        return reference_of(self.about)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "vm": self.vm,
            "id": self.about,
            "state": self.state,
            "since": self.since,
            "to_bring_back": {step: list(lines) for step, lines in self.back.items()},
        }

    def lines(self) -> tuple[str, ...]:
        """Of all steps."""
        return tuple(line for lines in self.back.values() for line in lines)


_BEGINS = frozenset({"containment.begun", "lockdown.ordered", "lockdown.joined", "start.contained"})
_ENDS = {"containment.contained": "contained", "containment.incomplete": "incomplete"}


def standing(records: Iterable[dict[str, Any]]) -> list[Standing]:
    """By records, oldest first."""
    found: dict[str, Standing] = {}
    for record in records:
        about, kind = str(record.get("about", "")), str(record.get("kind", ""))
        if not about.startswith("c"):
            continue
        if kind == "containment.restored":
            found.pop(about, None)
            continue
        details = record.get("details") or {}
        change = details.get("change")
        if kind not in _BEGINS and kind not in _ENDS and not kind.startswith("step."):
            continue
        one = found.setdefault(about, Standing(vm=str(record.get("vm", "")), about=about))
        one.since = str(record.get("at", ""))
        one.state = _ENDS.get(kind, one.state)
        if isinstance(change, dict) and change.get("back"):
            one.back[str(details.get("step", ""))] = tuple(map(str, change["back"]))
    return list(found.values())
