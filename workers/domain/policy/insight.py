"""What a policy makes of all that is known of a start: whose VM it is, what was before, and the risk."""

from typing import NamedTuple

from workers.domain.policy.model import Policy
from workers.domain.policy.owners import deciding_tags, owner_of
from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import Facts
from workers.domain.starts.owners.tags_before import owner_change, tags_before, with_former
from workers.domain.starts.past.entries import Past
from workers.domain.starts.past.history import History, history
from workers.domain.starts.people import Owner
from workers.domain.starts.risk import Risk, assess_risk
from workers.domain.starts.signals.signal import Sight
from workers.domain.starts.vm import KnownVm


class Insight(NamedTuple):
    """What is known of a start beside its event and its facts.

    Attributes:
        by_tags: the owner by the tags of now, or by the policy where they name nobody.
        asked: who is asked: the former owner, too, if the owner tag was changed.
        owner_before: the owner by the tags before the start; ``None`` if that is the same.
        tags_before: by their names in lower case; ``None`` if they are not known.
        history: ``None`` if it could not be read.
    """

    by_tags: Owner
    asked: Owner
    owner_before: Owner | None
    tags_before: dict[str, str] | None
    history: History | None
    risk: Risk


def look_into(
    policy: Policy,
    event: StartEvent,
    facts: Facts,
    *,
    past: Past | History | None,
    line: KnownVm | None = None,
    contained: bool = False,
) -> Insight:
    """Everything that the policy makes of it. The same input gives the same.

    Args:
        policy: names the owner tags, and weighs signals.
        event: the start.
        facts: as far as they are known.
        past: what the store remembers, or the history that was made of it before.
        line: the VM's in the inventory, from before the facts were read.
        contained: whether a containment of the VM stands.
    """
    by_tags = owner_of(policy.owner, event.vm, facts.tags, tags_known=facts.machine is not None)
    before = tags_before(line, facts.tags, facts.gathered_at or event.at) if facts.machine else None
    change = owner_change(
        before,
        by_tags,
        deciding_tags(policy.owner),
        lambda tags: owner_of(policy.owner, event.vm, tags, tags_known=True),
    )
    known = history(past, event, policy.risk) if isinstance(past, Past) else past
    sight = Sight(
        event=event,
        facts=facts,
        owner=by_tags,
        settings=policy.risk,
        history=known,
        owner_change=change,
        contained=contained,
    )
    return Insight(
        by_tags=by_tags,
        asked=with_former(by_tags, change),
        owner_before=change.former if change else None,
        tags_before=before.tags if before else None,
        history=known,
        risk=assess_risk(sight),
    )
