"""What a lockdown does: which steps, with which exceptions."""

import re
from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from workers.domain.containment.ending.expiry import ANNOUNCED_BEFORE
from workers.domain.containment.options.allow_rules import AllowRule, same_priority
from workers.domain.containment.options.backup_options import BackupOptions, GroupName
from workers.domain.containment.plans import StepName
from workers.domain.durations import StoredDuration
from workers.domain.model import Stored, spelt

__all__ = ["OUR_TAG", "AllowRule", "IsolateOptions", "LockdownProfile"]


ClassicNsgId = Annotated[
    str,
    spelt(
        r"(?i)/subscriptions/[^/]+/.+/microsoft\.classicnetwork/networksecuritygroups/[^/]+",
        "write the whole resource id of a classic network security group",
    ),
]


_NSG_ID = re.compile(
    r"/subscriptions/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/resourcegroups/[\w.()-]{1,90}"
    r"/providers/microsoft\.network/networksecuritygroups/[\w.-]{1,80}",
    re.IGNORECASE,
)


class IsolateOptions(Stored):
    """Options of the isolate step.

    Attributes:
        allow: who can still connect to the VM, and what it can still reach.
        nsg: the id of a prepared NSG, where none may be made: it is only put on NICs, never written. It has
            to let nothing in or out but ``allow``. It is for VMs of its region and subscription.
        classic_nsg: the id of a classic NSG for classic VMs, for which none can be made on demand.
        expire_after: the network is restored by itself so long after the VM was contained, and on-call is
            told an hour before; by default never.
    """

    allow: tuple[AllowRule, ...] = Field(default=(), max_length=50)
    nsg: str | None = None
    classic_nsg: ClassicNsgId | None = None
    expire_after: StoredDuration | None = None

    @field_validator("expire_after")
    @classmethod
    def _announced_first(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value <= ANNOUNCED_BEFORE:
            raise ValueError(
                "on-call is told an hour before an isolation ends, so give more than 1h, such as 8h"
            )
        return value

    @field_validator("allow")
    @classmethod
    def _each_its_priority(cls, value: tuple[AllowRule, ...]) -> tuple[AllowRule, ...]:
        if said := same_priority(value):
            raise ValueError(said)
        return value

    @field_validator("nsg")
    @classmethod
    def _an_nsg(cls, value: str | None) -> str | None:
        if value is not None and not _NSG_ID.fullmatch(value):
            raise ValueError(
                f"{value[:200]!r} is not the id of a network security group; write /subscriptions/…/"
                "resourceGroups/…/providers/Microsoft.Network/networkSecurityGroups/NAME"
            )
        return value


OUR_TAG = "managed-by"
_TAG_NAME = re.compile(r"[^<>%&\\?/\x00-\x1f]{1,512}")
_MOST_TAGS = 49  # Azure takes 50, and one is ours
_LONGEST_TAG = 256


class LockdownProfile(Stored):
    """What a rejection does: which steps, and their options.

    Attributes:
        name: in the policy file, the key of the profile.
        steps: what is done, in Startgate's own order.
        isolate: options of the step isolate.
        backup: options of the step backup.
        tags: put on everything that is made for it, beside our own; a policy of the subscription may ask for
            them.
        resource_group: holds the lockdown NSG and, unless ``backup`` says otherwise, the backup vault; by
            default the VM's own group.
        page_after: on-call is told when a step, or the whole containment or restore, takes longer than this.
        give_up_after: what takes longer than this has failed, and ends INCOMPLETE.
    """

    name: str = "standard"
    steps: tuple[StepName, ...] = (StepName.ISOLATE, StepName.STOP, StepName.BACKUP)
    isolate: IsolateOptions = IsolateOptions()
    backup: BackupOptions = BackupOptions()
    tags: dict[str, str] = Field(default_factory=dict)
    resource_group: GroupName | None = None
    page_after: StoredDuration = timedelta(minutes=2)
    give_up_after: StoredDuration = timedelta(minutes=30)

    @property
    def vault_group(self) -> str | None:
        """The resource group in which a vault is made; ``None`` for the VM's own."""
        return self.backup.resource_group or self.resource_group

    @model_validator(mode="after")
    def _paged_first(self) -> Self:
        if self.page_after >= self.give_up_after:
            raise ValueError("page_after has to be shorter than give_up_after (by default 2m and 30m)")
        return self

    @field_validator("tags")
    @classmethod
    def _as_azure_takes_them(cls, value: dict[str, str]) -> dict[str, str]:
        """Source: https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations."""
        names = [name.lower() for name in value]
        if len(value) > _MOST_TAGS:
            raise ValueError(f"at most {_MOST_TAGS} tags")
        for name, text in value.items():
            if not _TAG_NAME.fullmatch(name) or name.lower().startswith(("microsoft", "azure", "windows")):
                raise ValueError(
                    f"{name[:60]!r} is not a tag name that Azure takes: 1 to 512 characters, none of "
                    "<>%&\\?/, not beginning with microsoft, azure or windows"
                )
            if name.lower() == OUR_TAG or names.count(name.lower()) > 1:
                raise ValueError(f"the tag {name!r} is given twice, or is ours; take it away")
            if len(text) > _LONGEST_TAG:
                raise ValueError(f"the tag {name!r} is longer than {_LONGEST_TAG} characters")
        return value

    @field_validator("steps")
    @classmethod
    def _in_order(cls, value: tuple[StepName, ...]) -> tuple[StepName, ...]:
        if not value:
            raise ValueError("a lockdown needs at least one step")
        return tuple(step for step in StepName if step in value)
