"""A subscription that Azure throttles is left alone for as long as Azure said; others are read."""

import asyncio

import pytest

from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.faults import Fault
from tests.contract.arm.driver import ref, sent
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.domain.errors import DependencyAway

BUDGET_S = PATIENCE_S


async def test_a_subscription_that_is_throttled_is_asked_nothing_until_its_time_and_others_are(
    arm: AzureServer, azure: Azure
) -> None:
    reader = ArmFacts(azure)
    here, elsewhere = ref(arm, "web-01"), ref(arm, "lab-gpu")
    assert here.subscription_id != elsewhere.subscription_id
    fault = Fault(path="/virtualMachines/web-01", status=429, retry_after_s=4, times=1)
    arm.faults.put(fault)

    with pytest.raises(DependencyAway) as first:
        await reader.gather(here, budget_s=BUDGET_S)
    reads = len(sent(arm, "GET"))
    with pytest.raises(DependencyAway) as second:
        await reader.gather(ref(arm, "db-01"), budget_s=BUDGET_S)

    assert len(sent(arm, "GET")) == reads, "nothing more was asked there"
    assert first.value.scope == second.value.scope == here.subscription_id.lower()
    assert 0 < (second.value.retry_after_s or 0) <= 4
    assert (await reader.gather(elsewhere, budget_s=BUDGET_S)).machine is not None
    await asyncio.sleep(4.1)
    assert (await reader.gather(here, budget_s=BUDGET_S)).machine is not None
