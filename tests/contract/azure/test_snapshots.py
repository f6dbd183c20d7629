"""The Azure stand-in, asked by the real SDK client: what it refuses about snapshots, and what disks tell."""

import asyncio
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.model import DISK
from tests.contract.azure.rig import DEVELOPMENT, PRODUCTION, Cloud, refused

SOURCE = arm_id(PRODUCTION, "rg-shop", DISK, "web-01_OsDisk_1")
OTHER = arm_id(PRODUCTION, "rg-shop", DISK, "web-02_OsDisk_1")


async def take(
    cloud: Cloud, name: str = "s", *, source: str = SOURCE, location: str = "westeurope", **given: Any
) -> Any:
    properties = {
        "creationData": {"createOption": "Copy", "sourceResourceId": source},
        "incremental": True,
        **given,
    }
    body = {"location": location, "properties": properties}
    poller = await cloud.compute.snapshots.begin_create_or_update("rg-shop", name, body)
    return await poller.result()


async def test_a_name_that_exists_is_answered_and_not_taken_again(cloud: Cloud) -> None:
    first = await take(cloud)
    again = await take(cloud)

    assert (again.time_created, again.unique_id) == (first.time_created, first.unique_id)


async def test_a_name_of_another_source_is_refused(cloud: Cloud) -> None:
    await take(cloud)

    with pytest.raises(HttpResponseError, match="Changing property 'sourceResourceId'") as error:
        await take(cloud, source=OTHER)

    assert refused(error) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"location": "northeurope"}, "InvalidParameter"),
        ({"networkAccessPolicy": "DenyAll", "diskAccessId": "/x"}, "ConflictingUserInput"),
        ({"networkAccessPolicy": "AllowPrivate"}, "InvalidParameter"),
    ],
)
async def test_what_does_not_fit_is_refused(cloud: Cloud, given: dict[str, Any], code: str) -> None:
    with pytest.raises(HttpResponseError) as error:
        await take(cloud, **given)

    assert refused(error) == (400, code)


async def test_a_disk_that_is_being_deleted_has_no_more_snapshots(cloud: Cloud) -> None:
    cloud.server.estate.get(SOURCE).properties["provisioningState"] = "Deleting"

    with pytest.raises(HttpResponseError, match="is being deleted") as error:
        await take(cloud)

    assert refused(error) == (409, "OperationNotAllowed")


async def test_an_incremental_snapshot_stays_in_the_subscription_of_its_disk(cloud: Cloud) -> None:
    body = {
        "location": "westeurope",
        "properties": {
            "creationData": {"createOption": "Copy", "sourceResourceId": SOURCE},
            "incremental": True,
        },
    }
    path = arm_id(DEVELOPMENT, "rg-build", "Microsoft.Compute/snapshots", "s")

    status, answer = await cloud.ask("PUT", f"{path}?api-version=1", body)

    assert (status, answer["error"]["code"]) == (400, "BadRequest")


@pytest.mark.parametrize("sku", ["UltraSSD_LRS", "PremiumV2_LRS"])
async def test_some_disks_have_incremental_snapshots_only(cloud: Cloud, sku: str) -> None:
    cloud.server.estate.get(SOURCE).extra["sku"] = {"name": sku}

    with pytest.raises(HttpResponseError) as error:
        await take(cloud, incremental=False)

    assert refused(error) == (400, "BadRequest")
    assert (await take(cloud)).incremental


async def test_a_disk_tells_when_its_vm_was_last_started_or_deallocated(cloud: Cloud) -> None:
    async def held() -> tuple[str, Any]:
        disk = await cloud.compute.disks.get("rg-shop", "web-01_OsDisk_1")
        properties = disk.as_dict()["properties"]
        return properties["diskState"], properties["LastOwnershipUpdateTime"]

    seen = [await held()]
    for begin in ("begin_start", "begin_power_off", "begin_deallocate", "begin_deallocate"):
        await (await getattr(cloud.compute.virtual_machines, begin)("rg-shop", "web-01")).result()
        await asyncio.sleep(0.001)
        seen.append(await held())

    assert [state for state, _ in seen] == ["Reserved", "Attached", "Attached", "Reserved", "Reserved"]
    times = [at for _, at in seen]
    assert times[0] < times[1] == times[2] < times[3] == times[4]
