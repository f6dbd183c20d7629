"""Whom a policy names: owners, on-call, who counts as a person, and what takes two of them."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from workers.domain.model import Model
from workers.domain.policy.paging import DEFAULT_PAGES, PageOn
from workers.domain.policy.reading.spelling import (
    Addressee,
    Channel,
    Duration,
    EmailAddress,
    ObjectId,
    ResourceGroup,
    SlackUser,
    SubscriptionId,
    Usergroup,
    Workspace,
)
from workers.domain.starts.risk import Level

MOST_FALLBACKS = 500
MOST_ADDRESSEES = 20


class OwnerFallback(Model):
    """Who owns VMs whose tags name nobody. All that it gives has to hold.

    Attributes:
        subscription: the id of their subscription.
        resource_group: the name of their resource group.
        tags: tags that they have, with these values.
        ask: who is asked, each by e-mail address, Slack id, user group or channel.
    """

    subscription: SubscriptionId | None = None
    resource_group: ResourceGroup | None = None
    tags: dict[str, str] = {}
    ask: Annotated[tuple[Addressee, ...], Field(max_length=MOST_ADDRESSEES)]

    @model_validator(mode="after")
    def _of_some(self) -> "OwnerFallback":
        if not self.ask:
            raise ValueError("it names nobody; give ask: [somebody]")
        if self.subscription is None and self.resource_group is None and not self.tags:
            raise ValueError(
                "it is for every VM; give subscription, resource_group or tags, or write its ask as"
                " owner.default"
            )
        return self


class OwnerPolicy(Model):
    """Who owns a VM: whom its tags name, else the first fallback that fits, else the default.

    Attributes:
        tags: names of tags, tried in this order; the first that names anybody counts.
        fallbacks: for VMs whose tags name nobody, tried in order.
        default: who owns all other VMs. Best left out: it makes a few people answer for everything.
        fallback: the channel where starts are shown, and asked about where no owner is known.
    """

    tags: tuple[str, ...] = ("owner", "Owner", "contact")
    fallbacks: Annotated[tuple[OwnerFallback, ...], Field(max_length=MOST_FALLBACKS)] = ()
    default: Annotated[tuple[Addressee, ...], Field(max_length=MOST_ADDRESSEES)] = ()
    fallback: Channel = "#vm-approvals"

    @property
    def addressees(self) -> tuple[str, ...]:
        """All whom the policy itself names as owners, each once."""
        named = [one for fallback in self.fallbacks for one in fallback.ask]
        return tuple(dict.fromkeys((*named, *self.default)))


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
        page: on what they are paged outside Slack, too; where to, the settings say.
        channel: where on-call is told.
        yes: commands that on-call may type with ``--yes``, which are then done without a dialog that asks.
            Restoring is the dangerous direction, so by itself only a lockdown is.
    """

    usergroup: Usergroup | None = None
    users: tuple[SlackUser, ...] = ()
    entra: tuple[ObjectId, ...] = ()
    page: tuple[PageOn, ...] = DEFAULT_PAGES
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


class UpTo(StrEnum):
    """The highest level of risk at which callers may confirm their own starts. At high risk nobody may."""

    NEVER = "never"
    LOW = "low"
    MEDIUM = "medium"

    def covers(self, level: Level) -> bool:
        """Whether a caller may confirm a start of this level."""
        return self is not UpTo.NEVER and level.rank <= Level(self.value).rank


class SelfConfirm(Model):
    """When a caller may confirm their own start. ``self_confirm: low`` is short for ``{up_to: low}``.

    Attributes:
        up_to: the highest level of risk at which they may.
        oncall: whether on-call may confirm their own starts of VMs that they don't own. Otherwise somebody
            else has to, also where the owner tag names them only since it was changed.
    """

    up_to: UpTo = UpTo.MEDIUM
    oncall: bool = False


def self_confirm_in_full(value: object) -> object:
    """The short form as the long one."""
    return {"up_to": value} if isinstance(value, str) else value


class PeoplePolicy(Model):
    """Who counts besides the full members of our own Slack workspace, and who may confirm their own starts.

    Attributes:
        workspaces: other workspaces, connected by Slack Connect, whose members may own VMs and be on call.
            They count by their Slack id only: an e-mail address proves nothing outside our own workspace.
        guests: what guests may do; they are never on call.
        entra: who an account in Microsoft Entra ID is, by its object id, for the command line.
        self_confirm: when the caller of a start may confirm it.
        do_not_disturb: whether Slack's own do-not-disturb is as good as quiet hours: at low risk an owner
            gets no direct message while it is on.
    """

    workspaces: tuple[Workspace, ...] = ()
    guests: Guests = Guests.REFUSE
    entra: dict[ObjectId, EntraPerson] = {}
    self_confirm: Annotated[
        SelfConfirm, BeforeValidator(self_confirm_in_full, json_schema_input_type=SelfConfirm | UpTo)
    ] = SelfConfirm()
    do_not_disturb: bool = True


class TwoPersons(Model):
    """What needs two persons: one asks, and somebody else confirms who could have asked, too.

    ``two_person: restore`` is short for ``two_person: {restore: true}``, and ``[confirm, restore, access]``
    for all.

    Attributes:
        confirm: confirming a start does, unless its rule says otherwise by ``two_person_confirm``.
        restore: a restore does; both are of on-call.
        access: what gives somebody a right, or turns the guard down, does: an expected start, a delegation,
            and a pause of all changes in Azure. Ending one takes one person. Whoever could have asked can be
            the second; for a delegation on-call, and not whom it is given to.
        expire_after: how long a request can be confirmed or approved.
    """

    confirm: bool = False
    restore: bool = False
    access: bool = False
    expire_after: Duration = timedelta(minutes=15)


def in_full(value: object) -> object:
    """The short form as the long one."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list | tuple) and all(one in _BY_TWO for one in value):
        return dict.fromkeys(value, True)
    return value


_BY_TWO = ("confirm", "restore", "access")
