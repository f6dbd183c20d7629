"""The tags that a VM had before a start: who may write tags must not become its owner by writing one."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from workers.domain.starts.owners.owner_tags import owner_from_tags
from workers.domain.starts.people import Owner
from workers.domain.starts.vm import TAGS_REMEMBERED, KnownVm


class TagsBefore(NamedTuple):
    """What the inventory tells of a VM's tags.

    Attributes:
        tags: as they were 24 hours ago, or when the VM was seen first; names in lower case.
        changed_at: when each tag that is another one now was seen to be, by name.
    """

    tags: dict[str, str]
    changed_at: dict[str, datetime]


def tags_before(line: KnownVm | None, tags_now: dict[str, str], at: datetime) -> TagsBefore | None:
    """The tags before a start.

    Args:
        line: the VM's, as the inventory had it before the start's facts were read.
        tags_now: as they were read.
        at: when they were read.

    Returns:
        ``None`` if the inventory did not know the VM, or not its tags.
    """
    if line is None or not line.tags_known:
        return None
    now = {name.lower(): value for name, value in tags_now.items()}
    before = {name.lower(): value for name, value in line.tags.items()}
    changed_at = {name: at for name in now.keys() | before.keys() if now.get(name) != before.get(name)}
    for name, change in line.changed_tags.items():
        if at - change.at > TAGS_REMEMBERED:
            continue
        changed_at.setdefault(name, change.at)
        if change.before is None:
            before.pop(name, None)
        else:
            before[name] = change.before
    return TagsBefore(
        before, {name: when for name, when in changed_at.items() if before.get(name) != now.get(name)}
    )


class OwnerChange(NamedTuple):
    """The owner by the tags is another one since a while; ``at`` is when that was seen."""

    former: Owner
    at: datetime


def owner_change(
    before: TagsBefore | None,
    owner: Owner,
    names: tuple[str, ...],
    owner_by: Callable[[dict[str, str]], Owner] | None = None,
) -> OwnerChange | None:
    """Who was the owner before, if that was somebody else or nobody.

    Args:
        before: the tags before the start.
        owner: by the tags of now.
        names: of the tags that name owners, in the policy's order, and of those that it looks at for that.
        owner_by: who the owner is by given tags; by default whom the tags of these names name.
    """
    if before is None:
        return None
    changed = [before.changed_at[name.lower()] for name in names if name.lower() in before.changed_at]
    if not changed:
        return None
    former = owner_by(before.tags) if owner_by else owner_from_tags(before.tags, names, tags_known=True)
    if set(former.named) == set(owner.named):
        return None
    return OwnerChange(former, max(changed))


def with_former(owner: Owner, change: OwnerChange | None) -> Owner:
    """Both are asked, the former owner first: of many, only the first few get a message."""
    if change is None or not change.former.known:
        return owner
    former = change.former
    return owner.changed(
        emails=tuple(dict.fromkeys((*former.emails, *owner.emails))),
        slack_users=tuple(dict.fromkeys((*former.slack_users, *owner.slack_users))),
        usergroups=tuple(dict.fromkeys((*former.usergroups, *owner.usergroups))),
        channels=tuple(dict.fromkeys((*former.channels, *owner.channels))),
        source=owner.source if owner.known else former.source,
        by_policy=owner.by_policy if owner.known else former.by_policy,
        until_changed=former.named,
    )
