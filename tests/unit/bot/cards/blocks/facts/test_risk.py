"""What a card says of risk: it leads with it, and lists every sign and what is fine."""

from datetime import timedelta
from typing import Any

import pytest

from bot.cards.blocks.card import CONFIRM, NOT_MINE, REJECT, approval_card, top_line
from deploy.sandbox.slack.blockkit import check_blocks
from tests import builders as b
from tests.unit.bot.cards.blocks.test_card import everything, headline
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.starts.facts import BackupFacts, NetworkFacts
from workers.domain.starts.past.history import History
from workers.domain.starts.risk import Level, Risk

MALLORY = b.caller(name="Mallory", email="mallory@contoso.com", mfa=False, ip="192.0.2.66")
SAFE = b.facts(network=NetworkFacts(), backup=BackupFacts(protected=True))


def approval(caller: Any = MALLORY, *, past: History | None = None, **changes: Any) -> Approval:
    """As the product opens it."""
    event, facts = b.start_event(caller=caller), changes.get("facts", b.facts())
    insight = b.insight(event, facts, past=past or History(caller_known=True), line=changes.pop("line", None))
    return b.approval(
        event=event,
        risk=insight.risk,
        level=insight.risk.level,
        history=insight.history,
        owner=insight.asked,
        **changes,
    )


def shown(asked: Approval, kind: CopyKind = CopyKind.OWNER, reader: str = "") -> Any:
    message = approval_card(asked, None, kind=kind, reader=reader)
    assert check_blocks(message.blocks, "message") == []
    return message


def lead(message: Any) -> list[str]:
    lines: list[str] = message.blocks[1]["text"]["text"].splitlines()
    return lines


def test_a_card_leads_with_the_level_the_threat_and_the_two_strongest_sentences() -> None:
    shortly, first, second, third, fourth = lead(shown(approval()))
    assert shortly == "*Signed in from another address \u00b7 no MFA \u00b7 not the owner*"
    assert first == "\u26a0\ufe0f *High risk: unauthorized access*."
    elsewhere = "The request came from 192.0.2.66, but the sign-in from 203.0.113.7"
    assert second == f"\u2022 {elsewhere}: the token may be in other hands."
    assert third == "\u2022 “Mallory” signed in without a second factor (MFA)."
    assert fourth.startswith("*Mallory* (user, mallory@contoso.com) started `vm-web-01`")


def test_the_evidence_lists_every_sign_by_threat_and_what_is_fine() -> None:
    text = everything(shown(approval()))
    for said in (
        "*Unauthorized access: medium*",
        "“Mallory” is not the owner of this VM; its tag names “alice@contoso.com”.",
        "*Malicious activity: low*",
        "*Misconfiguration: low*\n\u2022 The Internet reaches this VM's SSH (port 22) by rule “allow-ssh”.",
        "This VM has no backup in Azure Backup.",
        "Looked at and fine: ",
        "the client is Azure CLI",
    ):
        assert said in text


@pytest.mark.parametrize("level", Level)
def test_the_level_is_said_in_words_and_never_by_a_sign_alone(level: Level) -> None:
    found = approval()
    assert found.risk is not None
    risk = found.risk.changed(level=level, highest=level)
    first = lead(shown(found.changed(risk=risk)))[1]
    assert f"*{level.capitalize()} risk: unauthorized access*" in first


def test_where_nothing_is_unusual_the_card_says_so() -> None:
    calm = shown(approval(b.caller(), facts=SAFE))
    assert lead(calm)[0] == "*Low risk.* Nothing unusual was found."
    assert "Misconfiguration" not in everything(calm)


def test_what_is_not_known_yet_is_not_called_harmless() -> None:
    early = approval(b.caller(mfa=None), facts=b.facts(machine=None, network=None, backup=None))
    message = shown(early)
    assert lead(message)[0] == "*Low risk.* Nothing unusual was found so far."
    assert "Azure does not tell whether a second factor was used." in everything(message)
    assert "Not looked at yet: the VM's owner; " in everything(message)


def test_a_decided_card_keeps_the_evidence_and_leads_with_the_outcome() -> None:
    message = shown(approval(state=ApprovalState.CONFIRMED))
    assert lead(message)[0].startswith("Confirmed by")
    assert "*Unauthorized access: medium*" in everything(message)


def test_a_notification_tells_a_medium_and_a_high_risk() -> None:
    assert top_line(approval(), None, kind=CopyKind.OWNER).startswith("High risk: Mallory started vm-web-01")
    assert "risk" not in top_line(approval(b.caller()), None, kind=CopyKind.OWNER)


def test_at_medium_risk_slack_asks_once_more_with_the_risk_and_at_high_risk_a_dialog_does() -> None:
    medium = approval(b.caller(mfa=False))
    assert medium.risk is not None
    assert medium.risk.level is Level.MEDIUM
    (confirm, *_) = shown(medium).blocks[-1]["elements"]
    assert confirm["confirm"]["text"]["text"].startswith("Medium risk. ")
    (confirm, *_) = shown(approval()).blocks[-1]["elements"]
    assert "confirm" not in confirm


def test_who_started_it_at_high_risk_gets_no_button_to_confirm_it() -> None:
    own = shown(approval(), reader="Mallory@contoso.com")
    assert [button["action_id"] for button in own.blocks[-1]["elements"]] == [REJECT]
    assert "Your account started this VM, at high risk, so somebody else has to confirm it." in everything(
        own
    )
    other = shown(approval(), reader="alice@contoso.com")
    assert [button["action_id"] for button in other.blocks[-1]["elements"]] == [CONFIRM, REJECT, NOT_MINE]


def test_what_was_before_is_a_field() -> None:
    past = History(
        caller_known=True,
        vm_starts=12,
        vm_days=9,
        by_caller=1,
        vm_last_at=b.NOW - timedelta(days=1),
        usual_answerer="Alice *Example*",
        usual_answers=8,
    )
    text = everything(shown(approval(past=past)))
    assert "*Before*\nStarted 12 times on 9 days, 1 by this caller\nLast <!date^" in text
    assert "Usually answered by Alice \u2217Example\u2217" in text
    assert "*Before*" not in everything(shown(approval()))


def test_a_former_owner_is_told_why_they_are_asked() -> None:
    line = b.known_vm(tags={"owner": "bob@contoso.com"})
    asked = approval(line=line)
    text = everything(shown(asked))
    assert "names you, or did so until it was changed." in text
    assert "The owner tag of this VM names “alice@contoso.com” since " in text
    assert "before, it named “bob@contoso.com”." in text


def test_a_question_of_an_earlier_version_says_nothing_of_risk() -> None:
    plain = b.approval()
    assert "isk" not in everything(shown(plain))
    assert headline(shown(plain)) == headline(shown(approval(b.caller())))


def test_very_many_signs_are_cut_and_counted() -> None:
    found = approval()
    assert found.risk is not None
    crowd = tuple(
        one.changed(sentence=f"{n} {'x' * 500}") for n in range(13) for one in found.risk.signals[:3]
    )
    text = everything(shown(found.changed(risk=Risk(signals=crowd, level=Level.HIGH))))
    assert "more signs" in text
