"""Somebody's read-only lock is an obstacle that is named, with the remedy; ours is none."""

import pytest

from tests import builders as a
from workers.domain.containment.locks.others import obstacles_of, our_lock_id
from workers.domain.starts.facts import LockFact

VM = a.vm_ref()
GROUP = VM.resource_id.partition("/providers/")[0]
SUBSCRIPTION = f"/subscriptions/{VM.subscription_id}"


def lock(scope: str, name: str = "freeze", level: str = "ReadOnly") -> LockFact:
    return LockFact(id=f"{scope}/providers/Microsoft.Authorization/locks/{name}", level=level)


@pytest.mark.parametrize(
    ("scope", "place"),
    [
        (VM.resource_id, VM.name),
        (GROUP.upper(), f"the resource group {VM.resource_group.upper()}"),
        (SUBSCRIPTION, "the subscription"),
    ],
)
def test_a_read_only_lock_at_or_above_the_vm_is_named_with_its_place(scope: str, place: str) -> None:
    (said,) = obstacles_of(a.facts(locks=(lock(scope),)), VM)
    assert said.startswith(f"the read-only lock freeze on {place} is not ours, so it stays")
    assert "until somebody removes it (in the Azure portal, under Locks)" in said


@pytest.mark.parametrize(
    "found",
    [
        LockFact(id=our_lock_id(VM).upper(), level="ReadOnly"),
        lock(VM.resource_id, level="CanNotDelete"),
        lock(f"{VM.resource_id}-2"),
        lock(f"{GROUP}-2"),
    ],
)
def test_ours_one_against_deletion_and_one_elsewhere_are_none(found: LockFact) -> None:
    assert obstacles_of(a.facts(locks=(found,)), VM) == ()


def test_what_is_not_known_is_no_obstacle() -> None:
    assert obstacles_of(a.facts(locks=None), VM) == ()


def test_a_long_name_is_cut() -> None:
    (said,) = obstacles_of(a.facts(locks=(lock(GROUP, "x" * 260),)), VM)
    assert len(said) < 400
