"""Who owns a VM, and who does something about it."""

import functools
import re

from workers.domain.model import Stored
from workers.domain.starts.vm import tag

_EMAIL = re.compile(r"[^@\s<>,;|]{1,64}@[^@\s<>,;|]{1,255}")
_SLACK_USER = re.compile(r"[UW][A-Z0-9]{5,20}")
_MOST_OWNERS = 5


class Owner(Stored):
    """Who is asked about a VM.

    Attributes:
        emails: addresses named by the tag, lower case, in its order.
        slack_users: Slack user ids named by the tag (``U…``).
        source: where it came from, for the card: ``tag owner`` or why nobody is known.
    """

    emails: tuple[str, ...] = ()
    slack_users: tuple[str, ...] = ()
    source: str = ""

    @property
    def known(self) -> bool:
        """Whether the tag names anybody. Slack may not know them."""
        return bool(self.emails or self.slack_users)


def owner_from_tags(tags: dict[str, str], names: tuple[str, ...], *, tags_known: bool) -> Owner:
    """The owner by tag: an e-mail address or a Slack user id, or several separated by comma or semicolon."""
    if not tags_known:
        return Owner(source="the VM's tags could not be read")
    found = tag(tags, names)
    if found is None:
        return Owner(source=f"no tag {' or '.join(dict.fromkeys(names))}")
    return _named(*found)


@functools.lru_cache(maxsize=1024)
def _named(name: str, value: str) -> Owner:
    """Whom a tag names. Cached: in a burst, a few people own most of the VMs."""
    parts = [part.strip() for part in re.split(r"[,;]", value)][:_MOST_OWNERS]
    emails = tuple(p.lower() for p in parts if _EMAIL.fullmatch(p))
    users = tuple(p for p in parts if _SLACK_USER.fullmatch(p))
    if not emails and not users:
        return Owner(source=f"tag {name} holds neither an e-mail address nor a Slack user id")
    return Owner(emails=emails, slack_users=users, source=f"tag {name}")


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

    def owns(self, owner: Owner) -> bool:
        """Whether the owner's tag names this person, and they count."""
        if self.barred:
            return False
        return self.slack_user in owner.slack_users or (
            bool(self.email) and self.email.lower() in owner.emails
        )
