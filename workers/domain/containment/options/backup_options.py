"""How VMs are backed up by a lockdown: by which vault, and what a restore leaves of it."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import model_validator

from workers.domain.model import Stored, spelt

GroupName = Annotated[str, spelt(r"[\w.()-]{1,90}", "write the name of a resource group")]

VaultId = Annotated[
    str,
    spelt(
        r"(?i)/subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\.recoveryservices/vaults/[^/]+",
        "write the whole resource id of a Recovery Services vault, as its properties show it:"
        " /subscriptions/…/resourceGroups/…/providers/Microsoft.RecoveryServices/vaults/NAME",
    ),
]


class AfterRestore(StrEnum):
    """What a restore leaves of a protection that the containment began: it goes on, or it is stopped.

    The data is kept in both cases.
    """

    KEEP = "keep"
    STOP = "stop"

    @property
    def words(self) -> str:
        """What is so after the restore, for people."""
        how = "is stopped" if self is AfterRestore.STOP else "goes on with daily backups"
        return f"protection {how}, and recovery points are kept"


class Redundancy(StrEnum):
    """How often a vault that is made keeps its data: in one data centre, in three zones, in two regions."""

    LOCAL = "local"
    ZONE = "zone"
    GEO = "geo"


class BackupOptions(Stored):
    """Options of the backup step.

    Attributes:
        vault: id of the vault that protects VMs which have none; then nothing is made. Azure wants it in the
            subscription and region of the VM.
        resource_group: where vaults are made; by default the profile's group, or else the VM's own.
        redundancy: of vaults that are made; Azure's own choice, geo, if not given.
        after_restore: what a restore leaves of the protection.
    """

    vault: VaultId | None = None
    resource_group: GroupName | None = None
    redundancy: Redundancy | None = None
    after_restore: AfterRestore = AfterRestore.KEEP

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.vault is not None and (self.resource_group or self.redundancy):
            raise ValueError(
                "with vault: nothing is made, so leave out resource_group and redundancy, or vault itself"
            )
        return self
