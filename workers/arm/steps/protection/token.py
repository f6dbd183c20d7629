"""Where the backup step stands between two looks, and how it says that it waits."""

from enum import StrEnum
from typing import Any

from workers.arm.ids import name_of
from workers.arm.read.backup import Item
from workers.arm.session.longrunning import Accepted, OperationState, Outcome, next_look_s
from workers.domain.containment.containment import Progress
from workers.domain.errors import StepFailed
from workers.domain.model import Stored

USUAL_LOOK_S = 5.0
DEFAULT_POLICY = "DefaultPolicy"
ENHANCED_POLICY = "EnhancedPolicy"
"""Both come with every vault; VMs of trusted launch need the second."""


class Stage(StrEnum):
    """What is under way."""

    VAULT = "vault"
    UNDELETE = "undelete"
    PROTECT = "protect"
    JOB = "job"
    STOP = "stop"
    """Undoing: the protection is being stopped."""


class Token(Stored):
    """Where the step stands, between two looks.

    Attributes:
        location: the region of the VM.
        state: how the protection that was found stands, in words; empty if nothing is wrong with it.
        operation: where what is under way can be asked about; empty if it isn't ours.
    """

    stage: Stage
    vault: str
    container: str
    item: str
    location: str = ""
    policy: str = DEFAULT_POLICY
    state: str = ""
    operation: str = ""
    looks: int = 0

    @property
    def place(self) -> Item:
        """The protected item."""
        return Item(vault_id=self.vault, container=self.container, name=self.item)

    @property
    def vault_name(self) -> str:
        """The vault's own name."""
        return name_of(self.vault)


def provisioning(vault: dict[str, Any]) -> str:
    """The provisioning state of a vault, in lower case; empty where Azure gives none."""
    return str((vault.get("properties") or {}).get("provisioningState") or "").lower()


def wants_enhanced(failure: StepFailed) -> bool:
    """Whether a refusal says that this VM needs the enhanced policy."""
    said = f"{failure.code} {failure}".lower().replace(" ", "")
    return "trustedlaunch" in said or "enhancedpolicy" in said


def must_not_have_failed(operation: OperationState, doing: str) -> None:
    """Raise ``StepFailed`` with Azure's reason if it has."""
    if operation.outcome is Outcome.FAILED:
        raise StepFailed(
            f"Azure could not {doing}: {operation.code}: {operation.message}", code=operation.code
        )


def waiting(token: Token, accepted: Accepted | OperationState | None, note: str) -> Progress:
    """The step waits; its next look is when Azure asks for it, or after the usual time."""
    seconds = next_look_s(accepted.retry_after_s if accepted else None, usual_s=USUAL_LOOK_S)
    return Progress.waiting(token.model_dump_json(), seconds, note)
