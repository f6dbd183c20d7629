"""A VM was started: by whom, from where, and under which permission."""

import hashlib
import re
from collections.abc import Mapping
from enum import StrEnum

from workers.domain.model import Stored, UtcTime
from workers.domain.starts.known_clients import NAMES
from workers.domain.starts.vm import PowerState, TurnedOn, VmRef

_START = "Microsoft.Compute/virtualMachines/start/action"
_CLASSIC_START = "Microsoft.ClassicCompute/virtualMachines/start/action"

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

START_OPERATIONS = {
    "microsoft.compute/virtualmachines/start/action": _START,
    "microsoft.classiccompute/virtualmachines/start/action": _CLASSIC_START,
    # Catalogues of security events spell the same operation with dots.
    "microsoft.compute.virtualmachines.start.action": _START,
    "microsoft.classiccompute.virtualmachines.start.action": _CLASSIC_START,
}
"""Lower-case spelling → the operation's proper name."""


class CallerKind(StrEnum):
    """What kind of identity started the VM."""

    USER = "user"
    SERVICE_PRINCIPAL = "service principal"
    MANAGED_IDENTITY = "managed identity"
    UNKNOWN = "unknown"


class Caller(Stored):
    """Who started the VM, as Microsoft Entra ID told Azure. Every text is hostile input.

    Attributes:
        ip: where the request came from; empty if the event doesn't say.
        signin_ip: where they had signed in, as the token says. Another one than ``ip`` may mean that the
            token is used by somebody else.
        mfa: whether a second factor was used; ``None`` where the token doesn't say how they signed in
            (service principals never do).
        app_name: how the policy calls the application, or the identity itself; empty if it doesn't.
    """

    kind: CallerKind = CallerKind.UNKNOWN
    name: str = ""
    email: str = ""
    object_id: str = ""
    app_id: str = ""
    ip: str = ""
    signin_ip: str = ""
    mfa: bool | None = None
    app_name: str = ""

    @property
    def label(self) -> str:
        """The best name we have for a person to read; an id never stands alone."""
        own = "" if _GUID.fullmatch(self.name) else self.name
        if self.kind is CallerKind.USER or self.email:
            named = own or self.email
        else:
            application = NAMES.get(self.app_id.lower(), "")
            named = self.app_name or own or (self.kind is CallerKind.SERVICE_PRINCIPAL and application) or ""
        if named:
            return named
        known = self.app_id or self.object_id or self.name
        kind = "caller" if self.kind is CallerKind.UNKNOWN else self.kind
        return f"{kind} {known}" if known else "unknown caller"

    @property
    def elsewhere(self) -> bool:
        """Whether the request is known to have come from another address than the sign-in."""
        return bool(self.ip and self.signin_ip) and self.ip != self.signin_ip

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
        return self.known_client or self.app_id

    @property
    def known_client(self) -> str:
        """The client application by the name that the policy or Microsoft gives it; empty for neither."""
        return self.app_name or NAMES.get(self.app_id.lower(), "")

    def called(self, apps: Mapping[str, str]) -> "Caller":
        """With the name that ``apps`` has for its application, or for the identity itself.

        Args:
            apps: id of an application or of an identity, in lower case → name.
        """
        ids = (self.app_id.lower(), self.object_id.lower())
        named = next((apps[one] for one in ids if one and one in apps), "")
        return self.model_copy(update={"app_name": named}) if named else self


class Access(Stored):
    """The role assignment that allowed the start, from the event's ``authorization.evidence``.

    ``assignment_id`` is the name of the assignment at its scope, a GUID; empty if the event names none.
    """

    role: str
    scope: str
    principal_type: str = ""
    assignment_id: str = ""


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
    """One start of one VM, parsed from whichever shape the event came in.

    Attributes:
        swept: no event told of it: a sweep found it, in the Activity Log or by the VM's power state.
        between: when it must have been, where only the power state told of it. Who it was is unknown then.
        trace: the ``traceparent`` of CloudEvents' distributed tracing extension, if it came with one.
            Source: https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md
    """

    vm: VmRef
    operation: str
    phase: Phase
    at: UtcTime
    caller: Caller = Caller()
    access: Access | None = None
    correlation_id: str
    event_id: str = ""
    shape: str = ""
    trace: str = ""
    swept: bool = False
    between: TurnedOn | None = None

    @classmethod
    def seen_by_power(cls, vm: VmRef, between: TurnedOn) -> "StartEvent":
        """A start that only the VM's power state tells of: the same for whoever sees it."""
        return cls(
            vm=vm,
            operation=_CLASSIC_START if vm.classic else _START,
            phase=Phase.SUCCEEDED,
            at=between.until,
            correlation_id=f"sweep-{between.after.isoformat()}",
            shape="sweep",
            swept=True,
            between=between,
        )

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
