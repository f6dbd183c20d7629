"""On which terms a start is asked about, announced, or contained: the policy's word, fixed for this start."""

from datetime import timedelta

from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.model import Stored
from workers.domain.policy.model import OnSilence, OnUndelivered, Verdict
from workers.domain.policy.people import UpTo


class Terms(Stored):
    """What the policy says about this start, fixed when it was judged: no later change moves a deadline.

    Only a start that joins the question can make them stricter.

    ``lockdown`` is what a rejection will do, so that the dialog shows what will be done. Where silence, or an
    ask that reached nobody, contains by a profile of its own, that is kept beside it.

    Attributes:
        verdict: what the rule says. An announced start is on ``announcement``'s terms.
        expire_after: until when somebody can answer.
        undelivered_after: when on-call decides, or the VM is contained, because nobody could be asked;
            ``None`` for ``expire_after``.
        grace: how long a rejection only isolates and can be taken back; ``None`` without.
        self_confirm: the highest level of risk at which a caller may confirm their own start.
        oncall_self_confirm: whether on-call may confirm their own starts of VMs that they don't own.
        second_within: it takes two persons to confirm, and so long the second one has; ``None`` if one does.
    """

    verdict: Verdict = Verdict.ASK
    remind_after: timedelta
    escalate_after: timedelta
    expire_after: timedelta
    undelivered_after: timedelta | None = None
    on_silence: OnSilence
    on_undelivered: OnUndelivered = OnUndelivered.ESCALATE
    lockdown: LockdownProfile
    silence_lockdown: LockdownProfile | None = None
    undelivered_lockdown: LockdownProfile | None = None
    rule: str = "defaults"
    grace: timedelta | None = None
    self_confirm: UpTo = UpTo.MEDIUM
    oncall_self_confirm: bool = False
    second_within: timedelta | None = None

    def later_by(self, span: timedelta) -> "Terms":
        """With every deadline so much later."""
        return self.changed(
            remind_after=self.remind_after + span,
            escalate_after=self.escalate_after + span,
            expire_after=self.expire_after + span,
            undelivered_after=None if self.undelivered_after is None else self.undelivered_after + span,
        )

    @property
    def on_silence_by(self) -> LockdownProfile:
        """The profile that contains the VM when nobody answers: its own, or that of a rejection."""
        return self.silence_lockdown or self.lockdown

    @property
    def on_undelivered_by(self) -> LockdownProfile:
        """The same for when nobody could be asked."""
        return self.undelivered_lockdown or self.lockdown

    @property
    def gives_up_after(self) -> timedelta:
        """How long somebody is sought whom to ask."""
        return self.expire_after if self.undelivered_after is None else self.undelivered_after


def announcement(reject_within: timedelta, lockdown: LockdownProfile, rule: str) -> Terms:
    """The terms of a start that is only announced: it can be rejected for so long, and silence leaves it."""
    return Terms(
        verdict=Verdict.TELL,
        remind_after=reject_within,
        escalate_after=reject_within,
        expire_after=reject_within,
        on_silence=OnSilence.LEAVE,
        lockdown=lockdown,
        rule=rule,
    )


def steps_on_silence(terms: Terms) -> tuple[StepName, ...]:
    """The steps that the policy takes when nobody answers; none when it leaves the VM alone.

    The step table says which ones it may use.
    """
    wanted = terms.on_silence_by.steps if terms.on_silence is OnSilence.CONTAIN else tuple(StepName)
    return tuple(name for name in wanted if terms.on_silence.value in name.spec.on_silence)


def steps_undelivered(terms: Terms) -> tuple[StepName, ...]:
    """The steps that the policy takes when nobody could be asked; none unless it says so."""
    if terms.on_undelivered is OnUndelivered.ESCALATE:
        return ()
    wanted = (
        terms.on_undelivered_by.steps if terms.on_undelivered is OnUndelivered.CONTAIN else tuple(StepName)
    )
    return tuple(name for name in wanted if terms.on_undelivered.value in name.spec.on_silence)


def steps_by_rule(terms: Terms) -> tuple[StepName, ...]:
    """The steps that a rule takes without asking: those that silence may use; none unless it contains."""
    if terms.verdict is not Verdict.CONTAIN:
        return ()
    return tuple(name for name in terms.lockdown.steps if OnSilence.CONTAIN.value in name.spec.on_silence)
