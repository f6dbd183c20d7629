"""Somebody else asks for a VM that is contained already, with other exceptions."""

from datetime import timedelta

import pytest

from tests import builders as a
from workers.domain.containment.containment import CauseKind, Containment, ContainmentState, StepState
from workers.domain.containment.demands import demanded
from workers.domain.containment.patience import Overdue, overdue
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import AllowRule, IsolateOptions, LockdownProfile

BASTION = AllowRule(name="bastion", source="10.0.9.0/26", ports=("22",))
SCANNER = AllowRule(name="scanner", source="10.0.8.0/28", ports=("443",))


def _profile(*allow: AllowRule) -> LockdownProfile:
    return LockdownProfile(
        steps=(StepName.ISOLATE, StepName.STOP), isolate=IsolateOptions(allow=tuple(allow))
    )


def _standing(*allow: AllowRule) -> Containment:
    return a.containment(
        state=ContainmentState.CONTAINED,
        profile=_profile(*allow),
        steps=tuple(a.step(name=name, state=StepState.DONE) for name in (StepName.ISOLATE, StepName.STOP)),
        verified_at=a.NOW,
    )


def test_a_stricter_demand_takes_exceptions_away_and_isolates_again() -> None:
    order = a.cause(kind=CauseKind.LOCKDOWN, by=a.oncall(), approval_id=None)

    tightened = demanded(_standing(BASTION, SCANNER), order, _profile(SCANNER))

    assert tightened.profile.isolate.allow == (SCANNER,)
    assert tightened.state is ContainmentState.RUNNING
    assert tightened.step(StepName.ISOLATE).state is StepState.TODO
    assert tightened.step(StepName.STOP).state is StepState.DONE
    assert tightened.verified_at is None


def test_a_laxer_demand_loosens_nothing() -> None:
    order = a.cause(kind=CauseKind.LOCKDOWN, by=a.oncall(), approval_id=None)
    standing = _standing(SCANNER)

    assert demanded(standing, order, _profile(SCANNER, BASTION)) == standing


def test_silence_takes_no_exception_away() -> None:
    silence = a.cause(kind=CauseKind.SILENCE, by=None)
    standing = _standing(BASTION)

    assert demanded(standing, silence, _profile()) == standing


NSG = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-sec/providers"
    "/Microsoft.Network/networkSecurityGroups/quarantine"
)
ORDER = a.cause(kind=CauseKind.LOCKDOWN, by=a.oncall(), approval_id=None)


def _governed(*allow: AllowRule) -> LockdownProfile:
    mine = _profile(*allow)
    isolate = mine.isolate.changed(nsg=NSG)
    return mine.changed(isolate=isolate, tags={"cost-centre": "4711"}, resource_group="rg-sec")


def test_after_a_refusal_the_next_order_takes_the_way_that_the_profile_names_by_then() -> None:
    isolate = a.step(name=StepName.ISOLATE, state=StepState.FAILED)
    refused = _standing(BASTION).with_step(isolate).changed(state=ContainmentState.INCOMPLETE)

    again = demanded(refused, ORDER, _governed(BASTION))

    assert again.step(StepName.ISOLATE).state is StepState.TODO
    assert again.profile.isolate.nsg == NSG
    assert again.profile.tags == {"cost-centre": "4711"}
    assert again.profile.resource_group == "rg-sec"


def test_a_vm_that_is_isolated_keeps_its_nsg_whatever_the_profile_names_by_then() -> None:
    assert demanded(_standing(BASTION), ORDER, _governed(BASTION)) == _standing(BASTION)


def test_with_exceptions_that_go_the_nsg_of_the_stricter_profile_is_taken() -> None:
    assert demanded(_standing(BASTION), ORDER, _governed()).profile.isolate.nsg == NSG


@pytest.mark.parametrize("state", [StepState.DONE, StepState.FAILED])
def test_isolating_again_has_all_its_time_and_all_its_attempts(state: StepState) -> None:
    """The first isolation was long ago: measured from then, the second would be given up as it begins."""
    standing = _standing(BASTION)
    isolate = a.step(
        name=StepName.ISOLATE,
        state=state,
        attempt=7,
        redone=3,
        token="t-1",
        look_at=a.NOW,
        paged_at=a.NOW,
        note="of the first time",
    )
    hours_later = a.NOW + timedelta(hours=3)
    order = a.cause(kind=CauseKind.LOCKDOWN, by=a.oncall(), approval_id=None, at=hours_later)

    tightened = demanded(standing.with_step(isolate), order, _profile())

    again = tightened.step(StepName.ISOLATE)
    assert again == a.step(name=StepName.ISOLATE).changed(change=isolate.change)
    begun = tightened.with_step(again.begun(hours_later))
    assert begun.step(StepName.ISOLATE).attempt == 1
    assert overdue(begun, hours_later, begun.profile, hours_later) == Overdue()


def test_what_is_under_way_takes_the_stricter_rules_at_its_next_look() -> None:
    under_way = a.step(name=StepName.ISOLATE, state=StepState.STARTED, token="t-1")
    order = a.cause(kind=CauseKind.LOCKDOWN, by=a.oncall(), approval_id=None)
    running = _standing(BASTION).changed(state=ContainmentState.RUNNING).with_step(under_way)

    assert demanded(running, order, _profile()).step(StepName.ISOLATE) == under_way
