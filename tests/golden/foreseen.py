"""Documents about what is known of a containment before it begins, and about how it may end."""

from datetime import timedelta

from tests import builders as a
from workers.domain.asking.passing import PassedOn
from workers.domain.containment.containment import ContainmentState, Restoration
from workers.domain.containment.ending.expiry import Expiry
from workers.domain.containment.ending.two_persons import RestoreRequest
from workers.domain.containment.foresight.drills import Drill, Obstacle
from workers.domain.containment.foresight.lookups import Foresight, Lookup, LookupKind, OfLockdown, OfRestore
from workers.domain.containment.foresight.returns import Return
from workers.domain.containment.plans import Impact, StepName
from workers.domain.containment.profile import AllowRule, IsolateOptions, LockdownProfile
from workers.domain.containment.restoration import BY_ITSELF
from workers.domain.schema import Numbered
from workers.domain.starts.facts import MissingFact, NetworkFacts
from workers.domain.starts.past.history import History
from workers.domain.starts.surroundings import OpenSession, Surroundings
from workers.domain.starts.vm import Pool

_SOON = a.NOW + timedelta(minutes=3)
PROFILE = LockdownProfile(
    name="forensics",
    isolate=IsolateOptions(
        allow=(AllowRule(name="bastion", source="10.0.9.0/26", ports=("22", "3389"), protocol="Tcp"),),
        classic_nsg=f"/subscriptions/{a.SUBSCRIPTION}/resourceGroups/rg-web/providers"
        "/Microsoft.ClassicNetwork/networkSecurityGroups/locked",
    ),
    resource_group="rg-security",
)


def _request() -> RestoreRequest:
    return RestoreRequest(
        by=a.oncall(),
        at=a.NOW,
        reason="false alarm",
        start=True,
        chosen={a.nic().id: None},
        demand="1.x",
        expires_at=_SOON,
    )


def _lookup(kind: LookupKind = LookupKind.PLAN) -> Lookup:
    return Lookup(
        id=f"q0{'0' * 24}",
        version=1,
        kind=kind,
        vm=a.vm_ref(),
        profile=PROFILE,
        by=a.oncall(),
        asked_at=a.NOW,
    )


def foreseen() -> dict[str, Numbered]:
    """As ``documents``."""
    return {
        "approval-with-impact": a.approval(
            plan=a.plan(
                impact=(Impact(text="load balancer shop: backend pool web loses a member", severe=True),)
            ),
            facts=a.facts(
                surroundings=Surroundings(
                    availability_set="shop",
                    neighbours=("web-02",),
                    recovery_point_at=a.NOW,
                    sessions=(OpenSession(user="mallory", protocol="SSH", minutes=12.5),),
                    unknown=("open sessions: not allowed",),
                ),
                network=NetworkFacts(
                    nics=(
                        a.nic(
                            passing_ips=("203.0.113.9",),
                            pools=(Pool(balancer="shop", name="web", others=2, gateway=True),),
                        ),
                    )
                ),
            ),
        ),
        "containment-asked-to-restore": a.containment(
            state=ContainmentState.CONTAINED, restore_request=_request()
        ),
        "containment-kept-isolated": a.containment(
            state=ContainmentState.CONTAINED,
            profile=LockdownProfile(isolate=IsolateOptions(expire_after=timedelta(hours=8))),
            expiry=Expiry(
                announced_at=a.NOW, ends_at=_SOON, held_at=_SOON, held_because="the VM was started"
            ),
        ),
        "containment-restored-by-itself": a.containment(
            state=ContainmentState.RESTORED,
            restoration=Restoration(by=BY_ITSELF, at=_SOON, expired=True, steps=()),
        ),
        "containment-restored-by-two": a.containment(
            state=ContainmentState.RESTORED,
            restoration=Restoration(by=a.oncall(), at=_SOON, requested=_request(), steps=()),
        ),
        "lookup-asked": _lookup(),
        "lookup-answered": _lookup().answered(
            _SOON, Foresight(plan=a.plan(), missing=(MissingFact(name="backup", reason="not in time"),))
        ),
        "lookup-drilled": _lookup(kind=LookupKind.DRILL).answered(
            _SOON,
            Foresight(
                plan=a.plan(),
                guarded="never contained",
                drill=Drill(
                    guarded="never contained",
                    plan=a.plan(),
                    obstacles=(Obstacle(step=StepName.STOP, why="a lock", remedy="remove it"),),
                    missing=(MissingFact(name="locks and rights", reason="not allowed"),),
                ),
            ),
        ),
        "lookup-of-a-restore": _lookup(kind=LookupKind.RESTORE)
        .changed(
            restore=OfRestore(
                containment_id=a.containment().id,
                demand="1.x",
                start=True,
                reason="false alarm",
                dry_run=True,
            )
        )
        .returning(_SOON, (Return(step=StepName.STOP, lines=("deallocated now",), drift=("it runs",)),)),
        "approval-of-a-rejected-caller": a.approval(history=History(caller_rejected_at=a.NOW)),
        "approval-passed-on": a.approval(
            passed=(
                PassedOn(by=a.actor(), to=a.oncall(), at=_SOON, tag="owner"),
                PassedOn(by=a.oncall(), at=_SOON),
            ),
        ),
        "lookup-before-a-lockdown": _lookup().changed(
            lockdown=OfLockdown(reason="odd traffic", note="asked")
        ),
        "lookup-before-rejecting": _lookup(kind=LookupKind.REJECTION).changed(approval_id=a.approval().id),
        "lookup-failed": _lookup().failed_because(_SOON, "Azure does not answer"),
    }
