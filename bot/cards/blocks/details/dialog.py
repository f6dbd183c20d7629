"""The card's button Details, and what it opens: signals, facts, history, and links to the Azure portal."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from bot.cards.blocks.details.facts import paragraphs
from bot.cards.blocks.evidence import place
from bot.cards.blocks.joined import button_value
from bot.cards.blocks.kit import ACCESSIBILITY, BUTTON, SECTION, modal, section
from bot.cards.blocks.message import Block
from bot.cards.blocks.text import code, counted, escape, plain, plain_name, when
from workers.domain.asking.approvals import Approval
from workers.domain.starts.risk import Level, Risk
from workers.domain.starts.signals.signal import Threat
from workers.domain.starts.vm import VmRef

DETAILS = "approval.details"
MOST_BLOCKS = 100
"""In a dialog. Source: https://docs.slack.dev/reference/block-kit/blocks"""


def details_button(approval: Approval) -> Block:
    """Opens the dialog; anybody who sees the card may press it."""
    verb = "Show details of the start of"
    return {
        "type": "button",
        "action_id": DETAILS,
        "text": plain("Details", BUTTON),
        "accessibility_label": f"{verb} {plain_name(approval.event.vm.name, ACCESSIBILITY - len(verb) - 1)}",
        "value": button_value(approval),
    }


def details_dialog(approval: Approval, *, portal: str) -> dict[str, Any]:
    """Everything that is known of a start, within Slack's limits; what is left out is counted.

    Args:
        approval: the question.
        portal: the address of the portal of its cloud, without a slash at the end.
    """
    event = approval.event
    where = place(event.vm, approval.facts.subscription_name)
    blocks = [
        section(f"*{code(event.vm.name)}*, started {when(event.at)}\n{where}"),
        section(_links(event.vm, portal)),
        *(one for title, lines in _parts(approval) for one in _paragraph(title, lines)),
    ]
    if len(blocks) > MOST_BLOCKS:
        left = len(blocks) - MOST_BLOCKS + 1
        blocks = [
            *blocks[: MOST_BLOCKS - 1],
            section(f"and {counted(left, 'more part')} that do not fit here"),
        ]
    return modal("Details", blocks)


def _parts(approval: Approval) -> Iterator[tuple[str, Sequence[str]]]:
    if approval.risk is not None:
        yield from _signals(approval.risk)
    if (ahead := approval.expected) is not None:
        span = f"from {when(ahead.begin)} to {when(ahead.end)}"
        yield "Expected", [f"By {escape(ahead.by, 100)} {span}: {escape(ahead.reason, 300)}"]
    yield from paragraphs(approval)


def _signals(risk: Risk) -> Iterator[tuple[str, Sequence[str]]]:
    """Each threat with its level and signals; then what was found harmless, and what is not known."""
    for threat in Threat:
        found = [one for one in risk.signals if one.threat is threat]
        if found:
            level = risk.by_threat.get(threat, Level.LOW)
            lines = [f"\u2022 {escape(_capital(one.sentence), 500)} (weighs {one.weight})" for one in found]
            yield f"{threat.capitalize()}: {level}", lines
    yield "Looked at and fine", [f"\u2022 {escape(_capital(one), 300)}" for one in risk.harmless]
    yield (
        "Not looked at yet",
        [f"\u2022 {escape(_capital(one), 300)}" for one in dict.fromkeys(risk.unseen.values())],
    )
    yield "Azure does not tell", [f"\u2022 {escape(_capital(one), 300)}" for one in risk.untold]


def _paragraph(title: str, lines: Sequence[str]) -> list[Block]:
    """One section; none without lines. What does not fit is counted."""
    lines = [line for line in lines if line]
    if not lines:
        return []
    shown = f"*{title}*"
    for n, line in enumerate(lines):
        rest = f"\nand {counted(len(lines) - n, 'more line')} that do not fit here"
        if len(shown) + len(line) + 1 + len(rest) > SECTION:
            return [section(shown + rest)]
        shown += f"\n{line}"
    return [section(shown)]


def _links(vm: VmRef, portal: str) -> str:
    """Ids are hostile text: percent-encoded, nothing in them ends the link."""
    at = f"{portal}/#resource{quote(vm.resource_id, safe='/')}"
    return f"<{at}/overview|The VM in the Azure portal> \u00b7 <{at}/eventlogs|Its activity log>"


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
