"""Domain objects for tests: sensible by default, every part replaceable by keyword.

The defaults tell one story: Alice started ``vm-web-01``, which she owns, with the Azure CLI; Olga is on call.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from workers.domain import ids
from workers.domain.asking.access import AccessRequest, WantedPause
from workers.domain.asking.approvals import Approval, ApprovalState, Terms
from workers.domain.asking.cards import Card
from workers.domain.asking.decisions import Answer, Decision
from workers.domain.asking.terms import announcement
from workers.domain.containment.containment import (
    Cause,
    CauseKind,
    Containment,
    ContainmentState,
    Step,
    StepState,
)
from workers.domain.containment.plans import Change, Plan, PlannedStep, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.model import Model
from workers.domain.policy.insight import Insight, look_into
from workers.domain.policy.model import OnSilence, Policy, Verdict
from workers.domain.policy.people import OncallPolicy
from workers.domain.starts.events import Access, Caller, CallerKind, Phase, StartEvent
from workers.domain.starts.facts import BackupFacts, Facts, MachineFacts, NetworkFacts
from workers.domain.starts.past.entries import Past
from workers.domain.starts.past.history import History
from workers.domain.starts.people import Actor, Owner
from workers.domain.starts.two_persons import Request
from workers.domain.starts.vm import KnownVm, Nic, OpenPort, PowerState, VmRef

NOW = datetime(2026, 11, 24, 3, 50, tzinfo=UTC)
HOUR = timedelta(hours=1)
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
ALICE = "U0ALICE01"
OLGA = "U0OLGA001"
ONCALL_GROUP = "S0ONCALL1"
_NETWORK = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-web/providers/Microsoft.Network"
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"

M = TypeVar("M", bound=Model)


def _made(model: type[M], changes: dict[str, Any], /, **defaults: Any) -> M:
    """Validated, so that no test runs on an object that the product could not hold."""
    return model.model_validate({**defaults, **changes}, extra="forbid")


def vm_ref(
    *, name: str = "vm-web-01", group: str = "rg-web", subscription: str = SUBSCRIPTION, classic: bool = False
) -> VmRef:
    """Built without parsing, so that tests can give it names which no id would carry."""
    provider = "Microsoft.ClassicCompute" if classic else "Microsoft.Compute"
    return VmRef(
        resource_id=f"/subscriptions/{subscription}/resourceGroups/{group}"
        f"/providers/{provider}/virtualMachines/{name}",
        subscription_id=subscription,
        resource_group=group,
        name=name,
        classic=classic,
    )


def caller(**changes: Any) -> Caller:
    return _made(
        Caller,
        changes,
        kind=CallerKind.USER,
        name="Alice Example",
        email="alice@contoso.com",
        object_id="aaaaaaaa-0000-0000-0000-000000000001",
        app_id=AZURE_CLI,
        ip="203.0.113.7",
        signin_ip="203.0.113.7",
        mfa=True,
    )


def start_event(**changes: Any) -> StartEvent:
    vm: VmRef = changes.get("vm", vm_ref())
    return _made(
        StartEvent,
        changes,
        vm=vm,
        operation="Microsoft.Compute/virtualMachines/start/action",
        phase=Phase.STARTED,
        at=NOW - timedelta(minutes=1),
        caller=caller(),
        access=Access(
            role="Virtual Machine Contributor",
            scope=f"/subscriptions/{vm.subscription_id}",
            principal_type="User",
        ),
        correlation_id="cccccccc-0000-0000-0000-000000000001",
        event_id="event-1",
        shape="eventgrid",
    )


def nic(*, name: str = "vm-web-01-nic", **changes: Any) -> Nic:
    return _made(
        Nic,
        changes,
        id=f"{_NETWORK}/networkInterfaces/{name}",
        name=name,
        nsg_id=f"{_NETWORK}/networkSecurityGroups/nsg-web",
        public_ips=("198.51.100.20",),
        private_ips=("10.0.1.4",),
    )


def open_port(**changes: Any) -> OpenPort:
    return _made(
        OpenPort, changes, nic="vm-web-01-nic", ports="22", protocol="Tcp", nsg="nsg-web", rule="allow-ssh"
    )


def facts(**changes: Any) -> Facts:
    """``missing`` alone takes nothing away: give ``network=None`` and such with it."""
    return _made(
        Facts,
        changes,
        subscription_name="Contoso Production",
        machine=MachineFacts(
            location="westeurope",
            size="Standard_D4s_v5",
            power=PowerState.RUNNING,
            os="Linux",
            tags={"owner": "alice@contoso.com", "env": "prod"},
            nic_ids=(nic().id,),
        ),
        network=NetworkFacts(nics=(nic(),), open_ports=(open_port(),)),
        backup=BackupFacts(),
        gathered_at=NOW,
    )


def owner(**changes: Any) -> Owner:
    return _made(Owner, changes, emails=("alice@contoso.com",), source="tag owner")


def actor(**changes: Any) -> Actor:
    """Alice, who owns the VM and is not on call."""
    return _made(Actor, changes, slack_user=ALICE, name="Alice Example", email="alice@contoso.com")


def oncall(**changes: Any) -> Actor:
    """Olga, who is on call and owns nothing."""
    return _made(Actor, changes, slack_user=OLGA, name="Olga Oncall", email="olga@contoso.com", on_call=True)


def terms(**changes: Any) -> Terms:
    return _made(
        Terms,
        changes,
        remind_after=timedelta(minutes=10),
        escalate_after=timedelta(minutes=20),
        expire_after=timedelta(minutes=60),
        on_silence=OnSilence.ESCALATE,
        lockdown=LockdownProfile(),
    )


def announced(**changes: Any) -> Terms:
    """The terms of a start that is only announced."""
    return announcement(timedelta(hours=24), LockdownProfile(), "weekly tests").changed(**changes)


def plan(**changes: Any) -> Plan:
    steps = (
        _planned(
            StepName.ISOLATE,
            "isolate 1 NIC with startgate-lockdown-westeurope",
            "vm-web-01-nic: nsg-web \u2192 startgate-lockdown-westeurope",
        ),
        _planned(StepName.STOP, "stop and deallocate", "power state: running \u2192 deallocated"),
        _planned(
            StepName.BACKUP,
            "protect with Azure Backup and back up now",
            "backup: none \u2192 vault startgate-westeurope",
        ),
    )
    return _made(Plan, changes, profile="standard", steps=steps, as_of=NOW)


def _planned(name: StepName, summary: str, detail: str) -> PlannedStep:
    return PlannedStep(step=name, change=Change(summary=summary, details=(detail,)))


def decision(**changes: Any) -> Decision:
    at, reason = NOW + timedelta(minutes=2), "I did not start this."
    return _made(Decision, changes, answer=Answer.REJECT, by=actor(), at=at, reason=reason)


def approval(**changes: Any) -> Approval:
    """PENDING and asked by default; a closed ``state`` brings its decision or its reason along."""
    event: StartEvent = changes.get("event", start_event())
    closing: dict[str, Any] = {}
    match ApprovalState(changes.get("state", ApprovalState.PENDING)):
        case ApprovalState.CONFIRMED:
            closing = {"decision": decision(answer=Answer.CONFIRM, reason="")}
        case ApprovalState.REJECTED:
            closing = {"decision": decision()}
        case ApprovalState.EXPIRED:
            closing = {"closed_because": "nobody answered within 1 hour; on-call was told"}
        case ApprovalState.TOLD:
            changes = {"terms": announced(), **changes}
        case ApprovalState.RULED:
            because = "the rule nightly contains this VM without asking"
            closing = {"closed_because": because}
            changes = {"terms": terms(verdict=Verdict.CONTAIN, rule="nightly"), **changes}
        case ApprovalState.WITHDRAWN:
            closing = {"closed_because": "the VM was stopped before anybody answered"}
    if closing:
        closing["closed_at"] = NOW + timedelta(minutes=2)
    return _made(
        Approval,
        changes,
        id=ids.approval_id(event.vm.key, event.dedupe_key),
        version=1,
        event=event,
        facts=facts(),
        owner=owner(),
        terms=terms(),
        plan=plan(),
        opened_at=NOW,
        asked_at=NOW,
        asked_whom=(ALICE,),
        **closing,
    )


def cause(**changes: Any) -> Cause:
    """A rejection; where the policy decides, nobody is named unless given."""
    by = None if changes.get("kind") in (CauseKind.SILENCE, CauseKind.RULE) else actor()
    at, reason = NOW + timedelta(minutes=2), "I did not start this."
    return _made(Cause, changes, kind=CauseKind.REJECTION, at=at, by=by, reason=reason)


_NOTES = {
    StepName.ISOLATE: "1 of 1 NIC has startgate-lockdown-westeurope",
    StepName.STOP: "power state is deallocated",
    StepName.BACKUP: "protected in startgate-westeurope, first backup completed",
}


def step(*, name: StepName = StepName.ISOLATE, state: StepState = StepState.TODO, **changes: Any) -> Step:
    """Times, attempt, change and note follow from the state."""
    state = StepState(state)
    begun = NOW + timedelta(minutes=2)
    fitting: dict[str, Any] = {}
    if state is not StepState.TODO:
        planned = {s.step: s.change for s in plan().steps}
        change = planned.get(name, Change(summary=name.spec.does))
        fitting = {"attempt": 1, "started_at": begun, "change": change}
    if state in (StepState.DONE, StepState.FAILED, StepState.SKIPPED):
        fitting["ended_at"] = begun + timedelta(seconds=42)
    if state is StepState.DONE:
        fitting["note"] = _NOTES.get(name, "as wanted")
    if state is StepState.FAILED:
        fitting |= {"attempt": 5, "note": "Azure refused: ScopeLocked"}
    return _made(Step, changes, name=name, state=state, **fitting)


def containment(**changes: Any) -> Containment:
    """PLANNED by default; steps fit the state: all done when CONTAINED, the last failed when INCOMPLETE."""
    vm: VmRef = changes.get("vm", vm_ref())
    profile: LockdownProfile = changes.get("profile", LockdownProfile())
    state = ContainmentState(changes.get("state", ContainmentState.PLANNED))
    ended = NOW + timedelta(minutes=5)
    fitting: dict[str, Any] = {}
    reached = StepState.TODO
    if state is ContainmentState.RUNNING:
        reached = StepState.STARTED
    elif state is not ContainmentState.PLANNED:
        reached = StepState.DONE
        fitting = {"ended_at": ended, "verified_at": ended}
    steps = {name: step(name=name, state=reached) for name in profile.steps}
    if state is ContainmentState.INCOMPLETE:
        fitting["verified_at"] = None
        last = profile.steps[-1]
        steps[last] = step(name=last, state=StepState.FAILED)
    return _made(
        Containment,
        changes,
        id=f"c{ids.partition_of_vm(vm.key):x}{'0' * 24}",
        version=1,
        state=state,
        vm=vm,
        cause=cause(),
        profile=profile,
        steps=tuple(steps.values()),
        opened_at=NOW + timedelta(minutes=2),
        **fitting,
    )


def card(**changes: Any) -> Card:
    """No copy posted yet."""
    return _made(Card, changes, id=approval().id)


def known_vm(**changes: Any) -> KnownVm:
    return _made(
        KnownVm,
        changes,
        ref=vm_ref(),
        subscription_name="Contoso Production",
        location="westeurope",
        tags={"owner": "alice@contoso.com", "env": "prod"},
        power=PowerState.RUNNING,
        seen_at=NOW,
    )


def access_request(**changes: Any) -> AccessRequest:
    """Olga asks for a pause, for a quarter of an hour."""
    what = {} if {"expects", "delegates"} & changes.keys() else {"pauses": WantedPause(span=HOUR)}
    request = Request(by=oncall(), at=NOW, reason="the wrong VMs", expires_at=NOW + HOUR / 4)
    return _made(AccessRequest, changes, id="g0" + "1" * 24, request=request, **what)


def policy(**changes: Any) -> Policy:
    return _made(Policy, changes, oncall=OncallPolicy(usergroup=ONCALL_GROUP))


def insight(
    event: StartEvent | None = None,
    about: Facts | None = None,
    *,
    past: Past | History | None = None,
    line: KnownVm | None = None,
    contained: bool = False,
    **policies: Any,
) -> Insight:
    """What the policy makes of a start that is the first one unless a past is given."""
    return look_into(
        policy(**policies),
        event or start_event(),
        facts() if about is None else about,
        past=past or Past(),
        line=line or known_vm(),
        contained=contained,
    )
