"""What a policy says about expected starts and about delegations."""

from datetime import timedelta
from enum import StrEnum

from workers.domain.model import Model
from workers.domain.policy.reading.spelling import Duration
from workers.domain.starts.risk_settings import ZoneName


class WhoExpects(StrEnum):
    """Who may announce that a VM will be started: its owner and on-call, or on-call alone."""

    OWNERS = "owners"
    ONCALL = "oncall"


class AtHighRisk(StrEnum):
    """What happens with an expected start of high risk: it is asked about all the same, or it passes."""

    ASK = "ask"
    PASS = "pass"  # noqa: S105 - a word of the policy


class ExpectPolicy(Model):
    """Expected starts: somebody says before that a VM will be started, and it passes without a question.

    An expected start of high risk is asked about all the same, and its card says who expected it: whoever
    takes over an account waits for such a window. ``at_high_risk: pass`` is for houses that know better.

    Attributes:
        who: who may announce them; an expectation by a condition, for many VMs, takes on-call in any case.
        longest: how long a window may be.
        at_high_risk: what happens with one of high risk, or of which a fact is missing that could make it so.
        zone: of times of day, such as ``Europe/Berlin``.
    """

    who: WhoExpects = WhoExpects.OWNERS
    longest: Duration = timedelta(hours=8)
    at_high_risk: AtHighRisk = AtHighRisk.ASK
    zone: ZoneName = "UTC"


class DelegatePolicy(Model):
    """Delegations: an owner names somebody who answers in their stead for a while.

    Attributes:
        allowed: whether there are any.
        longest: how long one may last.
    """

    allowed: bool = True
    longest: Duration = timedelta(days=7)
