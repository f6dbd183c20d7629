"""One document of each kind in several states, all fields set somewhere."""

from datetime import timedelta

from tests import builders as a
from tests.golden.cards import posted_card
from tests.golden.containing import of_containing
from tests.golden.foreseen import PROFILE as _PROFILE
from tests.golden.foreseen import foreseen
from tests.golden.risky import risky
from workers.domain.asking.access import AccessRequest, WantedDelegation
from workers.domain.asking.approvals import IN_WORDS, Approval, ApprovalState
from workers.domain.asking.cards import Card
from workers.domain.asking.decisions import Answer
from workers.domain.asking.delegations import Delegations
from workers.domain.asking.joined import JoinedStart
from workers.domain.asking.notices.dead_letters import DeadLetterNotice
from workers.domain.asking.notices.reports import ObservedDay, PolicyReport, RuleDraft
from workers.domain.audit import AuditRecord
from workers.domain.containment.afterwards.jobs import Job, JobState
from workers.domain.containment.brakes.cap import CapQuestion
from workers.domain.containment.brakes.held import Held, HeldBy
from workers.domain.containment.brakes.pause import DEFAULT_PAUSE, Pause
from workers.domain.containment.containment import (
    CauseKind,
    Containment,
    ContainmentState,
    Restart,
    Restoration,
    StepState,
)
from workers.domain.containment.foresight.lookups import Lookup
from workers.domain.containment.options.backup_options import AfterRestore, BackupOptions, Redundancy
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.ids import report_id
from workers.domain.nudges import Nudge, Scheduled, Subject
from workers.domain.policy.model import OnSilence, OnUndelivered
from workers.domain.policy.notice import PolicyNotice
from workers.domain.schema import Numbered
from workers.domain.starts.ahead.expectations import Expectation, Expectations, expectation
from workers.domain.starts.ahead.windows import Window
from workers.domain.starts.canary import Canary
from workers.domain.starts.defender import DefenderFacts, Recommendation, SecurityAlert, Severity
from workers.domain.starts.events import CallerKind, Phase, StartEnd, StartEvent
from workers.domain.starts.facts import BackupFacts, MissingFact
from workers.domain.starts.vm import ExpectedStart, KnownVm, TagChange, TurnedOn, VmRecord

MODELS: dict[str, type[Numbered]] = {
    "approval": Approval,
    "containment": Containment,
    "card": Card,
    "vm-record": VmRecord,
    "inventory-line": KnownVm,
    "scheduled": Scheduled,
    "nudge": Nudge,
    "dead-letter-notice": DeadLetterNotice,
    "policy-notice": PolicyNotice,
    "pause": Pause,
    "report": PolicyReport,
    "expectations": Expectations,
    "delegations": Delegations,
    "cap-question": CapQuestion,
    "access-request": AccessRequest,
    "canary": Canary,
    "lookup": Lookup,
    "audit-record": AuditRecord,
}
"""First part of a file's name → what it is."""

_SOON = a.NOW + timedelta(minutes=3)
_BETWEEN = TurnedOn(after=a.NOW, until=_SOON)
_DEFENDER = DefenderFacts(
    read_at=a.NOW,
    subscription_plan="P2",
    alerts=(SecurityAlert(name="Malware", severity=Severity.HIGH, at=a.NOW),),
    alert_count=1,
    recommendations=(Recommendation(name="Patch it", severity=Severity.LOW, remedy="Install the updates."),),
    recommendation_count=1,
)
_STEPS = (StepName.ISOLATE, StepName.STOP, StepName.BACKUP)
_CHANGE = Change(
    summary="isolate 1 NIC",
    details=("vm-web-01-nic: nsg-web → startgate-lockdown-westeurope",),
    before={"nics": [{"id": a.nic().id, "nsg": None}], "power": "running"},
    after={"nics": [{"id": a.nic().id, "nsg": "startgate-lockdown-westeurope"}]},
    nothing_to_do=False,
    back=("vm-web-01-nic: startgate-lockdown-westeurope → nsg-web",),
)


def _in_words() -> Approval:
    decision = a.decision(answer=Answer.CONFIRM, reason="", via=IN_WORDS, words="Ja, war ich")
    return a.approval().decided(decision)


def documents() -> dict[str, Numbered]:
    """File name without its ending → document."""
    return {
        **{f"approval-{state.lower()}": a.approval(state=state) for state in ApprovalState},
        "approval-confirmed-in-words": _in_words(),
        "approval-taken-back": _in_words().undone(a.oncall(), _SOON),
        **foreseen(),
        **of_containing(),
        "approval-unasked-without-facts": _unasked(),
        "approval-released": a.approval(
            state=ApprovalState.EXPIRED,
            containment_id=a.containment().id,
            released=True,
            reminded_at=_SOON,
            escalated_at=_SOON,
            terms=a.terms(on_silence=OnSilence.CONTAIN, lockdown=_PROFILE, rule="production"),
        ),
        "approval-with-joined-starts": a.approval(
            joined=(
                JoinedStart(approval_id="a" * 26, number=2, at=_SOON, caller=a.caller(), failed=True),
                JoinedStart(
                    approval_id="a" * 26,
                    number=8,
                    at=_SOON,
                    caller=a.caller(),
                    access=a.start_event().access,
                ),
            ),
            joined_count=7,
        ),
        "report-with-a-draft": PolicyReport(
            id=report_id("draft"),
            version=1,
            at=a.NOW,
            draft=RuleDraft(
                name="Alice starts vm-web-01",
                yaml="  - name: Alice starts vm-web-01\n",
                before="production",
                caller="Alice Example",
                place="rg-web",
                one_vm=False,
                confirmed=3,
                passed=41,
                days=30,
            ),
        ),
        "report-of-an-observed-day": PolicyReport(
            id=report_id("observed 2026-11-24"),
            version=1,
            at=a.NOW,
            observed=ObservedDay(
                day="2026-11-24", asked=3, exposed=1, told=2, passed=7, contained=1, messages={a.OLGA: 4}
            ),
        ),
        "approval-told-and-over": a.approval(
            state=ApprovalState.EXPIRED,
            terms=a.announced(),
            closed_because="nobody rejected it in time; the VM is left as it is",
        ),
        "approval-given-up-soon": a.approval(
            asked_at=None,
            terms=a.terms(undelivered_after=timedelta(minutes=5), on_undelivered=OnUndelivered.ISOLATE),
        ),
        "containment-by-a-rule": a.containment(
            cause=a.cause(
                kind=CauseKind.RULE,
                reason="the rule nightly contains this VM without asking",
                approval_id=a.approval().id,
            )
        ),
        "approval-of-a-guarded-vm": a.approval(guarded="domain controllers"),
        "approval-joined-to-another": a.approval(state=ApprovalState.PENDING).joins("a" * 26, _SOON),
        "approval-ended-and-started-later": a.approval(
            ended=StartEnd(phase=Phase.SUCCEEDED, at=_SOON), later=(a.approval().id,)
        ),
        "approval-with-risk": risky(),
        "canary-seen": Canary(
            id="y" + "0" * 25,
            sent_at=a.NOW,
            taken_at=a.NOW,
            judged_at=a.NOW,
            recorded_at=a.NOW,
            seen_at=_SOON,
            verdict="ask",
        ),
        "approval-found-by-a-sweep": a.approval(
            event=StartEvent.seen_by_power(a.vm_ref(), _BETWEEN), told_as=a.start_event().correlation_id
        ),
        "inventory-line-of-a-vm-that-was-started": a.known_vm(off_at=a.NOW, turned_on=_BETWEEN),
        **{f"containment-{state.lower()}": a.containment(state=state) for state in ContainmentState},
        "containment-restored-with-a-start": _restored(),
        "containment-with-a-job": _with_a_job(),
        "containment-with-an-owner": a.containment(
            cause=a.cause(kind=CauseKind.LOCKDOWN, by=a.oncall()), owner=a.owner()
        ),
        "containment-with-backup-options": a.containment(
            profile=LockdownProfile(
                backup=BackupOptions(
                    resource_group="rg-backup", redundancy=Redundancy.ZONE, after_restore=AfterRestore.STOP
                )
            ),
        ),
        "approval-with-defender-facts": a.approval(facts=a.facts(defender=_DEFENDER)),
        "containment-with-defender": a.containment(
            profile=LockdownProfile(steps=(StepName.DEFENDER,)),
            steps=(a.step(name=StepName.DEFENDER, state=StepState.DONE, change=_CHANGE, token=""),),
        ),
        "containment-with-just-in-time-access": a.containment(
            profile=LockdownProfile(steps=(StepName.JIT,)),
            steps=(a.step(name=StepName.JIT, state=StepState.DONE, change=_CHANGE, token=""),),
        ),
        "containment-found-unguarded": a.containment(unguarded=a.containment().demand),
        "containment-with-snapshots-and-encryption": a.containment(
            state=ContainmentState.CONTAINED,
            profile=LockdownProfile(
                name="evidence", steps=(StepName.STOP, StepName.SNAPSHOT, StepName.ENCRYPT)
            ),
        ),
        "containment-restarted": a.containment(
            state=ContainmentState.CONTAINED, round=2, restart=Restart(by="Mallory", at=_SOON)
        ),
        "containment-on-silence": a.containment(
            state=ContainmentState.RUNNING,
            cause=a.cause(kind=CauseKind.SILENCE, approval_id=a.approval().id),
            profile=_PROFILE,
            steps=tuple(
                a.step(name=name, state=state, change=_CHANGE, token="begun", look_at=_SOON)
                for name, state in zip(
                    _STEPS, (StepState.STARTED, StepState.SKIPPED, StepState.TODO), strict=True
                )
            ),
            cards=(a.approval().id,),
            round=3,
        ),
        "card-empty": a.card(),
        "card-posted": posted_card(),
        "vm-record-empty": VmRecord(vm=a.vm_ref()),
        "vm-record-asked": VmRecord(vm=a.vm_ref(), version=2, open_approvals=(a.approval().id,)),
        "vm-record-contained": VmRecord(
            vm=a.vm_ref(classic=True),
            version=7,
            containment_id=a.containment().id,
            expected_start=ExpectedStart(correlation_ids=("c1", "c2"), after=a.NOW, until=_SOON),
        ),
        "inventory-line-running": a.known_vm(),
        "inventory-line-with-changed-tags": a.known_vm(
            changed_tags={
                "owner": TagChange(before="bob@contoso.com", at=a.NOW),
                "env": TagChange(before=None, at=a.NOW),
            }
        ),
        "inventory-line-unknown": KnownVm(ref=a.vm_ref(classic=True), seen_at=a.NOW),
        "scheduled": Scheduled(sequence_number=2**53 + 1, due=_SOON),
        "nudge-approval": Nudge(subject=Subject.APPROVAL, id=a.approval().id, version=3),
        "nudge-containment-later": Nudge(
            subject=Subject.CONTAINMENT, id=a.containment().id, version=4, due=_SOON
        ),
        "dead-letter-notice-empty": DeadLetterNotice(),
        "dead-letter-notice-told": DeadLetterNotice(
            version=3,
            number=3,
            at=_SOON,
            fresh=2,
            counts={"starts": {"NoTime": 2, "NotJson": 1}},
            known={"starts": (4, 7, 9), "work": ()},
        ),
        "policy-notice-none": PolicyNotice(),
        "policy-notice-told": PolicyNotice(
            version=2,
            number=1,
            at=_SOON,
            process="workers",
            problem="policy.yaml: 1 error",
            in_force="ab" * 32,
            refused={"workers": "cd" * 32},
        ),
        "nudge-policy": Nudge(subject=Subject.POLICY, id=PolicyNotice().id, version=1),
        "pause-none": Pause(),
        "expectations-none": Expectations(),
        "expectations-some": Expectations(version=2, entries=(_expectation(),)),
        "delegations-none": Delegations(),
        "delegations-some": Delegations(version=1).begun(a.actor(), a.oncall(), a.NOW, _SOON, DEFAULT_PAUSE),
        "approval-expected-at-high-risk": a.approval(expected=_expectation()),
        "pause-on": Pause(version=4).begun("Olga Oncall (U0OLGA001)", "wrong VMs", a.NOW, DEFAULT_PAUSE),
        "access-request-pause": a.access_request(),
        "access-request-expired": a.access_request().expired(a.NOW + a.HOUR),
        "access-request-approved": a.access_request(expects=_expectation()).answered(
            a.actor(), _SOON, approved=True
        ),
        "access-request-declined": a.access_request(
            delegates=WantedDelegation(to=a.actor(), until=_SOON, reason="holiday")
        ).answered(a.actor(), _SOON, approved=False),
        "delegations-by-two": Delegations(version=1).begun(
            a.actor(),
            a.oncall(),
            a.NOW,
            _SOON,
            DEFAULT_PAUSE,
            reason="holiday",
            approved_by="Sven (U0SVEN001)",
        ),
        "cap-question-none": CapQuestion(),
        "cap-question-held": _cap_question().answered(2, 3, a.oncall(), _SOON, go_on=False),
        "cap-question-released": _cap_question().answered(2, 1, a.oncall(), _SOON, go_on=True),
        "nudge-canary": Nudge(subject=Subject.CANARY, id="y" + "0" * 25, version=3),
        "nudge-access": Nudge(subject=Subject.ACCESS, id=a.access_request().id, version=1),
        "nudge-cap": Nudge(subject=Subject.CAP, id=CapQuestion().id, version=1),
        "containment-held-by-the-cap": a.containment(held=Held(by=HeldBy.CAP, since=a.NOW, until=_SOON)),
        "containment-held-by-a-pause": a.containment(
            state=ContainmentState.RUNNING,
            held=Held(by=HeldBy.PAUSE, since=a.NOW, until=_SOON),
            resumed_at=a.NOW,
        ),
        "nudge-notice": Nudge(subject=Subject.NOTICE, id=DeadLetterNotice().id, version=1),
        "audit-record": AuditRecord(
            kind="step.done",
            at=a.NOW,
            about=a.containment().id,
            vm=a.vm_ref().key,
            by="Olga Oncall (U0OLGA001)",
            details={"note": "1 of 1 NIC", "change": _CHANGE.model_dump(mode="json")},
        ),
    }


def _expectation() -> Expectation:
    return expectation(
        "e1",
        Window(a.NOW, _SOON),
        by="Alice Example (U0ALICE01)",
        by_user="U0ALICE01",
        reason="patch day",
        at=a.NOW,
        vm=a.vm_ref(),
        caller="alice@contoso.com",
    )


def _cap_question() -> CapQuestion:
    """The second question, about three containments."""
    first = CapQuestion(version=2).with_waiting("c0" + "1" * 24, "vm-db-01", 20, a.NOW)
    question = first.answered(1, 1, a.oncall(), a.NOW, go_on=True)
    for number in (2, 3, 4):
        question = question.with_waiting(f"c0{str(number) * 24}", f"vm-web-0{number}", 20, _SOON)
    return question


def _unasked() -> Approval:
    event = a.start_event(
        caller=a.caller(kind=CallerKind.MANAGED_IDENTITY, name="", email="", mfa=None),
        access=None,
        phase=Phase.SUCCEEDED,
        vm=a.vm_ref(classic=True),
    )
    return a.approval(
        version=1,
        event=event,
        asked_at=None,
        asked_whom=(),
        notice="nobody could be asked directly",
        facts=a.facts(
            machine=None,
            network=None,
            backup=BackupFacts(protected=True, vault_id="/subscriptions/x/vaults/v", policy_name="daily"),
            missing=(MissingFact(name="machine", reason="timeout"),),
            took_ms={"backup": 12.5},
        ),
        owner=a.owner(emails=(), slack_users=(a.ALICE,)),
        plan=a.plan(steps=(), as_of=None),
        fill_in_at=_SOON,
        fill_ins=1,
    )


def _restored() -> Containment:
    steps = tuple(
        a.step(name=name, state=StepState.DONE, change=_CHANGE, token="", ended_at=_SOON) for name in _STEPS
    )
    restoration = Restoration(
        by=a.oncall(doubt="the group could not be read"),
        at=_SOON,
        reason="it was a drill",
        start_id="cccccccc-0000-0000-0000-000000000009",
        number=2,
        steps=steps,
    )
    return a.containment(
        state=ContainmentState.RESTORED,
        cause=a.cause(kind=CauseKind.LOCKDOWN, by=a.oncall()),
        steps=steps,
        restoration=restoration,
    )


def _with_a_job() -> Containment:
    job = Job(
        id="5b0d", token="vault", state=JobState.FAILED, note="timed out", begun_at=a.NOW, look_at=_SOON
    )
    contained = a.containment(state=ContainmentState.CONTAINED)
    return contained.with_step(contained.step(StepName.BACKUP).changed(job=job.changed(ended_at=_SOON)))
