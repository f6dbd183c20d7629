"""The people, principals and machines of the sandbox, read from ``world.yaml``."""

import uuid
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict

DEFAULT = Path(__file__).with_name("world.yaml")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Subscription(_Part):
    id: str
    name: str


class Person(_Part):
    """Somebody whom the Slack workspace knows.

    Attributes:
        team_id: their workspace, where it is another one; empty for our own.
        is_restricted: a guest; ``is_ultra_restricted``: of a single channel.
        is_stranger: of another workspace, and in no channel with the app.
        hidden: the app is not allowed to see them.
    """

    key: str
    slack: str
    email: str
    name: str
    tz: str = "UTC"
    tz_offset: int = 0
    ip: str = "198.51.100.9"
    deleted: bool = False
    is_bot: bool = False
    team_id: str = ""
    enterprise_id: str = ""
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    hidden: bool = False


class Usergroup(_Part):
    id: str
    handle: str
    name: str
    users: list[str]


class Channel(_Part):
    id: str
    name: str
    members: list[str]
    archived: bool = False
    private: bool = False
    bot_is_member: bool = True


class Principal(_Part):
    """Somebody who can start a VM. A key that is a person's takes name, email and address from it."""

    key: str
    kind: Literal["User", "ServicePrincipal"]
    oid: str
    name: str = ""
    email: str = ""
    role: str = "Contributor"
    scope: Literal["subscription", "resourceGroup"] = "resourceGroup"
    mfa: bool = False
    app_id: str = ""
    app: str = ""
    ip: str = ""


class NicSeed(_Part):
    """One network interface. ``nsg: none`` leaves it with the subnet's NSG only.

    Attributes:
        asgs: names of application security groups, made as they are named.
        settings: further properties, such as ``auxiliaryMode``, as its REST body spells them.
        extended_location: the edge zone it is in.
    """

    public_ip: str | None = None
    open: list[str] = []
    nsg: Literal["own", "none"] = "own"
    asgs: list[str] = []
    settings: dict[str, Any] = {}
    extended_location: str = ""


class VmSeed(_Part):
    name: str
    group: str
    subscription: int = 0
    location: str = "westeurope"
    size: str = "Standard_B2s"
    power: Literal["running", "stopped", "deallocated"] = "deallocated"
    tags: dict[str, str] = {}
    nics: list[NicSeed] = []
    classic: bool = False
    ephemeral: bool = False


class NatSeed(_Part):
    """A port of a load balancer that leads to one port of one VM."""

    vm: str
    port: int
    to: int


class LoadBalancerSeed(_Part):
    """A load balancer in front of VMs of its own group.

    Attributes:
        public_ip: the address of its frontend; without one it is internal.
        backends: names of the VMs in its pool.
        rules: ports that are balanced over the pool, such as ``443`` or ``443:8443``.
        nat: ports that lead to one VM.
        nat_pools: first and last port, and the port they lead to, as scale sets have them.
        outbound: the pool reaches the Internet through it.
    """

    name: str
    group: str
    subscription: int = 0
    location: str = "westeurope"
    public_ip: str | None = None
    backends: list[str] = []
    rules: list[str] = []
    nat: list[NatSeed] = []
    nat_pools: list[tuple[int, int, int]] = []
    outbound: bool = False


class World(_Part):
    tenant: str
    subscriptions: list[Subscription]
    people: list[Person]
    usergroups: list[Usergroup] = []
    channels: list[Channel]
    principals: list[Principal]
    vms: list[VmSeed]
    load_balancers: list[LoadBalancerSeed] = []

    @classmethod
    def load(cls, path: Path = DEFAULT) -> Self:
        """The world of a file, read by libyaml where there is one: without, thousands of VMs take seconds."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return cls.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=loader))  # noqa: S506 - safe

    def person(self, key: str) -> Person:
        """The person of this key; ``KeyError`` names those there are."""
        for person in self.people:
            if person.key == key:
                return person
        raise KeyError(f"no person {key!r}; there are {', '.join(p.key for p in self.people)}")

    def add_principal(self, key: str, *, email: str, name: str, like: str) -> Principal:
        """Somebody new, with all that another principal has but who they are.

        Raises:
            KeyError: there is no principal of the key ``like``.
            ValueError: the key is taken.
        """
        if any(principal.key == key for principal in self.principals):
            raise ValueError(f"there is a principal {key!r} already")
        who = {"key": key, "email": email, "name": name, "oid": str(uuid.uuid4())}
        added = self.principal(like).model_copy(update=who)
        self.principals.append(added)
        return added

    def principal(self, key: str) -> Principal:
        """The principal of this key, completed from the person of the same key."""
        for principal in self.principals:
            if principal.key == key:
                break
        else:
            raise KeyError(f"no principal {key!r}; there are {', '.join(p.key for p in self.principals)}")
        for person in self.people:
            if person.key == key:
                return principal.model_copy(
                    update={
                        "name": principal.name or person.name,
                        "email": principal.email or person.email,
                        "ip": principal.ip or person.ip,
                    }
                )
        return principal
