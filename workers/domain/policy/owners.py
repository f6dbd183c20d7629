"""Who owns a VM by the policy: whom its tags name, else the first fallback that fits it, else the default.

Where the tags could not be read, nobody is known: they may name somebody, who is found with them later.
"""

from collections.abc import Mapping
from typing import NamedTuple

from workers.domain.policy.people import OwnerFallback, OwnerPolicy
from workers.domain.starts.owners.owner_tags import is_tag, owner_from_tags, owner_named
from workers.domain.starts.people import Owner
from workers.domain.starts.vm import VmRef

EVERY_OTHER = "every VM without another owner"


class Tried(NamedTuple):
    """One place that was looked at for an owner, and what came of it."""

    what: str
    outcome: str


def owner_of(policy: OwnerPolicy, vm: VmRef, tags: dict[str, str], *, tags_known: bool) -> Owner:
    """The owner, who may be nobody.

    Args:
        policy: names tags, fallbacks and the default.
        vm: which VM.
        tags: its own.
        tags_known: whether they could be read.
    """
    by_tags = owner_from_tags(tags, policy.tags, tags_known=tags_known)
    if by_tags.known or not tags_known:
        return by_tags
    for fallback in policy.fallbacks:
        if _fits(fallback, vm, tags):
            return _by_policy(fallback.ask, about(fallback), by_tags)
    return _by_policy(policy.default, EVERY_OTHER, by_tags) if policy.default else by_tags


def deciding_tags(policy: OwnerPolicy) -> tuple[str, ...]:
    """Names of all tags that decide who the owner is."""
    return tuple(dict.fromkeys((*policy.tags, *(name for one in policy.fallbacks for name in one.tags))))


def tried(policy: OwnerPolicy, vm: VmRef, tags: dict[str, str]) -> list[Tried]:
    """Where an owner was looked for, in order, up to the place that names one."""
    found = owner_of(policy, vm, tags, tags_known=True)
    by_tags = owner_from_tags(tags, policy.tags, tags_known=True)
    places = [Tried(f"tags {', '.join(policy.tags)}", _said(by_tags))]
    if by_tags.known:
        return places
    for fallback in policy.fallbacks:
        if _fits(fallback, vm, tags):
            return [*places, Tried(f"fallback for {about(fallback)}", _said(found))]
        places.append(Tried(f"fallback for {about(fallback)}", "does not fit"))
    places.append(Tried("default", _said(found) if policy.default else "there is none"))
    if not found.known:
        places.append(Tried(f"channel {policy.fallback}", "is asked, and on-call"))
    return places


def about(fallback: OwnerFallback) -> str:
    """For which VMs it is: ``resource group rg-x in subscription …``."""
    tags = " and ".join(f"tag {name}={value}" for name, value in fallback.tags.items())
    group = f"resource group {fallback.resource_group}" if fallback.resource_group else ""
    place = " in ".join(
        filter(None, [group, f"subscription {fallback.subscription}" if fallback.subscription else ""])
    )
    return " with ".join(filter(None, [place, tags]))


def _fits(fallback: OwnerFallback, vm: VmRef, tags: Mapping[str, str]) -> bool:
    """Azure ignores case in ids and names."""
    return (
        (fallback.subscription is None or fallback.subscription.lower() == vm.subscription_id.lower())
        and (fallback.resource_group is None or fallback.resource_group.lower() == vm.resource_group.lower())
        and all(is_tag(tags, name, value) for name, value in fallback.tags.items())
    )


def _by_policy(ask: tuple[str, ...], what: str, by_tags: Owner) -> Owner:
    return owner_named(ask).changed(source=f"policy, for {what}", by_policy=what, unread=by_tags.unread)


def _said(owner: Owner) -> str:
    return f"names {', '.join(owner.named)}" if owner.known else owner.source
