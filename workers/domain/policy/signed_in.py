"""Who somebody is who signed in by Microsoft Entra ID, for the policy: an owner, on call, or a stranger.

For the command line, which works while Slack does not. It decides by what a person can't choose themselves:

* **on call**: the object id of the account, or of a group that it is in, stands in ``oncall.entra``. Slack's
  user group is not asked: it could not be read just when this is needed.
* **owner**: the tag names the account by its user principal name, by the address or Slack id that
  ``people.entra`` gives it, or not at all. Only administrators of our own tenant can change that name, and
  only to a domain that the tenant has proved to own; the claim ``email`` is not used, which holds what
  somebody typed. Source: https://learn.microsoft.com/entra/identity-platform/claims-validation
* **nobody**: guests of the tenant, because their names are another tenant's; and applications, which can't
  answer for a person.
"""

from typing import NamedTuple

from workers.domain.policy.model import Policy
from workers.domain.starts.people import NO_SLACK, Actor

GUEST = "You are a guest in this tenant, so you can't act at the command line. Ask on-call."
APPLICATION = (
    "An application signed in, and only a person can act here. Sign in as yourself: `az login` without "
    "--identity or --service-principal."
)


class SignedIn(NamedTuple):
    """An account, as a token says that was checked. Names are hostile text.

    Attributes:
        object_id: of the account; never used again for another one.
        upn: its user principal name; empty if the token has none.
        name: as people see it.
        groups: object ids of groups that it is in.
        groups_left_out: the token names none, because there are too many.
        guest: it is another tenant's.
        application: it is no person's.
    """

    object_id: str
    upn: str = ""
    name: str = ""
    groups: frozenset[str] = frozenset()
    groups_left_out: bool = False
    guest: bool = False
    application: bool = False


def actor_of(who: SignedIn, policy: Policy) -> Actor:
    """The person that the policy makes of this account. What can't be told is not granted."""
    known = policy.people.entra.get(who.object_id.lower())
    slack = known.slack if known is not None else None
    actor = Actor(
        slack_user=slack or f"{NO_SLACK}{who.object_id}",
        name=who.name,
        email=(known.email if known is not None else None) or "",
        entra=who.object_id,
        upn=who.upn,
    )
    if who.application:
        return actor.changed(barred=APPLICATION)
    if who.guest:
        return actor.changed(barred=GUEST)
    named = {who.object_id.lower(), *(group.lower() for group in who.groups)}
    if not named.isdisjoint(policy.oncall.entra):
        return actor.changed(on_call=True)
    return actor.changed(doubt=_doubt(who, policy))


def _doubt(who: SignedIn, policy: Policy) -> str:
    if not policy.oncall.entra:
        return "The policy names nobody of Entra ID as on call: it has no oncall.entra."
    if who.groups_left_out:
        return (
            "Your token leaves your groups out, because there are too many. Name your account in the "
            f"policy's oncall.entra: {who.object_id}."
        )
    return (
        f"The policy's oncall.entra names neither your account ({who.object_id}) nor a group in your token."
    )
