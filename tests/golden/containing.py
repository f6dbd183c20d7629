"""Golden documents about locks, exceptions, roles that stay, and profiles of silence."""

from datetime import timedelta

from tests import builders as a
from workers.domain.containment.containment import ContainmentState, StepState
from workers.domain.containment.ending.grace import Grace
from workers.domain.containment.grants import Grant
from workers.domain.containment.options.allow_rules import Direction
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import AllowRule, IsolateOptions, LockdownProfile
from workers.domain.policy.model import OnSilence
from workers.domain.schema import Numbered
from workers.domain.starts.facts import GrantFact, GrantKind, LockFact

_ASSIGNMENT = "/subscriptions/x/providers/Microsoft.Authorization/roleAssignments"
_CHANGE = Change(
    summary="isolate 1 NIC",
    details=("vm-web-01-nic: nsg-web → startgate-lockdown-westeurope",),
    before={"nics": [{"id": a.nic().id, "nsg": None}], "power": "running"},
    after={"nics": [{"id": a.nic().id, "nsg": "startgate-lockdown-westeurope"}]},
    nothing_to_do=False,
    back=("vm-web-01-nic: startgate-lockdown-westeurope → nsg-web",),
)


def of_containing() -> dict[str, Numbered]:
    """File name without its ending → document."""
    return {
        "containment-with-exceptions": a.containment(
            profile=LockdownProfile(
                isolate=IsolateOptions(
                    allow=(
                        AllowRule(name="tag", source="AzureMonitor", ports=("443",), priority=200),
                        AllowRule(name="many", sources=("10.0.0.0/24", "10.0.1.0/24"), ports=("22",)),
                        AllowRule(
                            name="out", direction=Direction.OUT, destination="10.0.0.4", protocol="Icmp"
                        ),
                    )
                )
            )
        ),
        "containment-locked": a.containment(
            state=ContainmentState.CONTAINED,
            profile=LockdownProfile(steps=(StepName.STOP, StepName.LOCK)),
            steps=(
                a.step(name=StepName.STOP, state=StepState.DONE),
                a.step(name=StepName.LOCK, state=StepState.DONE, change=_CHANGE),
            ),
        ),
        "containment-in-grace": a.containment(
            grace=Grace(until=a.NOW, regretted_by=a.oncall(), regretted_at=a.NOW),
            steps=(a.step(name=StepName.ISOLATE, look_at=a.NOW), a.step(name=StepName.STOP, look_at=a.NOW)),
        ),
        "approval-with-grace": a.approval(terms=a.terms(grace=timedelta(seconds=60))),
        "approval-with-grants": a.approval(
            facts=a.facts(
                grants=(
                    GrantFact(
                        id=f"{_ASSIGNMENT}/1",
                        role="Owner",
                        kind=GrantKind.STARTS,
                        through_group=True,
                        used=True,
                    ),
                )
            ),
            plan=a.plan(
                grants=(
                    Grant(text="Owner on rg", command=f"az role assignment delete --ids {_ASSIGNMENT}/1"),
                )
            ),
        ),
        "approval-with-graduated-terms": a.approval(
            terms=a.terms(
                on_silence=OnSilence.CONTAIN,
                silence_lockdown=LockdownProfile(name="quarantine", steps=(StepName.ISOLATE,)),
            )
        ),
        "approval-with-locks": a.approval(
            facts=a.facts(locks=(LockFact(id="/subscriptions/x/providers/y/locks/freeze", level="ReadOnly"),))
        ),
    }
