"""What the presser of Retry is told."""

from collections.abc import Sequence

from bot.cards.blocks.answers import private
from bot.cards.blocks.message import Message
from bot.cards.blocks.status import STEPS, and_list, progress
from bot.cards.blocks.text import code, name
from workers.domain.containment.containment import Containment
from workers.domain.containment.spec import StepName


def retrying(containment: Containment, steps: Sequence[StepName]) -> Message:
    """These steps are tried again."""
    vm = containment.vm.name
    titles = and_list([f"*{STEPS[step].title}*" for step in steps])
    return private(f"Retrying on {name(vm)}", f"Retrying on {code(vm)}: {titles}. {progress(containment)}")


def nothing_to_retry(containment: Containment) -> Message:
    """Nothing is failed now: it went well meanwhile, or it is being undone."""
    vm = containment.vm.name
    return private(
        f"Nothing to retry on {name(vm)}", f"Nothing has failed on {code(vm)} now. {progress(containment)}"
    )
