"""VMs are listed subscription by subscription, and health hears whether Azure answers."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import ApprovalState
from workers.domain.errors import DependencyAway
from workers.domain.ports.azure.vm_lister import Listing
from workers.domain.starts.vm import PowerState
from workers.telemetry.health import Health
from workers.use_cases.sweeps.starts.inventory import TakeInventory
from workers.use_cases.sweeps.starts.reconcile import SETTLED_AFTER, Reconcile

WEB = a.vm_ref()
OLD = a.known_vm(ref=a.vm_ref(name="deleted-since"))


class Azure:
    """What Azure lists, in order; an error is raised when its turn comes."""

    def __init__(self, *answers: Listing | Exception) -> None:
        self.answers = answers
        self.asked_at: list[datetime] = []

    async def __call__(self, now: datetime) -> AsyncIterator[Listing]:
        self.asked_at.append(now)
        for answer in self.answers:
            if isinstance(answer, Exception):
                raise answer
            yield answer


def sweep(rig: Rig, health: Health, azure: Azure) -> TakeInventory:
    reconcile = Reconcile(store=rig.store, nudger=rig.nudger, facts=rig.facts, clock=rig.clock)
    return TakeInventory(
        list_vms=azure,
        inventory=rig.inventory,
        reconcile=reconcile,
        health=health,
        clock=rig.clock,
        period_s=300,
    )


async def test_what_is_listed_is_known_and_what_is_no_longer_listed_goes(rig: Rig) -> None:
    await rig.inventory.put([OLD])
    azure = Azure(Listing(WEB.subscription_id, [a.known_vm(ref=WEB)]))
    await sweep(rig, Health("azure"), azure)()
    assert [vm.ref.name for vm in await rig.inventory.of(WEB.subscription_id)] == [WEB.name]
    assert azure.asked_at == [rig.clock.now()]


async def test_a_question_about_a_vm_that_is_off_is_withdrawn(rig: Rig) -> None:
    approval = await rig.asked()
    machine = a.facts().machine
    assert machine is not None
    rig.facts.answer = a.facts(machine=machine.changed(power=PowerState.DEALLOCATED))
    rig.clock.advance(SETTLED_AFTER + timedelta(seconds=1))
    listed = a.known_vm(ref=approval.event.vm, power=PowerState.DEALLOCATED)
    await sweep(rig, Health("azure"), Azure(Listing(WEB.subscription_id, [listed])))()
    assert (await rig.store.approval(approval.id)).state is ApprovalState.WITHDRAWN


async def test_health_hears_that_azure_answers_with_the_first_subscription(rig: Rig) -> None:
    health = Health("azure")
    seen: list[str] = []

    class Watched(Azure):
        async def __call__(self, now: datetime) -> AsyncIterator[Listing]:
            async for answer in super().__call__(now):
                yield answer
                seen.append(health.as_json()["dependencies"]["azure"]["state"])

    await sweep(rig, health, Watched(Listing("s-1", []), Listing("s-2", [])))()
    assert seen == ["ok", "ok"]


async def test_an_azure_that_is_away_is_told_to_health_and_the_run_failed(rig: Rig) -> None:
    health = Health("azure")
    with pytest.raises(DependencyAway):
        await sweep(rig, health, Azure(DependencyAway("azure", "throttled", retry_after_s=17)))()
    assert health.as_json()["dependencies"]["azure"]["state"] == "throttled"


CLASSIC = a.vm_ref(name="legacy-01", classic=True)


async def test_a_list_of_classic_vms_that_fails_leaves_the_known_ones_and_is_told_to_health(rig: Rig) -> None:
    health = Health("azure")
    await rig.inventory.put([OLD, a.known_vm(ref=CLASSIC)])
    listing = Listing(WEB.subscription_id, [a.known_vm(ref=WEB)], classics_unread="classic VMs: refused")
    taking = sweep(rig, health, Azure(listing))
    health.expect_sweep(taking.name, taking.period_s)
    await taking()
    assert [vm.ref.name for vm in await rig.inventory.of(WEB.subscription_id)] == ["legacy-01", WEB.name]
    assert health.as_json()["sweeps"]["inventory"]["last_error"] == "classic VMs: refused"


async def test_a_list_of_vms_that_fails_leaves_the_known_ones_and_withdraws_no_question(rig: Rig) -> None:
    health = Health("azure")
    approval = await rig.asked()
    rig.facts.answer = a.facts(gone=True)
    rig.clock.advance(SETTLED_AFTER + timedelta(seconds=1))
    await rig.inventory.put([a.known_vm(ref=WEB)])
    listing = Listing(WEB.subscription_id, [a.known_vm(ref=CLASSIC)], unread="VMs: refused")
    taking = sweep(rig, health, Azure(listing))
    health.expect_sweep(taking.name, taking.period_s)
    await taking()
    assert [vm.ref.name for vm in await rig.inventory.of(WEB.subscription_id)] == ["legacy-01", WEB.name]
    assert (await rig.store.approval(approval.id)).state is ApprovalState.PENDING
