"""What on-call is told that is about no single VM: messages that were put aside."""

from bot.cards.blocks.kit import header, listed, section
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import calling, code, counted, escape
from workers.domain.asking.dead_letters import DeadLetterNotice

_MOST_REASONS = 8


def notice_card(notice: DeadLetterNotice, oncall_mention: str) -> Message:
    """Calls on-call: how many are new, why they are there, and what to type.

    Args:
        notice: what is told.
        oncall_mention: mrkdwn made by ``mention`` or ``mention_group``; it may be empty.
    """
    calls = calling(oncall_mention)
    several = notice.fresh != 1
    head = (
        f"{calls}*{counted(notice.fresh, 'message')}* could not be handled and"
        f" {'were' if several else 'was'} put aside."
        " A start that is told of in there was not asked about."
    )
    least = "" if notice.counted_all else "at least "
    lines = [f"\u2022 {code(queue)}: {_reasons(reasons)}" for queue, reasons in notice.counts.items()]
    todo = (
        f"In the dead letters now: {least}{notice.total}. See them with {code('startgate dlq list')} and"
        f" {code('startgate dlq show starts')}; once the cause is mended, send them again with"
        f" {code('startgate dlq replay starts --all')}."
    )
    title = f"{counted(notice.fresh, 'message')} put aside"
    return Message(title, [header(f"\u26a0\ufe0f {title}"), section("\n".join([head, *lines, todo]))])


def _reasons(reasons: dict[str, int]) -> str:
    most_first = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return listed([f"{escape(reason, 60)} {count}" for reason, count in most_first], _MOST_REASONS, "reason")
