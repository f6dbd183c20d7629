"""Everybody and every channel in Slack that a policy file names, and where in the file."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from workers.domain.errors import InvalidPolicy
from workers.domain.policy.model import Policy
from workers.domain.yaml_file import Place, Where, dotted, read_yaml


class NamedKind(StrEnum):
    """What is named."""

    CHANNEL = "channel"
    USERGROUP = "user group"
    USER = "person"
    EMAIL = "e-mail address"


class Named(NamedTuple):
    """One name in the file.

    Attributes:
        name: as it is written.
        where: the setting, such as ``owner.fallback``.
        place: where it stands; that of the section it belongs to, or the beginning, where it is a default.
    """

    kind: NamedKind
    name: str
    where: str
    place: Place


def named_in_slack(policy: Policy, text: str) -> list[Named]:
    """All that a policy names, in the order of the file.

    Args:
        policy: the one that ``load_policy`` made of this text.
        text: the YAML.
    """
    places = read_yaml(text, "policy", invalid=InvalidPolicy, begin_with="").places
    found = [Named(_kind(name), name, dotted(where), _place(where, places)) for where, name in _names(policy)]
    return sorted(found, key=lambda one: one.place)


def _names(policy: Policy) -> Iterator[tuple[Where, str]]:
    owner, oncall = policy.owner, policy.oncall
    yield ("owner", "fallback"), owner.fallback
    for n, fallback in enumerate(owner.fallbacks):
        for m, name in enumerate(fallback.ask):
            yield ("owner", "fallbacks", n, "ask", m), name
    for n, name in enumerate(owner.default):
        yield ("owner", "default", n), name
    yield ("oncall", "channel"), oncall.channel
    if oncall.usergroup is not None:
        yield ("oncall", "usergroup"), oncall.usergroup
    for n, name in enumerate(oncall.users):
        yield ("oncall", "users", n), name
    for n, hours in enumerate(policy.quiet_hours):
        for m, name in enumerate(hours.who):
            yield ("quiet_hours", n, "who", m), name


def _kind(name: str) -> NamedKind:
    if "@" in name:
        return NamedKind.EMAIL
    if name[0] in "UW":
        return NamedKind.USER
    return NamedKind.USERGROUP if name[0] == "S" else NamedKind.CHANNEL


def _place(where: Where, places: dict[Where, Place]) -> Place:
    while where and where not in places:
        where = where[:-1]
    return places.get(where, Place(1, 1))
