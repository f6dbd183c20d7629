"""Whoever may not is refused, and each refusal is in the audit: of an answer, a lockdown and a restore."""

import ast
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests import builders as a
from tests.unit.use_cases.containment.restore_rig import PROFILE, VM, RestoreRig
from workers.domain.errors import NotAllowed
from workers.domain.ids import PARTITIONS, partition_of_id, partition_of_vm

MALLORY = a.actor(slack_user="U0MALLORY", name="Mallory", email="mallory@evil.example")
LONG = "x" * 5000
USE_CASES = Path(__file__).parents[3] / "workers" / "use_cases"


async def of_an_answer(rig: RestoreRig) -> tuple[str, str]:
    approval = await rig.asked()
    with pytest.raises(NotAllowed, match=r"^Only .* can confirm"):
        await rig.decide(a.Answer.CONFIRM, approval.id, MALLORY)
    return "decision.refused", approval.id


async def of_a_lockdown(rig: RestoreRig) -> tuple[str, str]:
    with pytest.raises(NotAllowed, match="Only on-call"):
        await rig.lock_down.may(MALLORY, wanted=LONG)
    return "lockdown.refused", ""


async def of_a_restore(rig: RestoreRig) -> tuple[str, str]:
    held = await rig.contained()
    with pytest.raises(NotAllowed, match="Only on-call"):
        await rig.restore(held.id, MALLORY, shown=held.demand)
    return "restore.refused", held.id


async def of_a_restore_of_nothing_known(rig: RestoreRig) -> tuple[str, str]:
    with pytest.raises(NotAllowed, match="Only on-call"):
        await rig.restore.may(MALLORY, wanted=LONG)
    return "restore.refused", ""


@pytest.mark.parametrize(
    "refused", [of_an_answer, of_a_lockdown, of_a_restore, of_a_restore_of_nothing_known]
)
async def test_a_refusal_is_in_the_audit_once_with_who_and_why(
    refused: Callable[[RestoreRig], Awaitable[tuple[str, str]]],
) -> None:
    rig = RestoreRig()
    kind, about = await refused(rig)
    found = []
    partition = partition_of_id(about) if about else partition_of_vm(MALLORY.slack_user)
    for number in range(PARTITIONS):
        records = [r for r in await rig.store.audit(number) if r.kind.endswith(".refused")]
        assert not records or number == partition
        found += records
    (record,) = found
    assert (record.kind, record.about, record.by) == (kind, about, MALLORY.label)
    assert record.vm == (VM.key if about else "")
    assert "Only" in record.details["reason"]
    assert all(len(text) <= 500 for text in record.details.values())


async def test_who_may_is_not_refused_and_leaves_no_such_record() -> None:
    rig = RestoreRig()
    await rig.lock_down(VM, a.oncall(), PROFILE)
    assert not [kind for kind in await rig.kinds() if kind.endswith(".refused")]


def test_refusing_is_written_in_one_place() -> None:
    raising = [
        path.name
        for path in sorted(USE_CASES.rglob("*.py"))
        if any(
            isinstance(node, ast.Raise) and node.exc is not None and "NotAllowed" in ast.unparse(node.exc)
            for node in ast.walk(ast.parse(path.read_text()))
        )
    ]
    assert raising == ["refuse.py"]
