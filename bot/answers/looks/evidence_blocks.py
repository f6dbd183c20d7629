"""What whoever presses Evidence is told: how it stands, what the file is, and how to verify it."""

from bot.cards.blocks.answers import private
from bot.cards.blocks.message import Message
from bot.cards.blocks.status import cause_line, progress
from bot.cards.blocks.text import code, escape, name
from workers.domain.containment.containment import Containment
from workers.domain.ids import reference
from workers.domain.ports.evidence import EvidenceFile

_LONGEST_COMMAND = 300


def by_command(containment: Containment, *, why: str = "") -> Message:
    """What is on record, and the commands that give all of it; ``why`` says that it can't be had in Slack."""
    short = reference(containment.cards[0] if containment.cards else containment.id)
    commands = (
        f"The whole record in one file, with its proof: {code(f'startgate evidence {short}')}. An operator"
        f" can run it. Line by line: {code(f'startgate audit show {short}')}."
    )
    lines = [
        f"{code(containment.vm.name)}: {cause_line(containment)}",
        progress(containment),
        *([escape(why, 300)] if why else []),
        commands,
    ]
    return private(f"Evidence about {name(containment.vm.name)}", "\n".join(lines))


def on_its_way(containment: Containment, made: EvidenceFile) -> Message:
    """Where the file is."""
    vm = containment.vm.name
    text = (
        f"{code(vm)}: {cause_line(containment)}\n{progress(containment)}\nThe whole record is in"
        f" {code(made.name)}, in your messages with Startgate. Nobody else gets it, and the audit says that"
        " you have."
    )
    return private(f"Evidence about {name(vm)}", text)


def summary(containment: Containment, made: EvidenceFile) -> str:
    """Beside the file: what it is, its digests, and how to verify it. As mrkdwn."""
    verify = f"startgate evidence --verify {made.name} --sha256 {made.manifest_sha256}"
    return (
        f"*Evidence about {code(containment.vm.name)}*: start, facts and plan, every change in Azure with its"
        " answer, what Slack shows, and the audit with the proof of its chain.\n"
        f"SHA-256 of the file: {code(made.sha256)}\n"
        f"To verify it: {code(verify, _LONGEST_COMMAND)}. README.txt in it says how to do that without"
        " Startgate."
    )
