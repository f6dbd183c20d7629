"""A Home as blocks, within Slack's hundred of a view."""

from collections.abc import Sequence
from typing import Any

from bot.cards.blocks.brakes.paused import pause_line
from bot.cards.blocks.kit import context, header, listed, section
from bot.cards.blocks.message import Block
from bot.cards.blocks.overview.rows import contained_row, question_blocks
from bot.cards.blocks.overview.vm_status import start_line
from bot.cards.blocks.text import code, counted, escape, mention, when
from bot.commands.command import Command
from bot.home.content import HomeContent, OwnStart
from workers.domain.asking.approvals import Approval
from workers.domain.asking.delegations import Delegation
from workers.domain.starts.people import Actor

MOST_BLOCKS = 100
"""Of a view: https://docs.slack.dev/reference/views."""
_MOST_MINE = 10
_MOST_OPEN = 15
_MOST_CONTAINED = 15
_MOST_STARTS = 5
_MOST_DELEGATIONS = 10


def home_view(
    content: HomeContent, actor: Actor, commands: Sequence[Command], *, trouble: str = ""
) -> dict[str, Any]:
    """The Home of this person.

    Args:
        content: what it is about.
        actor: whose Home it is.
        commands: all of them; those that this person may use are listed.
        trouble: what is not well with Startgate, as a sentence; empty if all is.
    """
    paused = [section(pause_line(content.pause))] if content.pause.on(content.now) else []
    mine = {one.id for one in content.mine}
    blocks = [
        *paused,
        *_title("Waiting for you", content.mine, "Nothing waits for you."),
        *_questions(content.mine[:_MOST_MINE], actor, content),
        *context([_more(len(content.mine) - _MOST_MINE, "/vm-approvals mine"), escape(content.doubt, 300)]),
        *(_oncall(content, actor, mine, trouble) if actor.on_call else []),
        *_starts(content.starts),
        *_delegations(content.delegations, actor),
        header("What you can do"),
        section("\n".join(_command(one) for one in commands if one.may(actor).allowed)),
    ]
    return {"type": "home", "blocks": blocks[:MOST_BLOCKS]}


def barred_view(why: str) -> dict[str, Any]:
    """For somebody who does not count here."""
    return {"type": "home", "blocks": [section(escape(why, 1000) or "There is nothing for you here.")]}


def _oncall(content: HomeContent, actor: Actor, mine: set[str], trouble: str) -> list[Block]:
    others = [one for one in content.open or () if one.id not in mine]
    contained = content.contained or ()
    health = f"\u26a0\ufe0f {escape(trouble, 500)}" if trouble else "\u2705 Startgate is well."
    return [
        header("On call"),
        *context([health]),
        *_title("Open questions", others, "No other question is open."),
        *_questions(others[:_MOST_OPEN], actor, content),
        *context([_more(len(others) - _MOST_OPEN, "/vm-approvals open")]),
        section(f"*{counted(len(contained), 'VM')} contained*" if contained else "*No VM is contained.*"),
        *(section(contained_row(one, content.now)) for one in contained[:_MOST_CONTAINED]),
        *context([_more(len(contained) - _MOST_CONTAINED, "/vm-approvals contained")]),
    ]


def _title(title: str, questions: Sequence[Approval], none: str) -> list[Block]:
    return [section(f"*{title}: {len(questions)}*" if questions else f"*{title}*\n{none}")]


def _questions(questions: Sequence[Approval], actor: Actor, content: HomeContent) -> list[Block]:
    mine, stead = {one.id for one in content.mine}, content.in_stead_of
    return [
        block
        for one in questions
        for block in question_blocks(
            one, actor, content.now, may=one.id in mine, in_stead_of=stead.get(one.id)
        )
    ]


def _starts(starts: Sequence[OwnStart]) -> list[Block]:
    if not starts:
        return []
    lines = (section(f"{code(own.vm.name)}\n{start_line(own.start)}") for own in starts[:_MOST_STARTS])
    return [header("Your VMs, lately"), *lines]


def _delegations(found: Sequence[Delegation], actor: Actor) -> list[Block]:
    if not found:
        return []
    lines = [
        f"\u2022 {mention(one.to)} answers in your stead until {when(one.until)}"
        if one.giver == actor.slack_user
        else f"\u2022 You answer in the stead of {mention(one.giver)} until {when(one.until)}"
        for one in found
    ]
    return [header("Delegations"), section(listed(lines, _MOST_DELEGATIONS, "delegation", between="\n"))]


def _command(command: Command) -> str:
    return f"{code(command.typed, 200)}: {command.summary}."


def _more(left: int, command: str) -> str:
    return f"{left} more: {code(command)}" if left > 0 else ""
