"""Further starts that a question asks about, and how many of them somebody was shown when they answer."""

from bot.cards.blocks import evidence
from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.text import code, counted, name, when
from workers.domain.asking.approvals import Approval
from workers.domain.asking.joined import JoinedStart

_MOST_LISTED = 5
_MOST_REPLIES = 5


def button_value(approval: Approval) -> str:
    """What a button carries: the question's id, and how many starts this message shows."""
    return f"{approval.id}:{approval.starts}"


def from_button(value: str) -> tuple[str, int]:
    """The id and the number of starts. Buttons of earlier versions carry only the id; they showed one."""
    approval_id, _, starts = value.partition(":")
    return approval_id, int(starts) if starts.isdecimal() and len(starts) <= 6 else 1  # noqa: PLR2004 - digits


def started_since(approval: Approval) -> str:
    """The further starts as mrkdwn, the newest first; empty if there are none."""
    if not approval.joined:
        return ""
    last = approval.joined[-1]
    times = counted(approval.joined_count, "time")
    head = f"*Started {times} since*, last by {evidence.caller(last.caller)} {when(last.at)}."
    return "\n".join([head, *starts_listed(approval.joined, approval.joined_count)])


def starts_listed(starts: tuple[JoinedStart, ...], count: int) -> list[str]:
    """One line a start, the newest first, and how many more there are."""
    lines = [f"\u2022 {_line(one)}" for one in reversed(starts[-_MOST_LISTED:])]
    left = count - len(lines)
    return [*lines, f"and {counted(left, 'earlier start')}"] if left > 0 else lines


def joined_replies(approval: Approval) -> list[Reply]:
    """One reply for each of the first further starts: it tells people in the thread, as an edit doesn't."""
    first = approval.joined_count - len(approval.joined)
    vm = approval.event.vm
    return [
        Reply(
            f"joined.{one.approval_id}",
            Message(
                f"{name(vm.name)} was started again",
                [
                    section(
                        f"{code(vm.name)} was started again: {_line(one)} The message above asks about it."
                    )
                ],
            ),
        )
        for number, one in enumerate(approval.joined, first)
        if number < _MOST_REPLIES
    ]


def _line(start: JoinedStart) -> str:
    place = f", from {code(start.caller.ip, 60)}" if start.caller.ip else ""
    failed = " (this start failed)" if start.failed else ""
    return f"{evidence.caller(start.caller)} {when(start.at)}{place}{failed}."
