"""What holds bodies against models finds each kind of fault, in what is sent and in what is only answered."""

import copy
from collections.abc import Callable
from typing import Any

import azure.mgmt.recoveryservicesbackup.models as backup_models
import azure.mgmt.recoveryservicesbackup.types as backup_types
import azure.mgmt.security.v2024_01_01.models as pricing_models
import pytest

from tests.contract.azure.models.older import OlderPackage
from tests.contract.azure.models.shapes import Package

BACKUP = Package(backup_types, backup_models)
ITEM: dict[str, Any] = {
    "name": "vm;x",
    "properties": {
        "protectedItemType": "Microsoft.Compute/virtualMachines",
        "protectionState": "Protected",
        "isRehydrate": True,
        "softDeleteRetentionPeriodInDays": 14,
        "lastRecoveryPoint": "2026-01-01T00:00:00Z",
        "healthDetails": [{"code": 1, "message": "m", "recommendations": ["r"]}],
    },
}
JOB: dict[str, Any] = {
    "properties": {
        "jobType": "AzureIaaSVMJob",
        "status": "Completed",
        "duration": "PT1S",
        "extendedInfo": {"tasksList": [{"taskId": "Take Snapshot"}], "propertyBag": {"a": "b"}},
    }
}


def faults(body: dict[str, Any], model: str, change: Callable[[dict[str, Any]], Any]) -> list[str]:
    changed = copy.deepcopy(body)
    change(changed["properties"])
    return list(BACKUP.faults(changed, model))


@pytest.mark.parametrize(("body", "model"), [(ITEM, "ProtectedItemResource"), (JOB, "JobResource")])
def test_a_right_body_has_no_fault(body: dict[str, Any], model: str) -> None:
    assert list(BACKUP.faults(body, model)) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            lambda p: p.update(rehydrate=True),
            "properties.rehydrate: AzureIaaSComputeVMProtectedItem has",
        ),
        (lambda p: p.update(isRehydrate="true"), "properties.isRehydrate: 'true' instead of bool"),
        (lambda p: p.update(softDeleteRetentionPeriodInDays=True), "True instead of int"),
        (lambda p: p.update(protectionState="protected"), "'protected' is none of"),
        (lambda p: p.update(protectedItemType="VM"), "fits none of"),
        (lambda p: p.update(lastRecoveryPoint=5), "properties.lastRecoveryPoint: 5 instead of str"),
        (lambda p: p.update(healthDetails={}), "properties.healthDetails: dict instead of a list"),
        (lambda p: p["healthDetails"][0].update(kode=1), "properties.healthDetails[0].kode: "),
    ],
)
def test_each_kind_of_fault_is_found_in_what_is_sent(
    change: Callable[[dict[str, Any]], Any], fault: str
) -> None:
    (found,) = faults(ITEM, "ProtectedItemResource", change)
    assert fault in found


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda p: p.update(state="Completed"), "properties.state: AzureIaaSVMJob has no such property"),
        (lambda p: p.update(status=1), "properties.status: 1 instead of str"),
        (lambda p: p.update(duration=1), "properties.duration: 1 instead of str"),
        (lambda p: p.update(jobType="Job"), "fits none of"),
        (
            lambda p: p["extendedInfo"]["tasksList"][0].update(id="x"),
            "extendedInfo.tasksList[0].id: ",
        ),
        (lambda p: p["extendedInfo"]["propertyBag"].update(a=1), "propertyBag.a: 1 instead of str"),
    ],
)
def test_each_kind_of_fault_is_found_in_what_is_only_answered(
    change: Callable[[dict[str, Any]], Any], fault: str
) -> None:
    (found,) = faults(JOB, "JobResource", change)
    assert fault in found


PLANS = OlderPackage(pricing_models)
PLAN: dict[str, Any] = {
    "properties": {
        "pricingTier": "Standard",
        "freeTrialRemainingTime": "PT0S",
        "inheritedFrom": None,
        "extensions": [{"name": "a", "isEnabled": "True"}],
    }
}


def test_a_right_body_of_an_older_package_has_no_fault() -> None:
    assert list(PLANS.faults(PLAN, "Pricing")) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda p: p.update(tier="Free"), "properties.tier: Pricing has no such property"),
        (lambda p: p["extensions"][0].update(odd=1), "properties.extensions[0].odd: Pricing has no such"),
        (lambda p: p.update(subPlan=1), "properties.subPlan: 1 instead of str"),
        (lambda p: p.update(freeTrialRemainingTime="soon"), "Pricing does not take it"),
    ],
)
def test_each_kind_of_fault_is_found_in_an_older_package(
    change: Callable[[dict[str, Any]], Any], fault: str
) -> None:
    changed = copy.deepcopy(PLAN)
    change(changed["properties"])
    (found,) = PLANS.faults(changed, "Pricing")
    assert fault in found
