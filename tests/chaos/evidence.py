"""What is known after a round: plain data, gathered from outside the product, for the checks to judge."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(kw_only=True)
class VmFact:
    """A VM of the round.

    Attributes:
        key: its resource id in lower case.
        owners: Slack user ids that its tag names.
        after: as Azure has it at the end; ``None`` if it is gone or never was.
        nics_before, nics_after: NIC id → its document.
    """

    key: str
    name: str
    owners: frozenset[str] = frozenset()
    classic: bool = False
    ghost: bool = False
    deleted: bool = False
    after: Json | None = None
    nics_before: dict[str, Json] = field(default_factory=dict)
    nics_after: dict[str, Json] = field(default_factory=dict)


@dataclass(kw_only=True)
class StartFact:
    """A start. ``caller`` is a Slack user id, or empty; ``accepted`` says that the bus took its event."""

    vm: str
    correlation_id: str
    approval_id: str
    caller: str = ""
    fails: bool = False
    accepted: bool = False


@dataclass(kw_only=True)
class Act:
    """What somebody did in Slack, and what Slack's client showed them at once.

    Attributes:
        what: ``confirm``, ``reject`` (the button), ``submit``, ``lockdown`` or ``choose``.
        vm: its key.
        approval: of the card clicked on.
        answer: of the stand-in: ``ok``, ``error``, ``view_id``, ``closed``.
    """

    who: str
    what: str
    vm: str
    at_ms: float
    done_ms: float = 0.0
    approval: str = ""
    answer: Json = field(default_factory=dict)

    @property
    def delivered(self) -> bool:
        """Whether the app acknowledged it; otherwise Slack itself told the person that it failed."""
        return self.answer.get("ack_ms") is not None


@dataclass(kw_only=True)
class Evidence:
    """One round.

    Attributes:
        azure, slack, bus: entries of the stand-ins' records since the round began.
        approvals, containments, cards: documents of the round's VMs by id.
        audit: records since the round began, with ``at_ms`` of Redis' clock.
        chains: partition → the whole audit as (previous, record, digest), and its head.
        kills: process, Unix ms of its end and of its return.
        messages: what Slack's channels hold at the end, as ``(channel, message)``.
        garbage: ids of messages that no queue can want.
        unrest: why the system did not come to rest; empty if it did.
        gone_by_itself: processes that ended without having been killed.
        logs: process → what it wrote during the round.
        of_others: ids of documents about VMs of earlier rounds, which standing sweeps may look at meanwhile.
        receipts_cut: whether Slack took calls and cut the answer off, so that the bot made them again.
    """

    seed: int = 0
    number: int = 0
    on_silence: str = "escalate"
    vms: list[VmFact] = field(default_factory=list)
    starts: list[StartFact] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    azure: list[Json] = field(default_factory=list)
    slack: list[Json] = field(default_factory=list)
    bus: list[Json] = field(default_factory=list)
    approvals: dict[str, Json] = field(default_factory=dict)
    containments: dict[str, Json] = field(default_factory=dict)
    cards: dict[str, Json] = field(default_factory=dict)
    audit: list[Json] = field(default_factory=list)
    chains: dict[int, tuple[list[tuple[str, str, str]], str]] = field(default_factory=dict)
    kills: list[tuple[str, float, float]] = field(default_factory=list)
    messages: list[tuple[str, Json]] = field(default_factory=list)
    dead_letters: dict[str, list[str]] = field(default_factory=dict)
    garbage: list[str] = field(default_factory=list)
    unrest: str = ""
    gone_by_itself: list[str] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    of_others: frozenset[str] = frozenset()
    receipts_cut: bool = False

    def vm(self, key: str) -> VmFact | None:
        """The VM of this key, if it is the round's."""
        return next((vm for vm in self.vms if vm.key == key), None)

    def start_of(self, approval_id: str) -> StartFact | None:
        """The start that an approval is about."""
        return next((start for start in self.starts if start.approval_id == approval_id), None)

    def audited(self, vm: str, *kinds: str) -> list[Json]:
        """Audit records about a VM, of these kinds."""
        return [record for record in self.audit if record["vm"] == vm and record["kind"] in kinds]


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A property that does not hold."""

    property: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.property}: expected {self.expected}; found {self.found}"
