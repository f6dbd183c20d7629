"""How an operation stands, by what Azure answers about it: asked through the real client."""

import asyncio
import json
from typing import Any

import pytest

from deploy.sandbox.azure.failures import Failure
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.faults import Fault
from tests.contract.arm.driver import Driver, machine, stopping
from workers.arm.session.clients import Azure
from workers.arm.session.longrunning import OperationState, Outcome, operation_status
from workers.domain.errors import DependencyAway, StepFailed

BAD_ENDS = ["Failed", "Canceled", "Cancelled", "TimedOut"]


async def begun(arm: AzureServer, azure: Azure, **plan: Any) -> Driver:
    """A deallocation that Azure has accepted; ``plan`` says how it ends."""
    if plan:
        arm.failures.put(Failure(operation="deallocate", **plan))
    driver = stopping(arm, azure, "db-01")
    await driver.act()
    await asyncio.sleep(0.01)
    return driver


async def ask(azure: Azure, driver: Driver) -> OperationState:
    url = json.loads(driver.step.token)["operation"]
    return await operation_status(azure, url, "deallocate the VM db-01")


@pytest.mark.parametrize("ends", BAD_ENDS)
async def test_an_operation_that_ended_badly_has_failed_in_any_spelling(
    arm: AzureServer, azure: Azure, ends: str
) -> None:
    driver = await begun(arm, azure, ends=ends)
    operation = arm.operations.running_on(driver.vm.resource_id)
    assert operation is None, "it has ended"

    states = [await ask(azure, driver) for _ in range(2)]

    assert [state.outcome for state in states] == [Outcome.RUNNING, Outcome.FAILED]
    assert states[1].code
    assert states[1].message != "Azure gives no reason"
    with pytest.raises(StepFailed, match="Azure could not stop it") as failed:
        await driver.check()
    assert failed.value.code == states[1].code


@pytest.mark.parametrize("ends", BAD_ENDS)
async def test_its_status_stands_for_an_error_that_azure_does_not_give(
    arm: AzureServer, azure: Azure, ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = await begun(arm, azure, ends=ends)
    for operation in arm.operations._all.values():
        monkeypatch.setattr(operation, "failure", None)

    _, state = [await ask(azure, driver) for _ in range(2)]

    assert (state.outcome, state.code) == (Outcome.FAILED, ends.capitalize())
    assert state.message == "Azure gives no reason"


async def test_one_that_ended_well_has_succeeded(arm: AzureServer, azure: Azure) -> None:
    driver = await begun(arm, azure)

    states = [await ask(azure, driver) for _ in range(2)]

    assert [state.outcome for state in states] == [Outcome.RUNNING, Outcome.SUCCEEDED]
    assert machine(arm, "db-01").power == "deallocated"


async def test_one_that_never_ends_is_under_way_however_often_it_is_asked_about(
    arm: AzureServer, azure: Azure
) -> None:
    driver = await begun(arm, azure, ends="never")

    assert {(await ask(azure, driver)).outcome for _ in range(5)} == {Outcome.RUNNING}


async def test_one_that_azure_no_longer_knows_is_gone(arm: AzureServer, azure: Azure) -> None:
    driver = await begun(arm, azure)
    arm.operations.clear()

    assert (await ask(azure, driver)).outcome is Outcome.GONE


async def test_when_azure_does_not_answer_nothing_is_concluded(arm: AzureServer, azure: Azure) -> None:
    driver = await begun(arm, azure)
    arm.faults.put(Fault(path="/operations/", status=429, retry_after_s=17))

    with pytest.raises(DependencyAway) as away:
        await ask(azure, driver)

    assert away.value.retry_after_s == 17
