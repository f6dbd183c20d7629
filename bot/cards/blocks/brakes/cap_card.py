"""The one message that asks on-call whether containments beyond the cap go on."""

from bot.cards.blocks.kit import ACCESSIBILITY, BUTTON, header, listed, section
from bot.cards.blocks.message import Block, Message
from bot.cards.blocks.status import person
from bot.cards.blocks.text import calling, code, counted, plain, when
from workers.domain.containment.brakes.cap import CapAsked

GO_ON, HOLD = "cap.go_on", "cap.hold"
_MOST_NAMED = 20


def cap_card(asked: CapAsked, oncall_mention: str) -> Message:
    """Calls on-call: what waits and why, what happens if nobody answers, and two buttons; or the answer.

    Args:
        asked: the question.
        oncall_mention: mrkdwn made by ``mention`` or ``mention_group``; it may be empty.
    """
    count = len(asked.waiting)
    title = f"{counted(count, 'containment')} waiting" if count else "No containment is waiting"
    head = (
        f"{calling(oncall_mention)}*more than {asked.most} containments within an hour.* The next ones wait"
        " until you say so. Is this an attack, or are the wrong VMs being contained?"
    )
    lines = [head]
    if asked.waiting:
        names = [code(one.vm) for one in asked.waiting]
        lines.append(f"Waiting: {listed(names, _MOST_NAMED, 'VM')}.")
    lines.append(_answer(asked) or "Without an answer, each goes on once the hour has room for it again.")
    blocks = [header(f"\u270b {title}"), section("\n".join(lines))]
    if asked.waiting and not asked.released:
        blocks.append(_buttons(asked))
    return Message(title, blocks)


def _answer(asked: CapAsked) -> str:
    answer = asked.answer
    if answer is None:
        return ""
    by = f"{person(answer.by)} {when(answer.at)}"
    if answer.go_on:
        return f"*{counted(answer.count, 'containment')} went on*, by {by}."
    return (
        f"*Held back* by {by}, until {when(answer.until)}. Then you are asked again." if answer.until else ""
    )


def _buttons(asked: CapAsked) -> Block:
    """The value says which question it is, and up to which containment it shows: an answer covers those."""
    value = f"{asked.number}:{asked.highest}"
    count = counted(len(asked.waiting), "containment")
    return {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": GO_ON,
                "text": plain("Go on with these", BUTTON),
                "accessibility_label": f"Go on with {count}"[:ACCESSIBILITY],
                "style": "danger",
                "value": value,
            },
            {
                "type": "button",
                "action_id": HOLD,
                "text": plain("Hold", BUTTON),
                "accessibility_label": f"Hold back {count}"[:ACCESSIBILITY],
                "value": value,
            },
        ],
    }


def from_button(value: str) -> tuple[int, int]:
    """The number of the question, and the highest of the containments that it showed; zeros for no value."""
    number, _, shown = value.partition(":")
    if not (number.isdecimal() and shown.isdecimal()) or len(value) > 20:  # noqa: PLR2004 - digits
        return 0, 0
    return int(number), int(shown)
