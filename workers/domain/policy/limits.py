"""Where a policy stops containments: VMs that are never contained, and how many there are in an hour."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, StringConstraints

from workers.domain.model import Model
from workers.domain.policy.reading.spelling import Duration, Expression, as_text

ONLY_GUARD = "guarded VMs"
"""The name of the guard where ``never`` is one condition without a name."""
MOST_GUARDS = 50
MOST_NOTED = 30
"""Of an owner's newest questions so many are looked at, to see how many are open."""


class Guard(Model):
    """VMs that are never contained: those of which the condition holds, a CEL expression about a VM.

    Attributes:
        name: what they are, for people, such as ``domain controllers``.
        when: reads ``vm``, ``owner`` and ``facts``.
    """

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    when: Expression


Guards = Annotated[tuple[Guard, ...], Field(max_length=MOST_GUARDS)]


def as_guards(value: object) -> object:
    """One condition alone, as a list of one guard."""
    value = as_text(value)
    return [{"name": ONLY_GUARD, "when": value}] if isinstance(value, str) else value


Grace = Annotated[Duration, Field(ge=timedelta(seconds=5), le=timedelta(minutes=10))]
"""How long a rejection can be taken back. A VM goes on running for so long, without its network."""


class BurstPolicy(Model):
    """Starts that are asked about on one card.

    Attributes:
        together: whether those by one caller for one owner are, where they look alike; otherwise each start
            has a card of its own.
        within: each at most this long after another.
        digest_over: an owner who has more open questions than this gets further ones as the rows of one
            message, which is edited; never those of high risk, nor those that nobody is reminded of, or
            whose silence changes something in Azure. With 0, or without ``together``, none.
    """

    together: bool = True
    within: Annotated[Duration, Field(le=timedelta(minutes=5))] = timedelta(seconds=20)
    digest_over: Annotated[int, Field(ge=0, lt=MOST_NOTED)] = 5


class CapPolicy(Model):
    """How much is done before on-call is asked whether it is right.

    Attributes:
        containments_per_hour: what goes beyond it waits; a VM that is contained again does not count.
    """

    containments_per_hour: Annotated[int, Field(ge=1, le=100_000)] = 20
