"""What Defender for Cloud has open, as the card's evidence shows it."""

import pytest

from bot.cards.blocks.card import approval_card
from bot.cards.blocks.details.facts import paragraphs
from bot.cards.blocks.evidence import fields
from tests import builders as b
from workers.domain.asking.cards import CopyKind
from workers.domain.starts.defender import DefenderFacts, Recommendation, SecurityAlert, Severity
from workers.domain.starts.facts import MissingFact

HIGH = Severity.HIGH
FOUND = DefenderFacts(
    read_at=b.NOW,
    subscription_plan="P2",
    alerts=(SecurityAlert(name="Malware <!channel>", severity=HIGH, at=b.NOW),),
    alert_count=3,
    recommendations=(
        Recommendation(name="Encrypt the disks", severity=HIGH, remedy="Turn on encryption at host."),
        Recommendation(name="Patch it", severity=Severity.LOW),
        Recommendation(name="Third"),
    ),
    recommendation_count=7,
)


def shown(found: DefenderFacts | None) -> str:
    texts = fields(b.approval(facts=b.facts(defender=found)))
    return next((text for text in texts if text.startswith("*Defender for Cloud*")), "")


def test_alerts_come_first_then_recommendations_with_their_remedies() -> None:
    lines = shown(FOUND).splitlines()
    assert lines[1].startswith("\u26a0\ufe0f *Alert, high severity:* Malware ")
    assert "<!channel>" not in lines[1]
    assert lines[2:5] == [
        "and 2 more open alerts",
        "7 open recommendations, such as:",
        "\u2022 Encrypt the disks (high): Turn on encryption at host.",
    ]
    assert lines[6] == "The subscription has Defender for Servers Plan 2"
    assert lines[7].startswith("As of <!date^")
    assert "Third" not in shown(FOUND)


def test_no_alert_is_only_said_where_defender_would_tell_of_one() -> None:
    assert "No open alert" in shown(DefenderFacts(subscription_plan=""))
    assert "Defender for Servers is off in the subscription" in shown(DefenderFacts(subscription_plan=""))
    unknown = shown(DefenderFacts())
    assert "No open alert" not in unknown
    assert "not in use, or we may not read it" in unknown


@pytest.mark.parametrize(
    ("plans", "said"),
    [
        (("P2", "P1", True), "Defender for Servers Plan 1, set on this VM (its subscription: Plan 2)"),
        (("", "P1", True), "Defender for Servers Plan 1, set on this VM (its subscription: off)"),
        (("P2", "", True), "Defender for Servers is off, set on this VM (its subscription: Plan 2)"),
        (("P2", "P2", False), "Defender for Servers Plan 2, from the subscription"),
        (("", "", False), "Defender for Servers is off, as in the subscription"),
    ],
)
def test_the_plan_of_the_vm_itself_is_said_and_where_it_was_set(
    plans: tuple[str, str, bool], said: str
) -> None:
    above, own, is_own = plans
    found = DefenderFacts(subscription_plan=above, vm_plan=own, vm_plan_own=is_own)

    assert shown(found).splitlines()[-1] == said
    assert said in str(list(paragraphs(b.approval(facts=b.facts(defender=found)))))


def test_without_the_fact_there_is_no_field_and_the_card_says_why() -> None:
    assert shown(None) == ""
    missing = b.facts(missing=(MissingFact(name="Defender", reason="no answer within 2 s"),))
    card = approval_card(b.approval(facts=missing), None, kind=CopyKind.OWNER)
    assert "Unknown: Defender (no answer within 2 s)." in str(card.blocks)
