"""Many starts by one caller for one owner within seconds: one card asks about those that look alike.

Each start keeps a question of its own, with its deadlines and its audit. The card of the first one, the
*lead*, lists the others as its *members*. A start that differs, or is of high risk, has a card of its own.

An owner who has many open questions gets further ones on such a card, too, whoever started them: a *digest*.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from workers.domain.asking.approvals import Approval
from workers.domain.asking.decisions import Decision
from workers.domain.asking.terms import steps_on_silence
from workers.domain.asking.two_persons import ConfirmRequest
from workers.domain.model import Stored, UtcTime
from workers.domain.starts.past.entries import caller_key
from workers.domain.starts.risk import Level

MOST_MEMBERS = 500
"""On one card; the next one begins another."""
_MOST_WORDS = 80
_AROUND_S = 60
_OF_MANY = frozenset({"many-vms"})
"""Signals that the later starts of a burst have because they are many."""


class Member(Stored):
    """One question on a card that asks about several, as the card shows it.

    Attributes:
        at: when its VM was started.
        vm: the VM's name, and ``group`` its resource group.
        said: how the question stands, as a headline.
        starts: how many starts of the VM it asks about.
        level: of its risk.
        high: whether its risk is high by now; then it has a card of its own, too.
        reminded: whether its owner was to be reminded.
        escalated: whether on-call was to be told.
        version: of the question, as the card shows it.
        told: the version of which is on record that the card shows it; 0 for none.
        hushed: whether its owner is in quiet hours, and has to be noted as asked when those end.
        row: how a digest shows it while it is open, as mrkdwn; empty on the card of a burst.
        second: what the first of two persons asked for; ``None`` once it is decided.
        answer: ``Confirmed`` or ``Rejected``; empty without an answer.
        by: who gave it, in words without mark-up.
        why: their reason, or why it was closed without an answer; the beginning of a long one.
        closed_at: when.
        silent: it expired, and nothing came of that.
    """

    approval_id: str
    at: UtcTime
    vm: str
    group: str = ""
    open: bool = True
    said: str = ""
    starts: int = 1
    level: Level = Level.LOW
    high: bool = False
    reminded: bool = False
    escalated: bool = False
    version: int = 0
    told: int = 0
    hushed: bool = False
    row: str = ""
    second: ConfirmRequest | None = None
    answer: str = ""
    by: str = ""
    why: str = ""
    closed_at: UtcTime | None = None
    silent: bool = False

    @property
    def waits_for_second(self) -> ConfirmRequest | None:
        """What the first of two persons asked for, as long as somebody else can confirm it."""
        request = self.second
        return request if self.open and request is not None and not request.expired else None


class Ordered(Stored):
    """One answer to several questions of a card, until each of them has it.

    Attributes:
        decision: the answer, by whom, and why.
        starts: question id → how many of its starts whoever answered was shown.
    """

    decision: Decision
    starts: dict[str, int]


REMEMBERED = timedelta(minutes=10)
"""How long a start is remembered without another: longer than a start may be on its way through us."""
DIGEST_REMEMBERED = timedelta(hours=24)
"""The same of an owner's questions, and of the card that lists them."""
DIGEST = "digest"
"""In the place of how a start looks: what a digest lists need not look alike."""


class BurstStart(NamedTuple):
    """One start, as it is noted beside others.

    Attributes:
        pair: names caller and owner together.
        look: how it looks.
        approval_id: its question.
        at: when it was.
        owner: names the owner alone, where their open questions are counted; empty where they are not.
        kept: how long it is remembered without another.
    """

    pair: str
    look: str
    approval_id: str
    at: datetime
    owner: str = ""
    kept: timedelta = REMEMBERED

    @property
    def text(self) -> str:
        """Time and look, to be kept."""
        return f"{int(self.at.timestamp())} {self.look}"


class Burst(NamedTuple):
    """What was started lately by one caller for one owner.

    Attributes:
        leads: how starts look → the question whose card asks about those that look so.
        looks: question id → how its start looks, of those at about the same time.
        noted: how many questions are noted of the owner, this one included; some may be closed by now.
    """

    leads: Mapping[str, str]
    looks: Mapping[str, str]
    noted: int = 0

    @classmethod
    def around(
        cls, start: BurstStart, leads: Mapping[str, str], texts: Mapping[str, str], noted: int = 0
    ) -> "Burst":
        """From what is kept: question id → its start's ``text``."""
        looks = {}
        for approval_id, text in texts.items():
            at, _, look = text.partition(" ")
            if abs(int(at) - start.at.timestamp()) <= _AROUND_S:
                looks[approval_id] = look
        return cls(leads, looks, noted)

    def differing(self, look: str) -> tuple[str, ...]:
        """In words how others differ from those that look so; nothing unless these are most of them."""
        counts = Counter(self.looks.values())
        others = [other for other in self.looks.values() if other != look]
        return tuple(_difference(look, other) for other in others) if counts[look] > len(others) else ()

    def stands_out(self, look: str) -> bool:
        """Whether most of the others look alike, and otherwise than this: their card says that it differs."""
        counts = Counter(self.looks.values())
        return any(2 * count > counts.total() for other, count in counts.items() if other != look)


def pair_of(approval: Approval) -> str:
    """Names caller and owner together; empty where one of them is not known for sure."""
    who, owner = caller_key(approval.event.caller), approval.owner
    return _digest(who, *owner.named) if who and owner.known else ""


def owner_key(approval: Approval) -> str:
    """Names the owner alone; empty where nobody knows one."""
    return _digest("owner", *approval.owner.named) if approval.owner.known else ""


def look_of(approval: Approval) -> str:
    """How a start looks: equal for those that look alike. A digest, and in words what stands out."""
    caller, risk = approval.event.caller, approval.risk
    signals = [one.id for one in risk.signals if one.id not in _OF_MANY] if risk else []
    access = approval.event.access
    parts = (
        *(caller.ip, caller.app_id, str(caller.mfa)),
        *(approval.terms.rule, approval.guarded, str(approval.event.phase), access.role if access else ""),
        *sorted(signals),
    )
    return f"{_digest(*parts)} {', '.join(one.replace('-', ' ') for one in signals)[:_MOST_WORDS]}"


def may_share(approval: Approval) -> bool:
    """Whether it may be asked about on a card with others: none of high risk, and no announced one."""
    level = approval.risk.level if approval.risk else Level.HIGH
    return approval.asks and approval.asked_at is None and level is not Level.HIGH and not approval.guarded


def may_be_listed(approval: Approval) -> bool:
    """Whether a digest may ask about it.

    An edit does not ring, so what it adds must not end unheard: its owner is reminded of it, its risk is
    not high, and silence changes nothing in Azure.
    """
    terms = approval.terms
    reminds = terms.remind_after < min(terms.escalate_after, terms.expire_after)
    return may_share(approval) and reminds and not steps_on_silence(terms) and terms.second_within is None


def lists_more(members: tuple[Member, ...]) -> bool:
    """Whether a digest of these takes another: not after its reminder, which would not ring a second time."""
    waits = any(one.open for one in members)
    return waits and len(members) < MOST_MEMBERS and not any(one.reminded for one in members)


def within(members: tuple[Member, ...], at: datetime, span: timedelta) -> bool:
    """Whether a start at this time belongs to these: one of them is no further away than ``span``."""
    return any(abs(one.at - at) <= span for one in members)


def stands_alone(approval: Approval) -> bool:
    """Whether it has a card of its own, too: rejected, its VM contained, or of high risk by now."""
    rejected = approval.decision is not None and not approval.decision.confirms
    return rejected or approval.containment_id is not None or is_high(approval)


def is_high(approval: Approval) -> bool:
    """Whether its risk has risen to high while it waits."""
    return approval.open and approval.risk is not None and approval.risk.level is Level.HIGH


def _difference(look: str, other: str) -> str:
    """What stands out of the other and not of these."""
    these, those = (one.partition(" ")[2].split(", ") for one in (look, other))
    more = [one for one in those if one and one not in these]
    less = [f"without {one}" for one in these if one and one not in those]
    return ", ".join(more or less) or "started in another way"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:16]
