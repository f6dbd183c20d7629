"""What the card says of a VM's protection, of its cost, and of what its caller did before."""

from datetime import timedelta
from typing import Any

import pytest

from bot.cards.blocks.card import approval_card
from bot.cards.blocks.text import when
from tests import builders as b
from workers.domain.asking.approvals import Approval
from workers.domain.asking.cards import CopyKind
from workers.domain.starts.facts import BackupFacts, Cost, GrantFact, GrantKind, LockFact
from workers.domain.starts.past.history import History

AGO = b.NOW - timedelta(hours=30)
LOCK = f"/subscriptions/{b.SUBSCRIPTION}/providers/Microsoft.Authorization/locks/keep"
GRANT = f"/subscriptions/{b.SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments/1"


def card(approval: Approval) -> str:
    return str(approval_card(approval, None, kind=CopyKind.OWNER).blocks)


def machine(**changes: Any) -> Approval:
    known = b.facts().machine
    assert known is not None
    return b.approval(facts=b.facts(machine=known.changed(**changes)))


@pytest.mark.parametrize(
    ("backup", "said"),
    [
        (BackupFacts(), "No backup in Azure Backup"),
        (BackupFacts(protected=True), "Backed up, last recovery point unknown"),
        (BackupFacts(protected=True, recovery_point_at=AGO), f"Backed up, last recovery point {when(AGO)}"),
        (
            BackupFacts(protected=True, state="its first backup is pending"),
            "Backed up (its first backup is pending), last recovery point unknown",
        ),
    ],
)
def test_the_card_says_how_old_the_last_recovery_point_is(backup: BackupFacts, said: str) -> None:
    assert said in card(b.approval(facts=b.facts(backup=backup)))


def test_locks_and_failed_extensions_are_named() -> None:
    locked = b.approval(facts=b.facts(locks=(LockFact(id=LOCK, level="ReadOnly"),)))
    assert "Locks: keep (ReadOnly on the subscription)" in card(locked)
    assert "Failed extensions: `agent`" in card(machine(failed_extensions=("agent",)))
    assert "extensions" not in card(machine(failed_extensions=()))


def test_a_price_is_called_an_estimate() -> None:
    cost = Cost(usd_per_hour=0.192, as_of="2024-12-01", region="East US")
    assert "About $0.19 an hour (estimate)" in card(machine(cost=cost))
    assert "an hour" not in card(machine(cost=None))


def test_a_right_is_named_where_the_event_does_not_tell_it() -> None:
    grant = GrantFact(id=GRANT, role="Contributor", kind=GrantKind.STARTS, granted_at=AGO)
    event = b.start_event(access=None)
    said = card(b.approval(event=event, facts=b.facts(grants=(grant,))))
    assert f"the caller has the role *Contributor* on the whole subscription, given {when(AGO)}" in said
    assert "*Allowed by*\\nUnknown" in card(b.approval(event=event))


def test_the_callers_last_address_and_client_are_said() -> None:
    history = History(
        caller_known=True,
        caller_last_at=AGO,
        caller_last_network="198.51.100.0/24",
        caller_last_client=b.AZURE_CLI,
    )
    assert f"Last start from `198.51.100.0/24` with Azure CLI {when(AGO)}" in card(
        b.approval(history=history)
    )
    assert "Last start" not in card(b.approval(history=History()))
