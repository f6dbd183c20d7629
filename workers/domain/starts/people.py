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
        source: where it came from, for the card: ``tag owner`` or why nobody is known.
        unread: what stands in the tags and names nobody, each with its tag.
        until_changed: addresses and ids of those whom the tag named until it was changed a while ago. They
            are among the owners, too.
    """

    emails: tuple[str, ...] = ()
    slack_users: tuple[str, ...] = ()
    source: str = ""
    unread: tuple[str, ...] = ()
    until_changed: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the tag names anybody. Slack may not know them."""
        return bool(self.emails or self.slack_users)

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
        """Whether the owner's tag names this person, and they count."""
        if self.barred:
            return False
        return self.slack_user in owner.slack_users or not self.addresses.isdisjoint(owner.emails)
