"""On the card of a burst: who answered how many of its questions, when and why, or how else they ended."""

from collections.abc import Iterable, Sequence

from bot.cards.blocks.status import quoted, sentence
from bot.cards.blocks.text import counted, escape, when
from workers.domain.asking.bursts import Member

_MOST = 5
_LONGEST = 200


def answer_lines(members: Iterable[Member]) -> list[str]:
    """One line for those that ended alike; none while nothing is answered."""
    alike: dict[tuple[str, str, str], list[Member]] = {}
    for one in members:
        if one.closed_at is not None and not one.open:
            alike.setdefault((one.answer or one.said, one.by, one.why), []).append(one)
    lines = [_line(ended) for ended in alike.values()]
    left = len(lines) - _MOST
    return [*lines[:_MOST], *([f"and {counted(left, 'more answer')} in the list"] if left > 0 else [])]


def _line(alike: Sequence[Member]) -> str:
    first = alike[0]
    times = sorted(one.closed_at for one in alike if one.closed_at is not None)
    shown = list(dict.fromkeys([when(times[0].replace(second=0)), when(times[-1].replace(second=0))]))
    at = " to ".join(shown)
    starts = counted(len(alike), "start")
    if first.answer:
        return f"*{first.answer}* {starts}: {escape(first.by, _LONGEST)} {at}.{quoted(first.why[:_LONGEST])}"
    why = sentence(escape(first.why, _LONGEST))
    return f"*{escape(first.said, 60)}* {starts} {at}. {why}".rstrip()
