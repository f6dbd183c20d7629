"""Reads the tags that name a VM's owner, in the ways in which people write them.

Addresses, and ids of Slack users, user groups and channels, or names of channels (``#name``), one or many:
separated by commas, semicolons, bars or spaces, as a JSON list, in quotes, as ``mailto:`` links, or behind a
display name as in a mail's head: ``Doe, Jane <jane@contoso.com>``.
Azure allows a tag 256 characters.
"""

import functools
import json
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from workers.domain.starts.people import Owner

_NO_ADDRESS = r"@\s<>,;|:()\[\]\"\\"
_EMAIL = re.compile(rf"[^{_NO_ADDRESS}]{{1,64}}@[^{_NO_ADDRESS}]{{1,255}}")
_SLACK_USER = re.compile(r"[UW][A-Z0-9]{5,20}")
_USERGROUP = re.compile(r"S(?=[A-Z]*[0-9])[A-Z0-9]{8,20}")
_CHANNEL = re.compile(r"#[a-z0-9_-]{1,80}|[CG](?=[A-Z]*[0-9])[A-Z0-9]{8,20}")
"""Slack's ids hold digits; words in capitals, such as SUPPORT, are none."""
_PART = re.compile(r"""(?:"[^"]*"|<[^<>]*>|[^,;|\n"<]|["<])+""")
"""What stands between separators; one in quotes or in brackets is none."""
_BRACKETS = re.compile(r"<([^<>]*)>")
_QUOTES = "\"'\u201c\u201d\u2018\u2019"
_LONGEST = 100
_MOST = 100
"""Parts of one tag that are looked at."""


class _Read(NamedTuple):
    """Whom a tag names, and what in it names nobody."""

    emails: tuple[str, ...]
    users: tuple[str, ...]
    usergroups: tuple[str, ...]
    channels: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def owner(self) -> Owner:
        return Owner(
            emails=self.emails,
            slack_users=self.users,
            usergroups=self.usergroups,
            channels=self.channels,
        )


def owner_from_tags(tags: dict[str, str], names: tuple[str, ...], *, tags_known: bool) -> Owner:
    """The owner by the first of these tags that names anybody.

    Args:
        tags: of the VM. Azure ignores case in their names, and keeps their spelling.
        names: of the tags to look at, in this order.
        tags_known: whether the tags could be read.
    """
    if not tags_known:
        return Owner(source="the VM's tags could not be read")
    unread: list[str] = []
    first = ""
    for name, value in _set(tags, names):
        first = first or name
        read = _read(value)
        unread += [f"{other} (tag {name})" for other in read.others]
        if (owner := read.owner).known:
            return owner.changed(source=f"tag {name}", unread=tuple(unread))
    if not first:
        return Owner(source=f"no tag {' or '.join(dict.fromkeys(names))}")
    return Owner(
        source=f"tag {first} holds neither an e-mail address nor a Slack user id", unread=tuple(unread)
    )


def owner_named(texts: Iterable[str]) -> Owner:
    """The owner that these texts name, each by one address, id or channel."""
    found = [_read(text).owner for text in texts]
    return Owner(
        emails=tuple(dict.fromkeys(one for owner in found for one in owner.emails)),
        slack_users=tuple(dict.fromkeys(one for owner in found for one in owner.slack_users)),
        usergroups=tuple(dict.fromkeys(one for owner in found for one in owner.usergroups)),
        channels=tuple(dict.fromkeys(one for owner in found for one in owner.channels)),
    )


def is_tag(tags: Mapping[str, str], name: str, value: str) -> bool:
    """Whether a VM has this tag with this value. Azure ignores case in names, and keeps it in values."""
    return any(own.lower() == name.lower() and text.strip() == value for own, text in tags.items())


def _set(tags: dict[str, str], names: Iterable[str]) -> list[tuple[str, str]]:
    """Those of the tags that are set and not blank, each once: name as on the VM, and value."""
    by_name = {name.lower(): (name, value.strip()) for name, value in tags.items()}
    wanted = dict.fromkeys(name.lower() for name in names)
    return [by_name[name] for name in wanted if name in by_name and by_name[name][1]]


@functools.lru_cache(maxsize=1024)
def _read(value: str) -> _Read:
    """Cached: in a burst, a few people own most of the VMs."""
    emails: list[str] = []
    users: list[str] = []
    usergroups: list[str] = []
    channels: list[str] = []
    others: list[str] = []
    for part in _parts(value)[:_MOST]:
        found, rest = _named(part)
        emails += [one.lower() for one in found if "@" in one]
        users += [one for one in found if _SLACK_USER.fullmatch(one)]
        usergroups += [one for one in found if _USERGROUP.fullmatch(one)]
        channels += [one for one in found if _CHANNEL.fullmatch(one)]
        others += [rest[:_LONGEST]] if rest else []
    return _Read(*(tuple(dict.fromkeys(each)) for each in (emails, users, usergroups, channels, others)))


def _parts(value: str) -> list[str]:
    listed = _json_texts(value)
    texts = [value] if listed is None else listed
    return [part for text in texts for part in _PART.findall(text) if part.strip(f" {_QUOTES}")]


def _json_texts(value: str) -> list[str] | None:
    """The texts of a JSON list; ``None`` if it is none."""
    if not value.startswith("["):
        return None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return [item if isinstance(item, str) else json.dumps(item) for item in found]


def _named(part: str) -> tuple[list[str], str]:
    """The addresses and ids in a part, and what else it says. What stands before brackets is their name."""
    found = [known for inside in _BRACKETS.findall(part) if (known := _known(inside))]
    if found:
        return found, ""
    words = part.split()
    others = [word for word in words if not _known(word)]
    return [known for word in words if (known := _known(word))], " ".join(others).strip(_QUOTES)


def _known(word: str) -> str:
    """The address or id that a word is; empty if it is neither."""
    bare = word.strip(f" ()[]{_QUOTES}")
    if bare.lower().startswith("mailto:"):
        bare = bare[len("mailto:") :].partition("?")[0]
    known = any(kind.fullmatch(bare) for kind in (_EMAIL, _SLACK_USER, _USERGROUP, _CHANNEL))
    return bare if known else ""
