"""All signals there are, in the order in which they are listed where they weigh the same.

A new one is an entry in a family's file; a new family is one file, and one line here.
"""

import difflib

from workers.domain.starts.signals import hours, lately, ownership, privilege, signing_in
from workers.domain.starts.signals.signal import SignalSpec

SIGNALS: tuple[SignalSpec, ...] = (
    *lately.SIGNALS,
    *signing_in.SIGNALS,
    *ownership.SIGNALS,
    *hours.SIGNALS,
    *privilege.SIGNALS,
)

IDS = tuple(spec.id for spec in SIGNALS)


def unknown_signal(signal_id: str) -> str:
    """What to write instead, if there is no such signal; else nothing."""
    if signal_id in IDS:
        return ""
    close = difflib.get_close_matches(signal_id, IDS, n=1)
    return f"Did you mean {close[0]}?" if close else f"There are: {', '.join(IDS)}."
