"""Who may do what in the chaos world, told apart from how the product tells it: a table of its own."""

from pathlib import Path

from deploy.sandbox.world import World

WORLD = Path(__file__).with_name("world.yaml")
_WORLD = World.load(WORLD)

SLACK_OF = {person.key: person.slack for person in _WORLD.people}
"""Key → Slack user id."""
EMAIL_OF = {person.key: person.email for person in _WORLD.people}

OWNERS = ("olivia", "oscar", "odette", "otto")
COLLEAGUES = ("colin", "clara")
ON_CALL = ("nadia", "nils")
STRANGERS = ("sam", "sue")
CALLERS = ("intruder", "nightly", "colin", "clara", "olivia", "oscar")

ON_CALL_IDS = frozenset(SLACK_OF[key] for key in ON_CALL)
ON_CALL_GROUP = "S0ONCALL01"
APPROVALS_CHANNEL = "C0APPROVALS"

HOSTILE_IDS = frozenset({"U0HOSTILE9", "S0HOSTILE9", "channel", "here", "everyone"})
"""Whom only hostile text names: a mention of one of these is somebody else's words come alive."""
HOSTILE_TEXT = "<!channel> <@U0HOSTILE9> <!subteam^S0HOSTILE9> @here *b* `c` {0} %s & <https://x.example|y>"


def allowed(answer: str, who: str, owners: frozenset[str], caller: str) -> bool:
    """Whether this person may do this to a VM.

    Args:
        answer: ``confirm``, ``reject`` or ``lockdown``.
        who: a Slack user id.
        owners: Slack user ids that the VM's tag names.
        caller: the Slack user id of whoever started it; empty when they have none.
    """
    if who in ON_CALL_IDS:
        return True
    if answer == "lockdown":
        return False
    return who in owners or (answer == "reject" and who == caller)
