"""The policy's model: who is asked when, who is on call, how long to wait, what a rejection does.

``file`` reads it from YAML, and reports every error at once.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainValidator,
    PrivateAttr,
    StringConstraints,
    field_validator,
    model_validator,
)

from workers.domain.containment.profile import LockdownProfile
from workers.domain.model import Model
from workers.domain.policy.ahead.settings import DelegatePolicy, ExpectPolicy
from workers.domain.policy.limits import BurstPolicy, CapPolicy, Grace, Guards, as_guards
from workers.domain.policy.people import OncallPolicy, OwnerPolicy, PeoplePolicy, TwoPersons, in_full
from workers.domain.policy.quiet import QuietHours, as_several
from workers.domain.policy.reading.spelling import (
    PROFILE_NAME,
    AppId,
    Duration,
    Expression,
    ExpressionText,
    ProfileName,
)
from workers.domain.starts.owners.owner_tags import owner_named
from workers.domain.starts.risk_settings import RiskSettings

NO_RULE = "defaults"
"""How the audit names the rule of a start that no rule matched."""
MOST_RULES = 200
MOST_APPS = 1000
AppName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


def digest_of(file: bytes) -> str:
    """What a policy file is called by: its SHA-256 in hexadecimal."""
    return hashlib.sha256(file).hexdigest()


def in_short(digest: str) -> str:
    """The beginning of a digest, for people; enough to tell policies apart."""
    return digest[:_SHORT] or "without a file"


_SHORT = 12


class Verdict(StrEnum):
    """What happens with a start.

    ``ask``: its owner is asked. ``tell``: it is announced, and can be rejected. ``pass``: it is only put on
    record. ``contain``: its VM is contained without asking.
    """

    ASK = "ask"
    TELL = "tell"
    PASS = "pass"  # noqa: S105 - a verdict
    CONTAIN = "contain"

    @property
    def strictness(self) -> int:
        """The higher, the less is let happen."""
        return _MILDEST_FIRST.index(self)


_MILDEST_FIRST = (Verdict.PASS, Verdict.TELL, Verdict.ASK, Verdict.CONTAIN)


class Mode(StrEnum):
    """Whether the policy is carried out.

    ``enforce``: it is. ``observe``: starts are read, judged and recorded; nobody is asked, and nothing is
    written to Azure.
    """

    ENFORCE = "enforce"
    OBSERVE = "observe"


class OnSilence(StrEnum):
    """What happens when nobody answers in time."""

    LEAVE = "leave"
    ESCALATE = "escalate"
    ISOLATE = "isolate"
    CONTAIN = "contain"


class OnUndelivered(StrEnum):
    """What happens when nobody could be asked by the deadline, so that nobody was silent either."""

    ESCALATE = "escalate"
    ISOLATE = "isolate"
    CONTAIN = "contain"


class Contain(Model):
    """Containing by a lockdown profile of its own, written ``contain: NAME``.

    Attributes:
        contain: the name of the profile.
    """

    contain: ProfileName

    def __str__(self) -> str:
        """As a person writes it."""
        return f"contain: {self.contain}"


def _words(kind: type[OnSilence] | type[OnUndelivered]) -> Callable[[object], object]:
    """Reads one of these words, or ``contain: NAME``."""

    def read(value: object) -> object:
        if isinstance(value, Contain):
            return value
        if isinstance(value, dict) and value.keys() == {"contain"} and isinstance(value["contain"], str):
            name = value["contain"]
            if re.fullmatch(PROFILE_NAME, name) is None:
                raise ValueError(f"{name[:80]!r} is not the name of a lockdown profile: a-z, 0-9 and - only")
            return Contain(contain=name)
        if isinstance(value, str) and value in set(kind):
            return kind(value)
        shown = repr(value)[:80]
        raise ValueError(
            f"{shown} is not one of {', '.join(kind)}; a lockdown profile of its own is named by"
            " {contain: NAME}"
        )

    return read


Silence = Annotated[
    OnSilence | Contain, PlainValidator(_words(OnSilence), json_schema_input_type=OnSilence | Contain)
]
"""A word, or ``contain: NAME``: contained by that lockdown profile, where a rejection may do more."""
Undelivered = Annotated[
    OnUndelivered | Contain,
    PlainValidator(_words(OnUndelivered), json_schema_input_type=OnUndelivered | Contain),
]


class Defaults(Model):
    """What holds where no rule says otherwise. Deadlines count from when the card reached Slack.

    Attributes:
        remind_after: the owner is asked again.
        escalate_after: on-call is asked, too.
        expire_after: the question ends, and counts as silence.
        on_silence: what then happens with the VM.
        undelivered_after: nobody could be asked for so long since the start; ``expire_after`` if left out.
        on_undelivered: what then happens with the VM.
        reject_within: how long a start that is only announced can be rejected.
        lockdown: the lockdown profile by which a rejection, or a rule, contains the VM.
    """

    remind_after: Duration = timedelta(minutes=10)
    escalate_after: Duration = timedelta(minutes=20)
    expire_after: Duration = timedelta(minutes=60)
    on_silence: Silence = OnSilence.ESCALATE
    undelivered_after: Duration | None = None
    on_undelivered: Undelivered = OnUndelivered.ESCALATE
    reject_within: Duration = timedelta(hours=24)
    lockdown: str = "standard"

    @model_validator(mode="after")
    def _in_time(self) -> "Defaults":
        if not self.remind_after <= self.escalate_after <= self.expire_after:
            raise ValueError("remind_after, escalate_after and expire_after must not go backwards in time")
        return self

    def but(self, rule: "Rule") -> "Defaults":
        """These defaults, with the rule's own values where it has some.

        A rule that shortens a deadline shortens the earlier ones, too, unless it gives them itself: none
        comes later than the next. So a shorter ``expire_after`` alone leaves out a reminder and an escalation
        that would have come after it.

        Raises:
            ValidationError: with the rule's values, a deadline comes before the one it should follow.
        """
        expire = rule.expire_after or self.expire_after
        escalate = rule.escalate_after or min(self.escalate_after, expire)
        return Defaults(
            remind_after=rule.remind_after or min(self.remind_after, escalate),
            escalate_after=escalate,
            expire_after=expire,
            on_silence=rule.on_silence or self.on_silence,
            undelivered_after=rule.undelivered_after or self.undelivered_after,
            on_undelivered=rule.on_undelivered or self.on_undelivered,
            reject_within=rule.reject_within or self.reject_within,
            lockdown=rule.lockdown or self.lockdown,
        )


class Rule(Model):
    """What happens with a start if this rule's condition is the first that holds.

    ``when`` is a CEL expression over ``variables.VARIABLES``; ``conditions`` checks it. What a rule leaves
    out is as the defaults say.

    Attributes:
        name: the audit and the card name the rule by it.
        when: the condition.
        verdict: the owner is asked (``ask``), or told with a button to reject (``tell``); or the start is
            only put on record (``pass``), or its VM contained at once, without asking (``contain``).
        remind_after: as in the defaults.
        escalate_after: as in the defaults.
        expire_after: as in the defaults.
        on_silence: as in the defaults.
        undelivered_after: as in the defaults.
        on_undelivered: as in the defaults.
        reject_within: as in the defaults.
        lockdown: as in the defaults.
        two_person_confirm: whether it takes two persons to confirm such a start; if left out, ``two_person``
            says so.
    """

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    when: Expression
    verdict: Verdict = Verdict.ASK
    remind_after: Duration | None = None
    escalate_after: Duration | None = None
    expire_after: Duration | None = None
    on_silence: Silence | None = None
    undelivered_after: Duration | None = None
    on_undelivered: Undelivered | None = None
    reject_within: Duration | None = None
    lockdown: str | None = None
    two_person_confirm: bool | None = None

    @field_validator("name")
    @classmethod
    def _its_own(cls, value: str) -> str:
        if value == NO_RULE:
            raise ValueError(
                f"{NO_RULE} stands for what holds where no rule matches; name the rule otherwise"
            )
        return value

    @model_validator(mode="after")
    def _has_what_its_verdict_takes(self) -> "Rule":
        takes, what_it_is = _TAKEN[self.verdict]
        every = dict.fromkeys(name for names, _ in _TAKEN.values() for name in names)
        if said := [name for name in every if name not in takes and getattr(self, name) is not None]:
            raise ValueError(f"{what_it_is}; take {', '.join(said)} away")
        return self


_TAKEN = {
    Verdict.ASK: (
        (
            *("remind_after", "escalate_after", "expire_after", "on_silence"),
            *("undelivered_after", "on_undelivered", "lockdown", "two_person_confirm"),
        ),
        "a start that is asked about can be rejected until expire_after",
    ),
    Verdict.TELL: (
        ("reject_within", "lockdown"),
        "a start that is only told of is not asked about, and can be rejected for reject_within",
    ),
    Verdict.PASS: ((), "a passed start is not asked about"),
    Verdict.CONTAIN: (("lockdown",), "of a start whose VM is contained at once, nobody is asked"),
}
"""Which of its terms a rule of this verdict may give, and why no others."""


ByTwo = Literal["confirm", "restore", "access"]


class Policy(Model):
    """The whole policy. Without rules it asks about every start, and on silence it contains nothing.

    Attributes:
        mode: whether it is carried out, or starts are only observed.
        owner: who is asked.
        oncall: who is on call.
        people: who counts besides our own workspace.
        two_person: what needs two persons.
        quiet_hours: when owners get no direct message about a start of low risk.
        defaults: what holds where no rule says otherwise.
        cap: how much is contained before on-call is asked.
        bursts: which starts share a card.
        grace: how long a rejection only isolates, and whoever gave it can take it back; none without.
        risk: how risk is weighed.
        apps: how cards call service principals, managed identities and clients: id of the application, or
            object id of the identity → name. Azure's events tell ids alone.
        expect: who may announce starts ahead, and what that does.
        delegate: whether owners may have somebody answer in their stead.
        rules: tried in order; the first whose condition holds decides.
        lockdowns: what a rejection does: profiles by name. Without any, ``standard`` is built in.
        never: the guarded set, VMs that are never contained, whatever a rule or a person says. One condition,
            or several with names.
    """

    mode: Mode = Mode.ENFORCE
    owner: OwnerPolicy = OwnerPolicy()
    oncall: OncallPolicy
    people: PeoplePolicy = PeoplePolicy()
    two_person: Annotated[
        TwoPersons, BeforeValidator(in_full, json_schema_input_type=TwoPersons | ByTwo | tuple[ByTwo, ...])
    ] = TwoPersons()
    quiet_hours: Annotated[
        tuple[QuietHours, ...],
        BeforeValidator(as_several, json_schema_input_type=tuple[QuietHours, ...] | QuietHours),
        Field(max_length=MOST_RULES),
    ] = ()
    defaults: Defaults = Defaults()
    cap: CapPolicy = CapPolicy()
    bursts: BurstPolicy = BurstPolicy()
    grace: Grace | None = None
    risk: RiskSettings = RiskSettings()
    apps: Annotated[dict[AppId, AppName], Field(max_length=MOST_APPS)] = {}
    expect: ExpectPolicy = ExpectPolicy()
    delegate: DelegatePolicy = DelegatePolicy()
    rules: Annotated[tuple[Rule, ...], Field(max_length=MOST_RULES)] = ()
    lockdowns: dict[ProfileName, LockdownProfile] = {}
    never: Annotated[
        Guards, BeforeValidator(as_guards, json_schema_input_type=Guards | ExpressionText | bool)
    ] = ()
    _digest: str = PrivateAttr(default="")

    @property
    def digest(self) -> str:
        """SHA-256 of the file that it was read from, in hexadecimal; empty if it came from none."""
        return self._digest

    def read_from(self, file: bytes) -> "Policy":
        """This policy, with the digest of its file: whatever it judges can name it by that."""
        named = self.model_copy()
        named._digest = digest_of(file)  # noqa: SLF001 - of this class
        return named

    @field_validator("lockdowns")
    @classmethod
    def _named(cls, value: dict[str, LockdownProfile]) -> dict[str, LockdownProfile]:
        return {name: profile.changed(name=name) for name, profile in value.items()}

    @property
    def observes(self) -> bool:
        """Whether nobody is asked, and nothing is written to Azure."""
        return self.mode is Mode.OBSERVE

    @property
    def lockdown(self) -> LockdownProfile:
        """The default lockdown profile; the built-in one when the file names none."""
        return self.profile(self.defaults.lockdown)

    @property
    def channels(self) -> tuple[str, ...]:
        """Every channel that it names, each once."""
        owners = owner_named(self.owner.addressees).channels
        return tuple(dict.fromkeys((self.owner.fallback, self.oncall.channel, *owners)))

    def profile(self, name: str) -> LockdownProfile:
        """A lockdown profile by name; the built-in one when the file names none."""
        return self.lockdowns.get(name) or LockdownProfile()

    @property
    def profiles(self) -> tuple[LockdownProfile, ...]:
        """Every lockdown profile that may be used: the file's, or the built-in one."""
        return tuple(self.lockdowns.values()) or (LockdownProfile(),)

    def has_profile(self, name: str) -> bool:
        """Whether there is such a profile. ``standard`` is built in unless the file has its own profiles."""
        return name in self.lockdowns or (name == "standard" and not self.lockdowns)
