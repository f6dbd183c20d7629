"""What a card says of why somebody is asked: a tag names them, or the policy does."""

import pytest

from tests import builders as b
from tests.unit.bot.cards.blocks.test_card import card, everything
from workers.domain.asking.cards import CopyKind


@pytest.mark.parametrize(
    ("by_policy", "of"),
    [
        ("resource group rg-x", "resource group `rg-x` by policy"),
        ("tag team=web", "tag `team=web` by policy"),
        ("resource group rg-x in subscription 1-2", "resource group rg-x in subscription 1-2 by policy"),
        ("every VM without another owner", "every VM without another owner by policy"),
    ],
)
def test_whom_the_policy_names_is_told_for_what(by_policy: str, of: str) -> None:
    approval = b.approval(owner=b.owner(by_policy=by_policy, source=f"policy, for {by_policy}"))
    assert f"Asking you as the owner of {of}." in everything(card(approval))
    assert f"Owner of {of}." in everything(card(approval, kind=CopyKind.CHANNEL))


def test_a_hostile_tag_value_is_text() -> None:
    approval = b.approval(owner=b.owner(by_policy="tag team=<!here> *x*", source="policy"))
    assert "<!here>" not in everything(card(approval))
