"""Further starts that a question asks about, and how many of them somebody was shown when they answer."""

from collections.abc import Sequence

from bot.cards.blocks import evidence
from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.text import code, counted, name, when
from workers.domain.asking.approvals import Approval
from workers.domain.asking.joined import JoinedStart

_MOST_CALLERS = 5
_MOST_REPLIES = 5


def button_value(approval: Approval) -> str:
    """What a button carries: the question's id, and how many starts this message shows."""
    return f"{approval.id}:{approval.starts}"


def from_button(value: str) -> tuple[str, int]:
    """The id and the number of starts. Buttons of earlier versions carry only the id; they showed one."""
    approval_id, _, starts = value.partition(":")
    return approval_id, int(starts) if starts.isdecimal() and len(starts) <= 6 else 1  # noqa: PLR2004 - digits


def started_since(approval: Approval) -> str:
    """The further starts as mrkdwn, by caller; empty if there are none."""
    if not approval.joined:
        return ""
    last = approval.joined[-1]
    times = counted(approval.joined_count, "time")
    head = f"*Started {times} since*, last by {evidence.caller(last.caller)} {when(last.at)}."
    return "\n".join([head, *by_caller(approval.joined)])


def by_caller(starts: Sequence[JoinedStart]) -> list[str]:
    """One line a caller, whoever started it last first: nobody's start hides behind many of another."""
    callers: list[list[JoinedStart]] = []
    for one in reversed(starts):
        mine = next((known for known in callers if known[0].caller.is_surely(one.caller)), None)
        if mine is None:
            callers.append([one])
        else:
            mine.append(one)
    lines = [f"\u2022 {_lines_of(mine)}" for mine in callers[:_MOST_CALLERS]]
    left = len(callers) - len(lines)
    return [*lines, f"and by {counted(left, 'other caller')}"] if left > 0 else lines


def joined_replies(approval: Approval) -> list[Reply]:
    """One reply for each of the first further starts: it tells people in the thread, as an edit doesn't."""
    vm, does = approval.event.vm.name, "asks about" if approval.asks else "shows"
    return [
        Reply(
            f"joined.{one.approval_id}",
            Message(
                f"{name(vm)} was started again",
                [section(f"{code(vm)} was started again: {_line(one)} The message above {does} it.")],
            ),
        )
        for one in approval.joined
        if one.number <= 1 + _MOST_REPLIES
    ]


def _lines_of(starts: Sequence[JoinedStart]) -> str:
    """One caller's starts, of which the newest comes first."""
    times = f", {len(starts)} times, last" if len(starts) > 1 else ""
    return _line(starts[0], times)


def _line(start: JoinedStart, times: str = "") -> str:
    place = f", from {code(start.caller.ip, 60)}" if start.caller.ip else ""
    failed = " (this start failed)" if start.failed else ""
    return f"{evidence.caller(start.caller)}{times} {when(start.at)}{place}{failed}."
