"""The steps of a containment: one table that says everything about each of them but how Azure does it.

What waits for what, what is read back, what silence may use, and what people read about a step all come from
here, and so does the table in ``docs/states.md``. A new step is one entry here and one file in
``workers/arm/steps`` that is named like it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

LOCK_NAME = "startgate-lockdown"
"""What our lock on a VM is called. A lock of any other name is somebody else's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepSpec:
    """What a step is, beside its name. Other steps are named by their value, such as ``stop``.

    The texts are for people: plain, in the imperative where they say what to do, without a capital at the
    front (but for ``title``) and without a full stop at the end.

    Attributes:
        title: the imperative, for lists.
        area: what of the VM it is about, for what a restore says.
        done: the participle, for results.
        does: what it will do, where no plan says it more exactly.
        undo: what takes it back, or what stays.
        by_hand: what a person can do instead when it fails.
        undo_by_hand: what a person can do when its undo fails.
        command: the shell commands that do the same by hand, one a line, or empty. They may name
            ``{subscription}``, ``{resource_group}``, ``{name}``, ``{id}`` and ``{location}`` of the VM;
            ``by_hand`` fills them in. A step whose commands depend on more has its own ``by_hand`` in its
            runner. Not for classic VMs.
        other_by_hand: as ``by_hand``, for a VM whose ``Change`` says ``other_way``.
        other_command: as ``command``, for such a VM.
        job_begun: for a step that counts as done while Azure goes on with a job: the participle until that
            job has ended well. ``done`` is said only then.
        job_failed: the same, once that job has ended badly.
        needs: steps that must have ended, well or badly, before it begins.
        needs_well: those of them that must not have failed; otherwise it is left out.
        read_back: whether it is read back once more, with the others, before the card says CONTAINED.
        undo_needs: steps whose undo must have ended before its own undo begins; and ended well, if the VM is
            to be started.
        undo_read_back: whether its undo is read back once more, with the others, before the card says
            Restored.
        blocks: while it is done, Azure refuses what any other step writes. So it waits for all others, is
            taken off before one of them is done again, and its undo comes before all others.
        on_silence: the values of the policy's ``on_silence`` that may use it when nobody answers. With
            ``isolate`` it is always done, with ``contain`` where the lockdown profile lists it.
        takes_s: roughly how long it takes, in seconds, for people who ask beforehand. Azure promises nothing.
        expires: whether it is undone when the time of an isolation is over; every other step stays as it is.
    """

    title: str
    area: str
    done: str
    does: str
    undo: str
    by_hand: str
    undo_by_hand: str = "in the Azure portal, take back what the step did"
    command: str = ""
    other_by_hand: str = ""
    other_command: str = ""
    job_begun: str = ""
    job_failed: str = ""
    needs: tuple[str, ...] = ()
    needs_well: tuple[str, ...] = ()
    read_back: bool = False
    undo_needs: tuple[str, ...] = ()
    undo_read_back: bool = False
    blocks: bool = False
    on_silence: tuple[str, ...] = ("contain",)
    takes_s: float = 10.0
    expires: bool = False

    @property
    def verb(self) -> str:
        """``title`` in the middle of a sentence; names keep their capitals."""
        return f"{self.title[:1].lower()}{self.title[1:]}"


class StepName(StrEnum):
    """The steps, each with its ``spec``, in the order a person reads them. This is the one list of steps."""

    spec: StepSpec

    ISOLATE = (
        "isolate",
        StepSpec(
            title="Isolate",
            area="Network",
            done="isolated",
            does="put the lockdown security group on every network interface",
            undo="every network interface gets its former security group back",
            by_hand="in the Azure portal, give every network interface of the VM a security group that denies"
            " all traffic; a VM that is stopped can't be reached either",
            undo_by_hand="in the Azure portal, give each network interface its former security group",
            read_back=True,
            undo_read_back=True,
            on_silence=("isolate", "contain"),
            takes_s=5.0,
            expires=True,
        ),
    )
    STOP = (
        "stop",
        StepSpec(
            title="Stop",
            area="Power",
            done="stopped",
            does="stop and deallocate the VM",
            undo="the VM is started again only if you ask for it",
            by_hand="in the Azure portal, open the VM and choose Stop, so that it is deallocated",
            undo_by_hand="in the Azure portal, find out why the VM does not start",
            command="az vm deallocate --subscription {subscription} --resource-group {resource_group}"
            " --name {name}",
            # The portal's Stop deallocates, which Azure refuses for an ephemeral OS disk.
            other_by_hand="power the VM off with the Azure CLI; it can't be deallocated, because its OS disk"
            " is ephemeral",
            other_command="az vm stop --subscription {subscription} --resource-group {resource_group}"
            " --name {name}",
            read_back=True,
            # A VM that is started has its own security groups back by then, or isn't started at all. And
            # encryption at host changes only while it is off.
            undo_needs=("isolate", "encrypt"),
            takes_s=30.0,
        ),
    )
    SNAPSHOT = (
        "snapshot",
        StepSpec(
            title="Take snapshots",
            area="Snapshots",
            done="preserved in snapshots",
            does="take an incremental snapshot of every disk, as evidence",
            undo="snapshots stay until somebody deletes them",
            by_hand="in the Azure portal, open each disk of the VM and choose Create snapshot,"
            " with the type Incremental",
            undo_by_hand="in the Azure portal, delete the snapshots that nobody needs",
            # Disks are quiet then, and a snapshot holds what the VM last wrote.
            needs=("stop",),
            read_back=True,
        ),
    )
    BACKUP = (
        "backup",
        StepSpec(
            title="Back up",
            area="Backup",
            done="backed up",
            does="protect the VM with Azure Backup and back it up now",
            undo="protection and recovery points stay",
            by_hand="in the Azure portal, open Backup on the VM, enable it and choose Back up now",
            job_begun="backup started",
            job_failed="backup failed",
            # Azure Backup's first snapshot needs a settled power state, and the stop must not wait for it.
            needs=("stop",),
        ),
    )
    DEFENDER = (
        "defender",
        StepSpec(
            title="Turn on Defender",
            area="Defender",
            done="protected by Defender for Servers",
            does="turn on Defender for Servers Plan 1 for the VM, unless it has a plan already",
            undo="the VM gets its former Defender plan back; Defender for Endpoint stays if it is installed",
            by_hand="in the Azure portal, open Defender for Cloud, then Environment settings, and turn on"
            " Servers for the subscription; the portal has no plan for a single VM",
            undo_by_hand="delete the VM's own plan with the Azure CLI: az rest --method delete, with the URL"
            " of its pricings/VirtualMachines",
            command="az rest --method put --url '/subscriptions/{subscription}/resourceGroups"
            "/{resource_group}/providers/Microsoft.Compute/virtualMachines/{name}/providers"
            "/Microsoft.Security/pricings/VirtualMachines?api-version=2024-01-01'"
            ' --body \'{{"properties": {{"pricingTier": "Standard", "subPlan": "P1"}}}}\'',
            read_back=True,
            undo_read_back=True,
        ),
    )
    ENCRYPT = (
        "encrypt",
        StepSpec(
            title="Encrypt at host",
            area="Encryption",
            done="encrypted at host",
            does="turn on encryption at host, so that temporary disks and caches are encrypted, too",
            undo="encryption at host gets its former value, while the VM is still off",
            by_hand="in the Azure portal, stop the VM, open Disks on it and Additional settings there, and"
            " turn on encryption at host",
            undo_by_hand="in the Azure portal, stop the VM, open Disks on it and Additional settings there,"
            " and turn off encryption at host",
            command="az vm update --subscription {subscription} --resource-group {resource_group}"
            " --name {name} --set securityProfile.encryptionAtHost=true",
            # Azure changes it only on a deallocated VM.
            needs=("stop",),
            read_back=True,
        ),
    )
    JIT = (
        "jit",
        StepSpec(
            title="Require just-in-time access",
            area="Just-in-time access",
            done="under just-in-time access",
            does="let people reach the VM's management ports only on request, if Defender Plan 2 is on",
            undo="our entry for the VM is taken out of the just-in-time policy; others stay",
            by_hand="in the Azure portal, open Connect or Configuration on the VM and enable just-in-time"
            " access; it needs Defender for Servers Plan 2",
            undo_by_hand="in the Azure portal, open Defender for Cloud, then Just-in-time VM access, and"
            " remove the VM",
            # Defender for Cloud writes rules into the VM's security groups: into ours, not into a team's.
            # And the plan that it needs must not change meanwhile.
            needs=("isolate", "defender"),
            # Else Defender for Cloud would write its rules into the group that a NIC gets back.
            expires=True,
            read_back=True,
            undo_read_back=True,
        ),
    )
    LOCK = (
        "lock",
        StepSpec(
            title="Lock",
            area="Lock",
            done="locked",
            does="put a read-only lock on the VM, so that nobody can start or change it",
            undo="our lock is taken off before anything else is undone; locks of others stay",
            by_hand="in the Azure portal, open Locks on the VM and add a read-only lock",
            undo_by_hand=f"in the Azure portal, open Locks on the VM and delete the lock {LOCK_NAME}",
            command=f"az lock create --name {LOCK_NAME} --lock-type ReadOnly --subscription {{subscription}}"
            " --resource-group {resource_group} --resource-type Microsoft.Compute/virtualMachines"
            " --resource {name}",
            read_back=True,
            undo_read_back=True,
            # Azure refuses a start, a stop and every other write under it.
            # Source: https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
            blocks=True,
            # A VM that is not contained any more must not be left with a lock of ours.
            expires=True,
            # Under the lock nobody could stop by hand a VM that we could not.
            needs_well=("stop",),
        ),
    )

    def __new__(cls, value: str, spec: StepSpec) -> Self:
        """A member: its value is the name alone.

        Source: https://docs.python.org/3/howto/enum.html#when-to-use-new-vs-init
        """
        member = str.__new__(cls, value)
        member._value_ = value
        member.spec = spec
        return member

    @property
    def needs(self) -> "frozenset[StepName]":
        """Steps that must have ended, well or badly, before it begins: all others, if it blocks them."""
        if self.spec.blocks:
            return frozenset(step for step in StepName if not step.spec.blocks)
        return _named(self.spec.needs)

    @property
    def needs_well(self) -> "frozenset[StepName]":
        """Those of them that must not have failed."""
        return _named(self.spec.needs_well)

    @property
    def undo_needs(self) -> "frozenset[StepName]":
        """Steps whose undo must have ended before its own undo begins."""
        blocking = frozenset() if self.spec.blocks else frozenset(s for s in StepName if s.spec.blocks)
        return self.undo_needs_well | blocking

    @property
    def undo_needs_well(self) -> "frozenset[StepName]":
        """Those of them whose undo must have ended well, if the VM is to be started."""
        return _named(self.spec.undo_needs)


def _named(names: tuple[str, ...]) -> frozenset[StepName]:
    by_value = {step.value: step for step in StepName}
    return frozenset(by_value[name] for name in names)
