"""What a queue's message asks for; and what becomes of one that only a newer version understands.

During a rolling upgrade newer processes nudge older ones. What an older one can't read comes again a bounded
number of times: by then a newer process may have taken it.
"""

from typing import Any

import structlog
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from workers.domain.errors import NewerDocument
from workers.domain.messages import Complete, DeadLetter, Later, Message, Settlement
from workers.domain.nudges import Nudge
from workers.domain.schema import read

log = structlog.get_logger(__name__)

AGAIN_S = 30.0
MOST_TIMES = 20
"""Ten minutes: a rolling upgrade of a few processes."""
_TIMES = "put_off"
"""A field of the nudge's JSON, unknown to the model: how often it was put off."""


def read_nudge(message: Message) -> Nudge | Settlement:
    """The nudge; else what is to be done with the message.

    Fields that this version doesn't know are kept. A subject that it doesn't know comes again later, and
    ends in the dead letters when it was put off too often: nobody here can tell what it was about.
    """
    try:
        return read(Nudge, message.body)
    except NewerDocument as newer:
        description = f"{newer} It was put off {MOST_TIMES} times."
        return _put_off(message, newer) or DeadLetter(reason="NewerNudge", description=description)
    except ValidationError as error:
        return DeadLetter(reason="NotANudge", description=str(error))


def put_off(message: Message, newer: NewerDocument) -> Settlement:
    """For a nudge about a document that this version can't read: later, and at last not at all.

    Nothing is lost then: the resync of a process that can read the document nudges again.
    """
    return _put_off(message, newer) or Complete()


def _put_off(message: Message, newer: NewerDocument) -> Later | None:
    nudge: dict[str, Any] = from_json(message.body)
    times = nudge.get(_TIMES)
    times = times if isinstance(times, int) and times > 0 else 0
    log.warning("left to a newer version", message=message.message_id, times=times, because=str(newer))
    if times >= MOST_TIMES:
        return None
    return Later(after_s=AGAIN_S, body=to_json({**nudge, _TIMES: times + 1}))
