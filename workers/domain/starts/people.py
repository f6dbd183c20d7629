"""Who owns a VM, and who does something about it."""

from collections.abc import Iterator

from workers.domain.model import Stored


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
    """A person as Slack and the policy know them at this moment.

    ``on_call`` fails closed: it is ``False`` if membership could not be read, and ``doubt`` says so.

    Attributes:
        barred: why they may do nothing at all, as a sentence for them: a guest, somebody from another
            workspace, a deactivated account. Empty for everybody who counts.
    """

    slack_user: str
    name: str = ""
    email: str = ""
    on_call: bool = False
    doubt: str = ""
    barred: str = ""

    @property
    def label(self) -> str:
        """For the audit: name and id."""
        return f"{self.name or self.email or 'unknown'} ({self.slack_user})"

    def is_same_person(self, other: "Actor") -> bool:
        """Whether both are one person: by Slack id, or by e-mail address where both have one."""
        if self.slack_user == other.slack_user:
            return True
        return bool(self.email) and self.email.strip().lower() == other.email.strip().lower()

    def owns(self, owner: Owner) -> bool:
        """Whether the owner's tag names this person, and they count."""
        if self.barred:
            return False
        return self.slack_user in owner.slack_users or (
            bool(self.email) and self.email.lower() in owner.emails
        )
