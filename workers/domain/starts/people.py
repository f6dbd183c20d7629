"""Who owns a VM, and who does something about it."""

from collections.abc import Iterator

from workers.domain.model import Stored

NO_SLACK = "entra:"
"""How the id of an actor begins whom Slack does not know."""


class Owner(Stored):
    """Who is asked about a VM.

    Attributes:
        emails: addresses named by the tag, lower case, in its order.
        slack_users: Slack user ids named by the tag (``U…``).
        usergroups: ids of Slack user groups named by it (``S…``); each of their members is an owner.
        channels: Slack channels named by it, by id or ``#name``. They are asked there; only the members of a
            private one are owners, since anybody can join a public one.
        source: where it came from, for the card: ``tag owner``, ``policy, for resource group rg-x``, or why
            nobody is known.
        by_policy: for what the policy names them, such as ``resource group rg-x``; empty if a tag does.
        unread: what stands in the tags and names nobody, each with its tag.
        until_changed: addresses and ids of those whom the tag named until it was changed a while ago. They
            are among the owners, too.
    """

    emails: tuple[str, ...] = ()
    slack_users: tuple[str, ...] = ()
    usergroups: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    source: str = ""
    by_policy: str = ""
    unread: tuple[str, ...] = ()
    until_changed: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the tag or the policy names anybody. Slack may not know them."""
        return bool(self.named)

    @property
    def named(self) -> tuple[str, ...]:
        """All that it names."""
        return (*self.emails, *self.slack_users, *self.usergroups, *self.channels)

    @property
    def groups(self) -> tuple[str, ...]:
        """User groups and channels: who is in them has to be asked of Slack."""
        return (*self.usergroups, *self.channels)

    def in_parts(self, size: int) -> Iterator["Owner"]:
        """The same owners, so many at a time; at least one part, which may name nobody."""
        for start in range(0, max(1, len(self.emails) + len(self.slack_users)), size):
            emails = self.emails[start : start + size]
            users_from = max(0, start - len(self.emails))
            users = self.slack_users[users_from : users_from + size - len(emails)]
            yield self.changed(emails=emails, slack_users=users)


class Actor(Stored):
    """A person as Slack, or Microsoft Entra ID, and the policy know them at this moment.

    ``on_call`` fails closed: it is ``False`` if membership could not be read, and ``doubt`` says so.

    Attributes:
        slack_user: their Slack id; ``NO_SLACK`` and the object id for somebody whom only Entra ID knows.
        groups: those user groups and private channels of an owner that they are in, as far as was asked.
        barred: why they may do nothing at all, as a sentence for them: a guest, somebody from another
            workspace, a deactivated account. Empty for everybody who counts.
        entra: the object id of their account in Entra ID, if that is how they signed in.
        upn: the name of that account.
    """

    slack_user: str
    name: str = ""
    email: str = ""
    on_call: bool = False
    doubt: str = ""
    groups: tuple[str, ...] = ()
    barred: str = ""
    entra: str = ""
    upn: str = ""

    @property
    def label(self) -> str:
        """For the audit: name and id; of an account in Entra ID, its own name rather than the one shown."""
        if self.entra:
            slack = "" if self.slack_user.startswith(NO_SLACK) else f", {self.slack_user}"
            return f"{self.upn or self.name or 'unknown'} ({NO_SLACK}{self.entra}{slack})"
        return f"{self.name or self.email or 'unknown'} ({self.slack_user})"

    @property
    def addresses(self) -> frozenset[str]:
        """What Azure or a tag may call them, in lower case."""
        return frozenset(one.strip().lower() for one in (self.email, self.upn) if one.strip())

    def is_same_person(self, other: "Actor") -> bool:
        """Whether both are surely one person: by Slack id, by account, or by an address that both have."""
        same_account = bool(self.entra) and self.entra.lower() == other.entra.lower()
        return (
            self.slack_user == other.slack_user
            or same_account
            or not self.addresses.isdisjoint(other.addresses)
        )

    def is_surely_another(self, other: "Actor") -> bool:
        """Whether both are surely two persons; not where one is known by Slack and the other by Entra ID."""
        by_entra = [one.slack_user.startswith(NO_SLACK) for one in (self, other)]
        return by_entra[0] == by_entra[1] and not self.is_same_person(other)

    def owns(self, owner: Owner) -> bool:
        """Whether this person is named as an owner, or in a group that is, and they count."""
        if self.barred:
            return False
        return (
            self.slack_user in owner.slack_users
            or not self.addresses.isdisjoint(owner.emails)
            or not set(self.groups).isdisjoint(owner.groups)
        )
