"""What is typed after ``/vm-lockdown``: the VM, the profile, whether it is only to be shown, and why.

What looks like an option and is none is refused instead of read as a reason. ``--dry-run``, which changes
nothing, counts wherever it stands, and ``--yes``, which has it done at once, only before the reason.
"""

import re
from typing import NamedTuple

from bot.commands.typed_vm import typed_vm
from workers.domain.containment.foresight.lookups import LookupKind
from workers.domain.errors import NotFound
from workers.domain.policy.model import Policy

_DASHES = r"(?:--|[\u2013\u2014]{1,2})"  # a Mac makes one dash of two, a formatted page two others
DRY_RUN = re.compile(rf"(?<!\S){_DASHES}dry-run(?!\S)", re.IGNORECASE)
"""It counts wherever it stands."""
_PLAIN_DRY_RUN = re.compile(r"dry-run(?:\s+|$)", re.IGNORECASE)
_PROFILE = re.compile(rf"{_DASHES}?profile=(\S*)\s*", re.IGNORECASE)
_YES = re.compile(rf"\s*{_DASHES}yes(?:\s+|$)", re.IGNORECASE)
_OPTION = re.compile(rf"{_DASHES}\w\S*")


class Wanted(NamedTuple):
    """What somebody typed.

    Attributes:
        vm: a name, ``group/name`` or a resource id.
        profile: the name of a lockdown profile; empty for the policy's default.
        kind: what is only to be looked up; ``None`` for a lockdown.
        reason: their own words.
        yes: it is to be done without asking once more.
    """

    vm: str
    profile: str = ""
    kind: LookupKind | None = None
    reason: str = ""
    yes: bool = False

    @property
    def rest(self) -> str:
        """What follows the VM, so that the same is wanted when it is typed after another one."""
        parts = [f"profile={self.profile}" if self.profile else "", _TYPED[self.kind], self.reason]
        return " ".join(filter(None, parts))


_TYPED = {None: "", LookupKind.PLAN: "--dry-run", LookupKind.DRILL: "drill"}


def wanted(text: str) -> Wanted:
    """Take it apart.

    Raises:
        NotFound: there is no such option.
    """
    kind = LookupKind.PLAN if DRY_RUN.search(text) else None
    vm, rest = typed_vm(DRY_RUN.sub(" ", text))
    yes, rest = said_yes(rest)
    profile = ""
    if named := _PROFILE.match(rest):
        profile, rest = named[1].lower(), rest[named.end() :]
        yes, rest = (True, rest) if yes else said_yes(rest)
    if plain := _PLAIN_DRY_RUN.match(rest):
        kind, rest = LookupKind.PLAN, rest[plain.end() :]
    if kind is None and rest.strip().lower() == "drill":  # with more words it is a reason
        kind, rest = LookupKind.DRILL, ""
    if unknown := _OPTION.match(rest):
        raise NotFound(
            f"There is no option {unknown[0]}. There are profile=NAME, --dry-run and --yes, and the word"
            " drill."
        )
    return Wanted(vm, profile, kind, rest.strip(), yes)


def said_yes(text: str) -> tuple[bool, str]:
    """Whether it begins with ``--yes``, and what follows."""
    found = _YES.match(text)
    return (True, text[found.end() :]) if found else (False, text)


def known_profile(name: str, policy: Policy) -> str:
    """The name of a profile of the policy, its default's if none is given.

    Raises:
        NotFound: it has no such profile.
    """
    if name and not policy.has_profile(name):
        there = ", ".join(profile.name for profile in policy.profiles)
        raise NotFound(f"There is no lockdown profile {name}. There are: {there}.")
    return name or policy.defaults.lockdown
