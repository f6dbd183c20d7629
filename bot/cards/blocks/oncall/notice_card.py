"""What on-call is told that is about no single VM: messages put aside, and a policy file that is refused."""

from bot.cards.blocks.kit import header, listed, section
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import calling, code, counted, escape
from workers.domain.asking.notices.dead_letters import DeadLetterNotice
from workers.domain.policy.model import in_short
from workers.domain.policy.notice import PolicyNotice

_MOST_REASONS = 8
_MOST_FINDINGS = 10


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


def policy_notice_card(notice: PolicyNotice, oncall_mention: str) -> Message:
    """Calls on-call: a new policy file is refused and why; or, without a call, that it is good again.

    Args:
        notice: what is told.
        oncall_mention: mrkdwn made by ``mention`` or ``mention_group``; it may be empty.
    """
    old = code(in_short(notice.in_force))
    if not notice.problem:
        title = "The policy file is good again"
        body = f"Policy {old} is in force."
        return Message(title, [header(f"\u2705 {title}"), section(body)])
    title = "The new policy file is refused"
    findings = [f"\u2022 {escape(line, 220)}" for line in notice.problem.splitlines() if line.strip()]
    head = (
        f"{calling(oncall_mention)}The policy file was changed and has errors. The policy before it,"
        f" {old}, stays in force."
    )
    lines = [
        head,
        listed(findings, _MOST_FINDINGS, "line", between="\n"),
        f"Mend the file; {code('startgate policy check FILE')} checks it. It is read again by itself.",
        "Don't restart a process before: it would not start with this file.",
    ]
    return Message(title, [header(f"\u26a0\ufe0f {title}"), section("\n".join(lines))])
