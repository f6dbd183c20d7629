"""What whoever answers in words is told, in private."""

from collections.abc import Sequence

from bot.cards.blocks import risk
from bot.cards.blocks.card import buttons
from bot.cards.blocks.kit import listed, section
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import code, name
from workers.domain.asking.approvals import Approval

_MOST_NAMED = 5


def please_reject(approval: Approval) -> Message:
    """A *no* is no rejection yet: its button shows what it will do."""
    vm = approval.event.vm.name
    text = (
        f"You say that the start of {code(vm)} was not expected. Press *Reject* to see what happens then, and"
        " to reject it. Nothing was recorded yet."
    )
    return Message(f"Reject the start of {name(vm)}?", [section(text), buttons(approval, only_reject=True)])


def please_confirm(approval: Approval) -> Message:
    """A *yes* in words counts at low risk only."""
    vm = approval.event.vm.name
    said = risk.worth_saying(approval) or "Risk not known"
    text = (
        f"*{said}.* You say that the start of {code(vm)} was expected. At this risk it takes the button."
        " Nothing was recorded yet."
    )
    return Message(f"Confirm the start of {name(vm)}?", [section(text), buttons(approval)])


def not_understood(approval: Approval) -> Message:
    """One line on how to answer."""
    vm = approval.event.vm.name
    text = (
        f"I record only clear answers about {code(vm)}. Reply `yes, that was me` or `no`, or press a button"
        " on the card."
    )
    return Message(f"How to answer about {name(vm)}", [section(text)])


def not_in_words(approval: Approval) -> Message:
    """The same for somebody who may only reject."""
    vm = approval.event.vm.name
    return Message(
        f"How to answer about {name(vm)}",
        [section(f"You can reject the start of {code(vm)}: reply `no`, or press *Reject* on the card.")],
    )


def which_one(questions: Sequence[Approval]) -> Message:
    """Several questions are open, so nobody can tell which one is meant."""
    vms = listed([code(one.event.vm.name) for one in questions], _MOST_NAMED, "VM")
    text = (
        f"{len(questions)} questions are open here: {vms}. Reply in the thread of the one you mean, or press"
        " its buttons. Nothing was recorded."
    )
    return Message("Which start do you mean?", [section(text)])
