"""Whom a policy names: owners, on-call, who counts as a person, and what takes two of them."""

from datetime import timedelta
from enum import StrEnum

from pydantic import (
    model_validator,
)

from workers.domain.model import Model
from workers.domain.policy.spelling import (
    Channel,
    Duration,
    EmailAddress,
    ObjectId,
    SlackUser,
    Usergroup,
    Workspace,
)


class OwnerPolicy(Model):
    """Tags that name a VM's owner, first match wins, and where to ask when none does.

    Attributes:
        tags: names of tags, tried in this order.
        fallback: the channel where starts of VMs without a known owner are asked about.
    """

    tags: tuple[str, ...] = ("owner", "Owner", "contact")
    fallback: Channel = "#vm-approvals"


class WithYes(StrEnum):
    """Commands that can be typed with ``--yes``."""

    LOCKDOWN = "lockdown"
    RESTORE = "restore"


class OncallPolicy(Model):
    """Who is on call: a Slack user group, named people, or both; and the channel where they are told.

    Attributes:
        usergroup: the id of a Slack user group.
        users: Slack ids of people, instead of the group or beside it.
        entra: object ids of accounts and groups in Microsoft Entra ID whose people are on call at the command
            line, where Slack is not asked. Without any, nobody is on call there.
        channel: where on-call is told.
        yes: commands that on-call may type with ``--yes``, which are then done without a dialog that asks.
            Restoring is the dangerous direction, so by itself only a lockdown is.
    """

    usergroup: Usergroup | None = None
    users: tuple[SlackUser, ...] = ()
    entra: tuple[ObjectId, ...] = ()
    channel: Channel = "#vm-oncall"
    yes: tuple[WithYes, ...] = (WithYes.LOCKDOWN,)

    @model_validator(mode="after")
    def _somebody(self) -> "OncallPolicy":
        if self.usergroup is None and not self.users:
            raise ValueError("nobody is on call; give usergroup: S… or users: [U…]")
        return self


class Guests(StrEnum):
    """What guests of our Slack workspace may do: nothing, or answer for VMs whose owner tag names them."""

    REFUSE = "refuse"
    OWNERS = "owners"


class EntraPerson(Model):
    """Who an account in Microsoft Entra ID is, where its name does not tell: at least one of the two.

    Attributes:
        slack: their Slack id, so that one person is one person at the command line and in Slack.
        email: the address by which owner tags name them.
    """

    slack: SlackUser | None = None
    email: EmailAddress | None = None

    @model_validator(mode="after")
    def _something(self) -> "EntraPerson":
        if self.slack is None and self.email is None:
            raise ValueError("it says nothing; give slack: U… or email: NAME@HOST")
        return self


class PeoplePolicy(Model):
    """Who counts besides the full members of our own Slack workspace.

    Attributes:
        workspaces: other workspaces, connected by Slack Connect, whose members may own VMs and be on call.
            They count by their Slack id only: an e-mail address proves nothing outside our own workspace.
        guests: what guests may do; they are never on call.
        entra: who an account in Microsoft Entra ID is, by its object id, for the command line.
    """

    workspaces: tuple[Workspace, ...] = ()
    guests: Guests = Guests.REFUSE
    entra: dict[ObjectId, EntraPerson] = {}


class TwoPersons(Model):
    """What needs two persons: one asks, and somebody else of on-call confirms.

    ``two_person: restore`` is short for ``two_person: {restore: true}``.

    Attributes:
        restore: a restore does.
        expire_after: how long a request can be confirmed.
    """

    restore: bool = False
    expire_after: Duration = timedelta(minutes=15)


def in_full(value: object) -> object:
    """The short form as the long one."""
    return {"restore": True} if value == "restore" else value
