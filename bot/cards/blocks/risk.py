"""The risk of a start in words: how high it is, what it looks like, on which evidence, and what is fine.

Every sentence holds values from outside, so all of it is escaped. A sign never stands alone.
"""

from collections.abc import Sequence

from bot.cards.blocks.kit import listed
from bot.cards.blocks.text import counted, escape, when
from workers.domain.asking.approvals import Approval
from workers.domain.starts.past.history import History
from workers.domain.starts.risk import Level, Risk
from workers.domain.starts.signals.signal import Signal, Threat

_SIGNS = {Level.HIGH: "\u26a0\ufe0f ", Level.MEDIUM: "\U0001f538 ", Level.LOW: ""}
_IN_THE_LEAD = 2
_LONGEST_SENTENCE = 240
_MOST_TEXT = 2800
"""Less than Slack takes in a section."""
_MOST_FINE = 8
_MOST_UNSEEN = 5
_IN_SHORT = 3
_SERVICES = ("SSH", "RDP", "WinRM over TLS", "WinRM")
_IN_WORDS = {
    "many-vms": "many VMs at once",
    "failed-attempts": "failed attempts before",
    "rejected-before": "rejected before",
    "while-contained": "started while contained",
    "defender-alert": "open Defender alert",
    "no-mfa": "no MFA",
    "signin-elsewhere": "signed in from another address",
    "new-address": "new address",
    "doubted-address": "doubted address",
    "untrusted-address": "outside the trusted networks",
    "unknown-client": "unknown client",
    "not-owner": "not the owner",
    "never-started-this-vm": "never started this VM",
    "first-start-in-days": "first start in a long time",
    "owner-tag-changed": "owner tag just changed",
    "outside-usual-hours": "unusual hour",
    "outside-policy-hours": "outside the policy's hours",
    "application-outside-its-hours": "application outside its hours",
    "role-too-wide": "role too wide",
    "fresh-right": "right just given",
    "no-nsg": "no network security group",
    "no-backup": "no backup",
}
"""Signal's id \u2192 what the first line of a card says."""


def lead(approval: Approval) -> list[str]:
    """What the card leads with: the level, the threat in words, and the two strongest sentences."""
    risk = approval.risk
    if risk is None:
        return []
    if risk.threat is None:
        found = "Nothing unusual was found" if risk.settled else "Nothing unusual was found so far"
        return [f"*{words(risk)}.* {found}."]
    so_far = "" if risk.settled else ", as far as is known"
    return [
        f"{_SIGNS[risk.level]}*{words(risk)}: {risk.threat}*{so_far}.",
        *(_bullet(one) for one in risk.signals[:_IN_THE_LEAD]),
    ]


def in_short(approval: Approval) -> str:
    """The strongest signals in a few words: ``No MFA \u00b7 SSH open to the Internet``; empty without any."""
    risk = approval.risk
    if risk is None or not risk.signals:
        return ""
    said = list(dict.fromkeys(_short(one) for one in risk.signals))[:_IN_SHORT]
    line = " \u00b7 ".join(said)
    return f"*{line[:1].upper()}{line[1:]}*"


def _short(one: Signal) -> str:
    """Words of ours alone: of a sentence, which holds values from outside, only a known service is said."""
    if one.id == "management-port-open":
        service = next((name for name in _SERVICES if f"VM's {name} " in one.sentence), "management port")
        return f"{service} open to the Internet"
    return _IN_WORDS.get(one.id) or escape(one.id, 40)  # a newer version may know more of them


def words(risk: Risk) -> str:
    """``High risk``."""
    return f"{risk.level.capitalize()} risk"


def worth_saying(approval: Approval) -> str:
    """``High risk`` for where there is little room; empty for a low one."""
    risk = approval.risk
    return words(risk) if risk is not None and risk.level is not Level.LOW else ""


def evidence(approval: Approval) -> str:
    """All signals by threat, each threat with its level; empty if there are none."""
    risk = approval.risk
    if risk is None or not risk.signals:
        return ""
    lines: list[str] = []
    left = 0
    for threat in sorted(Threat, key=lambda one: _weight(risk, one), reverse=True):
        signals = [one for one in risk.signals if one.threat is threat]
        if not signals:
            continue
        level = risk.by_threat.get(threat, Level.LOW)
        lines.append(f"*{threat.capitalize()}: {level}*")
        for one in signals:
            bullet = _bullet(one)
            if sum(map(len, lines)) + len(bullet) > _MOST_TEXT:
                left += 1
            else:
                lines.append(bullet)
    if left:
        lines.append(f"and {counted(left, 'more sign')}")
    return "\n".join(lines)


def fine(approval: Approval) -> str:
    """What was looked at and is harmless, and what nobody told; empty if there is nothing of either."""
    risk = approval.risk
    if risk is None:
        return ""
    parts = []
    if risk.harmless:
        parts.append(f"Looked at and fine: {_listed(risk.harmless, _MOST_FINE)}.")
    if risk.untold:
        parts.append(f"Azure does not tell {_listed(risk.untold, _MOST_UNSEEN)}.")
    if risk.unseen:
        unseen = tuple(dict.fromkeys(risk.unseen.values()))
        parts.append(f"Not looked at yet: {_listed(unseen, _MOST_UNSEEN)}.")
    return " ".join(parts)


def before(history: History | None) -> str:
    """What is remembered of the VM, as a field; empty if nothing is."""
    if history is None or not history.vm_starts:
        return ""
    by = f", {history.by_caller} by this caller" if history.caller_known else ""
    lines = [
        f"*Before*\nStarted {counted(history.vm_starts, 'time')} on {counted(history.vm_days, 'day')}{by}"
    ]
    if history.vm_last_at is not None:
        lines.append(f"Last {when(history.vm_last_at)}")
    if history.usual_answerer:
        lines.append(f"Usually answered by {escape(history.usual_answerer, 80)}")
    return "\n".join(lines)


def _bullet(one: Signal) -> str:
    text = f"{one.sentence[:1].upper()}{one.sentence[1:]}"
    return f"\u2022 {escape(text, _LONGEST_SENTENCE)}."


def _listed(parts: Sequence[str], most: int) -> str:
    return listed([escape(part, 120) for part in parts], most, "thing", between="; ")


def _weight(risk: Risk, threat: Threat) -> int:
    return sum(one.weight for one in risk.signals if one.threat is threat)
