"""The specification of a VM that is to be made: what a person writes, checked whole."""

import hashlib
import ipaddress
import json
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from workers.arm.hardening.ssh_keys import checked
from workers.domain.containment.options.backup_options import BackupOptions, GroupName
from workers.domain.containment.profile import AllowRule
from workers.domain.errors import Finding, InvalidSpec
from workers.domain.model import Model, spelt
from workers.domain.starts.owners.owner_tags import owner_from_tags
from workers.domain.yaml_file import flaws, read_yaml

OWNER_TAG = "owner"
_RESERVED = (
    " 1 123 a actuser adm admin admin1 admin2 administrator aspnet backup console david guest john owner "
    "root server sql support support_388945a0 sys test test1 test2 test3 user user1 user2 user3 user4 user5 "
)
"""Source: https://learn.microsoft.com/rest/api/compute/virtual-machines/create-or-update#osprofile"""
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_SMALLEST_SUBNET = 29
"""Azure keeps five addresses of each: https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq"""
_DIRECTORY = "directory"

VmName = Annotated[
    str,
    spelt(
        r"[A-Za-z]([A-Za-z0-9-]{0,58}[A-Za-z0-9])?",
        "begin with a letter, then at most 59 of letters, digits and -, and no - at the end",
    ),
]
SubscriptionId = Annotated[
    str, spelt(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "write the id of the subscription")
]
SubnetId = Annotated[
    str,
    spelt(
        r"(?i)/subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\.network/virtualnetworks/[^/]+"
        r"/subnets/[^/]+",
        "write the whole id of a subnet: …/virtualNetworks/NAME/subnets/NAME",
    ),
]


class ImageSpec(Model):
    """From the marketplace, or ``id`` of an image or of a version in a gallery. Linux of generation 2."""

    publisher: str = ""
    offer: str = ""
    sku: str = ""
    version: str = "latest"
    id: str = ""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.id) == bool(self.publisher or self.offer or self.sku):
            raise ValueError("give either id, or publisher, offer and sku")
        if not self.id and not (self.publisher and self.offer and self.sku):
            raise ValueError("publisher, offer and sku are needed together")
        return self


class AdminSpec(Model):
    """Who can sign in at first: with a public SSH key, given here or in a file beside this one."""

    user: str
    ssh_key: str = ""
    ssh_key_file: str = ""
    password: None = Field(default=None, repr=False)

    @field_validator("password", mode="before")
    @classmethod
    def _no_password(cls, value: object) -> None:
        if value is not None:
            raise ValueError(
                "a password is refused: it can be guessed, and it stands in this file. Take it away here, "
                "and give ssh_key or ssh_key_file"
            )

    @field_validator("user")
    @classmethod
    def _as_azure_takes_it(cls, value: str) -> str:
        if f" {value} " in _RESERVED or not _USER.fullmatch(value):
            raise ValueError(
                f"{value[:40]!r} is a name that Azure or Linux does not take for it; write another one of "
                "at most 32 small letters, digits, _ and -"
            )
        return value

    @field_validator("ssh_key")
    @classmethod
    def _a_public_key(cls, value: str) -> str:
        return checked(value) if value else value

    @field_validator("ssh_key_file")
    @classmethod
    def _read(cls, value: str, info: ValidationInfo) -> str:
        """The key itself: what is in the file is part of the specification."""
        if not value:
            return value
        directory = (info.context or {}).get(_DIRECTORY, Path())
        try:
            return checked((directory / Path(value).expanduser()).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"can't be read: {error}") from None

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if bool(self.ssh_key) == bool(self.ssh_key_file):
            raise ValueError("give one of ssh_key and ssh_key_file")
        return self

    @property
    def key(self) -> str:
        """The public key."""
        return self.ssh_key or self.ssh_key_file


class NsgSpec(Model):
    """Who may connect: everything inbound is denied but this.

    Attributes:
        profile: a lockdown profile of the policy, whose exceptions are let in.
        allow: further exceptions.
    """

    profile: str | None = None
    allow: tuple[AllowRule, ...] = Field(default=(), max_length=50)


class NetworkSpec(Model):
    """Where it is connected.

    Attributes:
        subnet: the id of a subnet that exists, in the region of the VM.
        address_space: of a network that is made for it alone, such as ``10.9.0.0/24``.
        public_ip: whether it gets an address on the Internet.
    """

    subnet: SubnetId | None = None
    address_space: str | None = None
    public_ip: bool = False
    nsg: NsgSpec = NsgSpec()

    @field_validator("address_space")
    @classmethod
    def _a_network(cls, value: str | None) -> str | None:
        if value is None:
            return None
        network = ipaddress.ip_network(value)
        if network.version != 4 or not network.is_private or network.prefixlen > _SMALLEST_SUBNET:  # noqa: PLR2004 - IPv4
            raise ValueError(f"write a private IPv4 network of at least /{_SMALLEST_SUBNET}: 10.9.0.0/24")
        return str(network)

    @model_validator(mode="after")
    def _one_network(self) -> Self:
        if (self.subnet is None) == (self.address_space is None):
            raise ValueError("give one of subnet (it exists) and address_space (a network is made)")
        return self


class DiskSpec(Model):
    """Its disks, in GB. They go with the VM."""

    os_gb: Annotated[int, Field(ge=30, le=4095)] | None = None
    data_gb: tuple[Annotated[int, Field(ge=1, le=32767)], ...] = Field(default=(), max_length=16)
    sku: Literal["Standard_LRS", "StandardSSD_LRS", "StandardSSD_ZRS", "Premium_LRS", "Premium_ZRS"] = (
        "Premium_LRS"
    )


class VmSpec(Model):
    """A VM with all that a VM needs; nothing of that can be left out but the private network alone.

    Attributes:
        owner: an e-mail address or a Slack member id; becomes the tag ``owner``.
        backup: which vault; by default one is made, as by the step backup.
    """

    subscription: SubscriptionId
    resource_group: GroupName
    location: Annotated[str, spelt(r"[a-z0-9]{3,40}", "write a region as Azure does: westeurope")]
    name: VmName
    size: Annotated[str, spelt(r"[A-Za-z0-9_]{3,60}", "write a size such as Standard_D2s_v5")]
    image: ImageSpec
    admin: AdminSpec
    owner: str
    tags: dict[str, str] = Field(default_factory=dict, max_length=40)
    network: NetworkSpec
    disks: DiskSpec = DiskSpec()
    backup: BackupOptions = BackupOptions()

    @field_validator("owner")
    @classmethod
    def _somebody(cls, value: str) -> str:
        found = owner_from_tags({OWNER_TAG: value}, (OWNER_TAG,), tags_known=True)
        if not (found.emails or found.slack_users) or found.unread:
            raise ValueError(f"{value[:80]!r} names nobody; write an e-mail address or a Slack member id")
        return value

    @field_validator("tags")
    @classmethod
    def _not_ours(cls, value: dict[str, str]) -> dict[str, str]:
        ours = {OWNER_TAG, "managed-by", "startgate-vm", "startgate-spec"}
        for name, text in value.items():
            if name.lower() in ours:
                raise ValueError(f"the tag {name!r} is set by Startgate; take it away")
            if not name or len(name) > 512 or len(text) > 256 or set(name) & set("<>%&\\?/"):  # noqa: PLR2004 - Azure's
                raise ValueError(f"{name[:60]!r} is not a tag that Azure takes")
        return value

    @property
    def digest(self) -> str:
        """Of all that is written here, keys included: what was made by it carries it as a tag."""
        whole = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()[:16]


def load_spec(text: str, *, path: str, directory: Path) -> VmSpec:
    """Read and check a whole specification.

    Args:
        text: the YAML.
        path: its name, for messages.
        directory: where a key's file is looked for.

    Raises:
        InvalidSpec: with every finding, in the order of the file.
    """
    written = read_yaml(text, path, invalid=InvalidSpec, begin_with="Start with subscription:")
    findings: list[Finding] = list(written.findings)
    try:
        # What is stored elsewhere is strict here, too: exceptions and options of the backup.
        spec = VmSpec.model_validate(written.data, extra="forbid", context={_DIRECTORY: directory})
    except ValidationError as error:
        raise InvalidSpec([*findings, *flaws(error, written.places, VmSpec)], path=path) from None
    if findings:
        raise InvalidSpec(findings, path=path)
    return spec


def read_spec(path: Path) -> VmSpec:
    """The specification in a file; raises ``InvalidSpec`` also if that can't be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        finding = Finding(line=1, column=1, where="file", problem=f"can't be read: {error}")
        raise InvalidSpec([finding], path=str(path)) from None
    return load_spec(text, path=str(path), directory=path.parent)
