"""An owner says that a VM is not theirs: the question goes on to somebody else, or to on-call.

Whoever started the VM never gets to confirm it that way: a question is not passed on to them, and whoever
counts only because it was passed on to them can't confirm what they have started themselves.
"""

from typing import TYPE_CHECKING

from workers.domain.model import Stored, UtcTime
from workers.domain.starts.people import Actor, Owner

if TYPE_CHECKING:
    from collections.abc import Collection

    from workers.domain.starts.events import Caller

MOST_HOPS = 3
"""After so many people, only on-call is left to ask."""


class PassedOn(Stored):
    """One person said that the VM is not theirs.

    Attributes:
        by: who said so.
        to: whom they named; ``None`` if they don't know, so that on-call is asked.
        at: when.
        tag: the tag that would name the owner, for a proposal; empty without one.
    """

    by: Actor
    to: Actor | None = None
    at: UtcTime
    tag: str = ""


class PassedAll(Stored):
    """One person said so of several questions of a card, until each of them is passed on.

    Attributes:
        step: who said so, and whom they named.
        questions: ids of the questions.
    """

    step: PassedOn
    questions: tuple[str, ...]


def with_passed(owner: Owner, passed: "Collection[PassedOn]") -> Owner:
    """The owner, with those whom somebody named in their place."""
    users = [one.to.slack_user for one in passed if one.to is not None]
    return owner.changed(slack_users=tuple(dict.fromkeys((*owner.slack_users, *users)))) if users else owner


def started_it_themselves(actor: Actor, callers: "Collection[Caller]") -> str:
    """Why somebody who counts only as named can't confirm, as a sentence; empty if they can."""
    emails = {caller.email.lower() for caller in callers if caller.email}
    if actor.email.lower() not in emails and (actor.email or not emails):
        return ""
    return (
        "The question was passed on to you, and your account started this VM, or nobody can tell whether it"
        " did. Only its owner or on-call can confirm this start."
    )


def not_the_next(
    passed: "Collection[PassedOn]",
    by: Actor,
    to: Actor,
    callers: "Collection[Caller]",
    *,
    risky: "Collection[Caller]" = (),
) -> str:
    """Why the question can't be passed on to this person, as a sentence; empty if it can.

    Args:
        passed: who passed it on before.
        by: who passes it on.
        to: whom they name.
        callers: who started the VM.
        risky: those of them whose start is of high risk: they don't choose who answers.
    """
    started = any(to.email and to.email.lower() == caller.email.lower() for caller in callers)
    untold = not to.email and any(caller.email for caller in callers)
    own = any(by.email and by.email.lower() == caller.email.lower() for caller in risky)
    reasons = (
        (bool(to.barred or to.doubt), "Slack does not say that this is a member who counts here."),
        (to.is_same_person(by), "This is you. Choose somebody else, or nobody if you don't know."),
        (own, "Your account started this VM, at high risk. Choose nobody, and on-call is asked."),
        (started, "This person started the VM, so they can't be asked whether that was expected."),
        (untold, "Slack shows no e-mail address of theirs, so nobody can tell whether they started the VM."),
        (any(to.is_same_person(one.by) for one in passed), "They have said already that it is not theirs."),
        (
            len(passed) >= MOST_HOPS,
            f"It was passed on {MOST_HOPS} times. Choose nobody: on-call is asked.",
        ),
    )
    return next((why for is_so, why in reasons if is_so), "")
