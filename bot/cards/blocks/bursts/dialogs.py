"""The dialogs of a burst: one rejection of all, and the list in which to decide one by one."""

import re
from typing import Any

from bot.cards.blocks.bursts.card import line
from bot.cards.blocks.inputs import reason_input
from bot.cards.blocks.kit import BUTTON, OPTION, modal, section
from bot.cards.blocks.message import Block
from bot.cards.blocks.text import counted, plain, plain_name
from workers.domain.asking.bursts import Member
from workers.domain.asking.cards import Card
from workers.domain.asking.decisions import Answer

REJECT_THEM = "burst.rejected"
DECIDE_LISTED = "burst.decided"
PAGE = "burst.page"
PAGES = re.compile(r"burst\.page\..*")
CHOSEN, ANSWER = "chosen", "answer"
PER_PAGE = 20
_ID = 26


def reject_all_dialog(card: Card, shown: int, waiting: int) -> dict[str, Any]:
    """Asks for the reason of a rejection of all that wait among the first ``shown``."""
    does = (
        f"Rejecting contains {counted(waiting, 'VM')} *immediately*, each as its policy says. On-call can"
        " undo it for each VM."
    )
    view = modal(
        "Reject these starts",
        [
            section(does),
            reason_input("Why didn't you expect these starts?", hint="On-call reads this first."),
        ],
        callback_id=REJECT_THEM,
        submit="Reject and contain",
        close="Back",
    )
    return {**view, "private_metadata": f"{card.id}:{shown}"}


def list_dialog(card: Card, page: int) -> dict[str, Any]:
    """One page of the list, with those that wait to choose from."""
    last = max(0, (len(card.members) - 1) // PER_PAGE)
    page = min(max(page, 0), last)
    shown = card.members[page * PER_PAGE : (page + 1) * PER_PAGE]
    waiting = [one for one in shown if one.open]
    blocks: list[Block] = [
        section(f"*{counted(len(card.members), 'start')}*, page {page + 1} of {last + 1}"),
        section("\n".join(map(line, shown))),
        *_pages(card, page, last),
    ]
    if not waiting:
        return {**modal("One by one", blocks), "private_metadata": f"{card.id}:{page}"}
    view = modal(
        "One by one",
        [
            *blocks,
            _choice(waiting),
            _answer(),
            {**reason_input("Reason", hint="Needed to reject."), "optional": True},
        ],
        callback_id=DECIDE_LISTED,
        submit="Record",
    )
    return {**view, "private_metadata": f"{card.id}:{page}"}


def _pages(card: Card, page: int, last: int) -> list[Block]:
    to = [("Previous", page - 1), ("Next", page + 1)]
    buttons = [
        {
            "type": "button",
            "action_id": f"{PAGE}.{words.lower()}",
            "text": plain(words, BUTTON),
            "value": f"{card.id}:{number}",
        }
        for words, number in to
        if 0 <= number <= last
    ]
    return [{"type": "actions", "elements": buttons}] if buttons else []


def _choice(waiting: list[Member]) -> Block:
    return {
        "type": "input",
        "block_id": CHOSEN,
        "label": plain("VMs", 2000),
        "element": {
            "type": "multi_static_select",
            "action_id": CHOSEN,
            "placeholder": plain("Choose VMs", 150),
            "options": [
                {
                    "text": plain(plain_name(one.vm, OPTION), OPTION),
                    "description": plain(plain_name(one.group, OPTION), OPTION),
                    "value": f"{one.approval_id}:{one.starts}",
                }
                for one in waiting
            ],
        },
    }


def _answer() -> Block:
    options = {Answer.CONFIRM: "Confirm: expected", Answer.REJECT: "Reject, and contain them"}
    return {
        "type": "input",
        "block_id": ANSWER,
        "label": plain("Answer", 2000),
        "element": {
            "type": "radio_buttons",
            "action_id": ANSWER,
            "options": [
                {"text": plain(words, OPTION), "value": str(answer)} for answer, words in options.items()
            ],
        },
    }


def chosen(view: dict[str, Any]) -> tuple[dict[str, int], Answer]:
    """What somebody chose: question id → how many of its starts they were shown, and the answer."""
    values = view["state"]["values"]
    options = values[CHOSEN][CHOSEN]["selected_options"]
    starts: dict[str, int] = {}
    for option in options:
        approval_id, _, count = str(option["value"]).partition(":")
        if len(approval_id) == _ID and count.isdecimal():
            starts[approval_id] = int(count)
    return starts, Answer(values[ANSWER][ANSWER]["selected_option"]["value"])
