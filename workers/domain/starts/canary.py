"""A canary: a start that never was, sent the way of every start to see that the way is open.

It is recognised by its VM, whose subscription can't exist, and by a number that only the store knows. So no
real start can pass as a canary, and nobody who can write to the queue can make one up. Nobody is asked about
it, and nothing in Azure is read or changed for it.
"""

from datetime import datetime, timedelta
from typing import ClassVar

from workers.domain.model import UtcTime
from workers.domain.schema import Numbered
from workers.domain.starts.events import StartEvent
from workers.domain.starts.vm import VmRef

CANARY_VM = VmRef.parse(
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/startgate"
    "/providers/Microsoft.Compute/virtualMachines/startgate-canary"
)
STAGES = ("queue", "judged", "recorded", "seen")
"""What a canary passes: taken from the queue, judged by the policy, on record, seen by the bot."""


class Canary(Numbered):
    """One canary on its way. Times are ``None`` until it has come there.

    Attributes:
        sent_at: by the clock of whoever sent it.
        taken_at: a worker took it from the queue.
        judged_at: the policy's rules were tried.
        recorded_at: what they said was written.
        seen_at: the bot heard of it. It shows it to nobody.
        verdict: what the rules said.
    """

    document_kind: ClassVar[str] = "canary"

    id: str
    version: int = 0
    sent_at: UtcTime
    taken_at: UtcTime | None = None
    judged_at: UtcTime | None = None
    recorded_at: UtcTime | None = None
    seen_at: UtcTime | None = None
    verdict: str = ""

    @property
    def took(self) -> dict[str, timedelta]:
        """How long each stage took that it has passed. Never less than nothing: clocks differ."""
        passed = (self.sent_at, self.taken_at, self.judged_at, self.recorded_at, self.seen_at)
        found: dict[str, timedelta] = {}
        for stage, before, after in zip(STAGES, passed, passed[1:], strict=False):
            if before is None or after is None:
                break
            found[stage] = max(timedelta(0), after - before)
        return found

    @property
    def waits_for(self) -> str:
        """The stage that it has not passed; empty once the bot has seen it."""
        passed = (self.taken_at, self.judged_at, self.recorded_at, self.seen_at)
        return next((stage for stage, at in zip(STAGES, passed, strict=True) if at is None), "")


def is_canary(event: StartEvent) -> bool:
    """Whether this event is of the reserved VM, which no real start can be of."""
    return event.vm.key == CANARY_VM.key


def canary_event(canary_id: str, at: datetime) -> dict[str, object]:
    """The event, as Event Grid would write one: a CloudEvent."""
    return {
        "id": canary_id,
        "source": f"/subscriptions/{CANARY_VM.subscription_id}",
        "subject": CANARY_VM.resource_id,
        "type": "Microsoft.Resources.ResourceActionSuccess",
        "time": at.isoformat(),
        "specversion": "1.0",
        "data": {
            "authorization": {"scope": CANARY_VM.resource_id},
            "claims": {"name": "startgate canary"},
            "correlationId": canary_id,
            "resourceUri": CANARY_VM.resource_id,
            "operationName": "Microsoft.Compute/virtualMachines/start/action",
            "status": "Succeeded",
        },
    }
