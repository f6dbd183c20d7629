"""Starts that somebody expects: a VM or a condition, a window of time, perhaps one caller."""

from datetime import datetime, timedelta
from typing import ClassVar

from workers.domain.ids import EXPECTATIONS
from workers.domain.model import Stored, UtcTime
from workers.domain.schema import Numbered
from workers.domain.starts.ahead.windows import Window
from workers.domain.starts.events import Caller, CallerKind, StartEvent
from workers.domain.starts.vm import VmRef

MOST_EXPECTATIONS = 50
"""At the same time; what has ended does not count."""
LONGEST_REASON = 300
LONGEST_CALLER = 200


class Expectation(Stored):
    """One announcement. The texts are hostile.

    Attributes:
        id: short, for people to withdraw it by.
        vm: the VM; ``None`` if ``when`` says which starts.
        when: a CEL condition over a start, as in the policy's rules; empty if ``vm`` says which.
        caller: an e-mail address, or the id of an application or of an identity, in lower case; empty for
            whoever it is.
        by: who announced it, as the audit names them; ``by_user`` is their Slack id, empty at a command line.
        approved_by: the second person, where it takes two, as the audit names them.
        begin: from then on; ``end`` does not count. By Azure's clock, which dates starts.
    """

    id: str
    vm: VmRef | None = None
    when: str = ""
    caller: str = ""
    reason: str
    by: str
    by_user: str = ""
    approved_by: str = ""
    at: UtcTime
    begin: UtcTime
    end: UtcTime

    def covers(self, event: StartEvent) -> bool:
        """Whether it may be about this start, as far as the event says; a condition is not tried here."""
        right_vm = self.vm is None or self.vm.key == event.vm.key
        return right_vm and self.begin <= event.at < self.end and self._by_whom(event.caller)

    def _by_whom(self, caller: Caller) -> bool:
        if not self.caller:
            return True
        ids = {caller.email.lower(), caller.object_id.lower()}
        if caller.kind in (CallerKind.SERVICE_PRINCIPAL, CallerKind.MANAGED_IDENTITY):
            ids.add(caller.app_id.lower())  # of a person, it is the client, which anybody may use
        return self.caller in ids

    @property
    def summary(self) -> dict[str, object]:
        """For the audit."""
        return {
            "id": self.id,
            "vm": self.vm.key if self.vm else "",
            "when": self.when,
            "caller": self.caller,
            "reason": self.reason,
            "by": self.by,
            "begin": self.begin.isoformat(),
            "end": self.end.isoformat(),
            **({"approved_by": self.approved_by} if self.approved_by else {}),
        }


class Expectations(Numbered):
    """All that are announced. There is one such document.

    Attributes:
        entries: in the order in which they were announced; those that have ended go with the next change.
    """

    document_kind: ClassVar[str] = "expectations"

    id: str = EXPECTATIONS
    version: int = 0
    entries: tuple[Expectation, ...] = ()

    def current(self, now: datetime) -> tuple[Expectation, ...]:
        """Those that have not ended."""
        return tuple(one for one in self.entries if now < one.end)

    def covering(self, event: StartEvent) -> tuple[Expectation, ...]:
        """Those that may be about a start, the oldest first."""
        return tuple(one for one in self.entries if one.covers(event))

    def of_vm(self, vm: VmRef, now: datetime) -> tuple[Expectation, ...]:
        """Those that name a VM, and those whose condition may hold for it."""
        return tuple(one for one in self.current(now) if one.vm is None or one.vm.key == vm.key)

    def with_one(self, added: Expectation, now: datetime, longest: timedelta) -> "Expectations":
        """With one more.

        Raises:
            ValueError: it is too long, says not for what or why, or there are too many; with the remedy.
        """
        current = self.current(now)
        if added.end - added.begin > longest:
            hours = longest / timedelta(hours=1)
            raise ValueError(f"a window lasts at most {hours:g} hours here; take a shorter one")
        if (added.vm is None) == (not added.when):
            raise ValueError("an expectation is about one VM, or about a condition")
        if not added.reason.strip():
            raise ValueError("an expectation needs a reason: whoever looks into the start reads it")
        if added.end <= now:
            raise ValueError("the window of this start is over; announce it with a new one")
        if len(current) >= MOST_EXPECTATIONS:
            raise ValueError(f"{MOST_EXPECTATIONS} starts are expected already; withdraw one of them first")
        return self.changed(entries=(*current, added))

    def find(self, expectation_id: str, now: datetime) -> Expectation | None:
        """The one of this id, if it has not ended."""
        return next((one for one in self.current(now) if one.id == expectation_id.strip().lower()), None)

    def without(self, expectation_id: str, now: datetime) -> "Expectations":
        """Without that one."""
        return self.changed(entries=tuple(one for one in self.current(now) if one.id != expectation_id))


def expectation(
    expectation_id: str,
    span: Window,
    *,
    by: str,
    reason: str,
    at: datetime,
    vm: VmRef | None = None,
    when: str = "",
    caller: str = "",
    by_user: str = "",
) -> Expectation:
    """One expectation, its texts cut to their longest."""
    return Expectation(
        id=expectation_id,
        vm=vm,
        when=when.strip(),
        caller=caller.strip().lower()[:LONGEST_CALLER],
        reason=reason.strip()[:LONGEST_REASON],
        by=by,
        by_user=by_user,
        at=at,
        begin=span.begin,
        end=span.end,
    )
