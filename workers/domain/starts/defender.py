"""What Defender for Cloud says about a VM."""

from enum import StrEnum

from workers.domain.model import Stored, UtcTime


class Severity(StrEnum):
    """How bad it is, by Defender for Cloud's own words."""

    UNKNOWN = "unknown"
    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @classmethod
    def of(cls, word: object) -> "Severity":
        """The severity that Azure's word stands for; UNKNOWN for a word that is new to us."""
        text = str(word).lower()
        return cls(text) if text in set(cls) else cls.UNKNOWN

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return list(Severity).index(self)


class SecurityAlert(Stored):
    """An open alert. ``at`` is when Defender for Cloud raised it."""

    name: str
    severity: Severity = Severity.UNKNOWN
    at: UtcTime | None = None


class Recommendation(Stored):
    """An open recommendation. ``remedy`` is Azure's own text, and may be empty."""

    name: str
    severity: Severity = Severity.UNKNOWN
    remedy: str = ""


class DefenderFacts(Stored):
    """What Defender for Cloud has open for a VM.

    Attributes:
        read_at: when it was read; it is believed for some minutes.
        subscription_plan: of Defender for Servers: ``P1``, ``P2``, empty for none; ``None`` if not known. A
            VM may have another one of its own.
        vm_plan: the plan that holds for the VM itself, in the same words; ``None`` if not known.
        vm_plan_own: it was set at the VM, and is not inherited from the subscription.
        alerts: the most severe ones first; ``alert_count`` counts all.
        recommendations: the same; ``recommendation_count`` counts all.
    """

    read_at: UtcTime | None = None
    subscription_plan: str | None = None
    vm_plan: str | None = None
    vm_plan_own: bool = False
    alerts: tuple[SecurityAlert, ...] = ()
    alert_count: int = 0
    recommendations: tuple[Recommendation, ...] = ()
    recommendation_count: int = 0

    @property
    def plan(self) -> str | None:
        """The VM's plan; its subscription's, where the VM's is not known."""
        return self.subscription_plan if self.vm_plan is None else self.vm_plan
