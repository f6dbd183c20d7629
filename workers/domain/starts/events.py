"""A VM was started: by whom, from where, and under which permission."""

import hashlib
from enum import StrEnum

from workers.domain.model import Stored, UtcTime
from workers.domain.starts.vm import PowerState, VmRef

START_OPERATIONS = {
    "microsoft.compute/virtualmachines/start/action": "Microsoft.Compute/virtualMachines/start/action",
    "microsoft.classiccompute/virtualmachines/start/action": (
        "Microsoft.ClassicCompute/virtualMachines/start/action"
    ),
    # Catalogues of security events spell the same operation with dots.
    "microsoft.compute.virtualmachines.start.action": "Microsoft.Compute/virtualMachines/start/action",
    "microsoft.classiccompute.virtualmachines.start.action": (
        "Microsoft.ClassicCompute/virtualMachines/start/action"
    ),
}
"""Lower-case spelling → the operation's proper name."""

WELL_KNOWN_CLIENTS = {
    "c44b4083-3bb0-49c1-b47d-974e53cbdf3c": "Azure portal",
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46": "Azure CLI",
    "1950a258-227b-4e31-a9cf-717495945fc2": "Azure PowerShell",
    "0a7bdc5c-7b57-40be-9939-d4c5fc7cd417": "Azure mobile app",
    "872cd9fa-d31f-45e0-9eab-6e460a02d1f1": "Visual Studio",
    "aebc6443-996d-45c2-90f0-388ff96faa56": "Visual Studio Code",
}
"""Ids of Microsoft's own client applications → the names that people know."""


class CallerKind(StrEnum):
    """What kind of identity started the VM."""

    USER = "user"
    SERVICE_PRINCIPAL = "service principal"
    MANAGED_IDENTITY = "managed identity"
    UNKNOWN = "unknown"


class Caller(Stored):
    """Who started the VM, as Microsoft Entra ID told Azure. Every text is hostile input.

    ``mfa`` is ``None`` where the token doesn't say how they signed in (service principals never do).
    """

    kind: CallerKind = CallerKind.UNKNOWN
    name: str = ""
    email: str = ""
    object_id: str = ""
    app_id: str = ""
    ip: str = ""
    mfa: bool | None = None

    @property
    def label(self) -> str:
        """The best name we have for a person to read."""
        return self.name or self.email or self.app_id or self.object_id or "unknown caller"

    def is_surely(self, other: "Caller") -> bool:
        """Whether both are the same identity for sure; not where Azure does not tell who it was."""
        if self.object_id or other.object_id:
            return self.object_id.lower() == other.object_id.lower()
        if self.email or other.email:
            return self.email.lower() == other.email.lower()
        return bool(self.app_id) and self.app_id.lower() == other.app_id.lower()

    @property
    def client_app(self) -> str:
        """The client application: its known name, else its id, else empty."""
        return WELL_KNOWN_CLIENTS.get(self.app_id.lower(), self.app_id)


class Access(Stored):
    """The role assignment that allowed the start, from the event's ``authorization.evidence``."""

    role: str
    scope: str
    principal_type: str = ""


class Phase(StrEnum):
    """How far the start was when the event was written."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class StartEnd(Stored):
    """How a start ended, and when, by Azure's clock."""

    phase: Phase
    at: UtcTime

    @property
    def failed(self) -> bool:
        """Whether the VM was not started."""
        return self.phase is Phase.FAILED


class StartEvent(Stored):
    """One start of one VM, parsed from whichever shape the event came in."""

    vm: VmRef
    operation: str
    phase: Phase
    at: UtcTime
    caller: Caller = Caller()
    access: Access | None = None
    correlation_id: str
    event_id: str = ""
    shape: str = ""

    @property
    def power(self) -> PowerState:
        """The VM's power state, as far as the event says it."""
        return {
            Phase.STARTED: PowerState.STARTING,
            Phase.SUCCEEDED: PowerState.RUNNING,
            Phase.FAILED: PowerState.UNKNOWN,
        }[self.phase]

    @property
    def dedupe_key(self) -> str:
        """Equal for every event about one start: the same VM, operation and correlation id.

        ``eventDataId`` differs between the records of one operation, and Event Grid has no operation id,
        so neither can be part of it. Source: https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions
        """
        return _digest(self.vm.key, self.operation.lower(), self.correlation_id.lower())

    @property
    def dedupe_key_at_its_time(self) -> str:
        """For a start that reuses an earlier correlation id: equal for each delivery of the same event."""
        return _digest(self.vm.key, self.operation.lower(), self.correlation_id.lower(), self.at.isoformat())


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
