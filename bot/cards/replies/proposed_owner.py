"""Somebody said whose VM it is: on-call is shown the command that would put it into the owner tag."""

import shlex

from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.status import person
from bot.cards.blocks.text import code, name
from workers.domain.asking.approvals import Approval
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import VmRef

_LONGEST = 1500


def proposed_owner(approval: Approval) -> list[Reply]:
    """For the threads that on-call reads, one for each person who was named. Nothing is written by itself."""
    vm = approval.event.vm
    return [
        Reply(
            f"owner.{one.to.slack_user}",
            Message(f"Whose is {name(vm.name)}?", [section(_proposal(vm, one.by, one.to, one.tag))]),
        )
        for one in approval.passed
        if one.to is not None and one.tag
    ]


def tag_command(vm: VmRef, tag: str, value: str) -> str:
    """Sets one tag of the VM, and keeps the others.

    Source: https://learn.microsoft.com/cli/azure/tag#az-tag-update
    """
    words = ["az", "tag", "update", "--resource-id", vm.resource_id, "--operation", "Merge"]
    return shlex.join([*words, "--tags", f"{tag}={value}"])


def _proposal(vm: VmRef, by: Actor, to: Actor, tag: str) -> str:
    said = f"{person(by)} says that {code(vm.name)} is not theirs, and names {person(to)}."
    return f"{said} {tag_proposal(vm, tag, to)}"


def tag_proposal(vm: VmRef, tag: str, to: Actor) -> str:
    """How on-call can put this person into the owner tag of a VM, as mrkdwn."""
    command = tag_command(vm, tag, to.email or to.slack_user)
    return (
        f"If that is so, on-call can put it into the tag {code(tag)}:\n{code(command, _LONGEST)}\n"
        "Nothing was changed."
    )
