"""What a lockdown does: which steps, with which exceptions."""

import re
from datetime import timedelta
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from workers.domain.containment.allow_rules import AllowRule, same_priority
from workers.domain.containment.backup_options import BackupOptions, GroupName
from workers.domain.containment.plans import StepName
from workers.domain.model import Stored, spelt

__all__ = ["OUR_TAG", "AllowRule", "IsolateOptions", "LockdownProfile", "duration", "written"]


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
    """

    allow: tuple[AllowRule, ...] = Field(default=(), max_length=50)
    nsg: str | None = None
    classic_nsg: ClassicNsgId | None = None

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

_DURATION = re.compile(r"(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?")
_LONGEST = timedelta(days=7)


def duration(text: object) -> object:
    """``90s``, ``10m``, ``1h30m``, ``2d`` → timedelta. Anything else is refused with a remedy."""
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if match is None:
        raise ValueError("not a duration; write 90s, 10m, 1h30m or 2d")
    days, hours, minutes, seconds = (float(match[part] or 0) for part in "dhms")
    try:
        value = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        value = timedelta.max
    if not timedelta(0) < value <= _LONGEST:
        raise ValueError("a duration is more than nothing and at most 7d")
    return value


def written(span: timedelta) -> str:
    """As a person writes it: ``90s`` is ``1m30s``, and a day and a half ``1d12h``."""
    minutes, seconds = divmod(span.total_seconds(), 60)
    days, hours, minutes = int(minutes) // 1440, int(minutes) // 60 % 24, int(minutes) % 60
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{count:g}{unit}" for count, unit in parts if count) or "0s"


def _written_or_stored(text: object) -> object:
    """As a person writes it, or as a document keeps it: ISO 8601, such as ``PT2M``."""
    return text if isinstance(text, str) and text.startswith("P") else duration(text)


StoredDuration = Annotated[
    timedelta, BeforeValidator(_written_or_stored), Field(gt=timedelta(0), le=_LONGEST)
]


class LockdownProfile(Stored):
    """What a rejection does: which steps, and their options.

    Attributes:
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
