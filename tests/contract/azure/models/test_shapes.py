"""What holds bodies against models finds each kind of fault, in what is sent and in what is only answered."""

import copy
from collections.abc import Callable
from typing import Any

import azure.mgmt.recoveryservicesbackup.models as backup_models
import azure.mgmt.recoveryservicesbackup.types as backup_types
import pytest

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
