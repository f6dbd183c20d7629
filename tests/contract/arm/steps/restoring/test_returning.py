"""What a restore would find, against the Azure stand-in: drift is named, and nothing is written."""

from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.model import NSG
from deploy.sandbox.azure.network.nsg import nsg_resource
from deploy.sandbox.azure.server import AzureServer
from tests import builders as a
from tests.contract.arm.driver import Driver, isolating, machine, ref, stopping
from workers.arm.session.clients import Azure
from workers.arm.steps.returning import ArmReturns
from workers.arm.steps.standing import ArmStanding
from workers.domain.containment.containment import Containment, ContainmentState, StepState
from workers.domain.containment.foresight.returns import Return
from workers.domain.containment.spec import StepName


async def contained(arm: AzureServer, name: str, *drivers: Driver) -> Containment:
    steps = []
    for driver in drivers:
        await driver.contain()
        steps.append(driver.step.changed(state=StepState.DONE))
    return a.containment(
        vm=ref(arm, name), state=ContainmentState.CONTAINED, steps=tuple(steps), profile=drivers[0].profile
    )


async def returns(azure: Azure, containment: Containment) -> dict[StepName, Return]:
    found = await ArmReturns(azure, ArmStanding(azure)).read(containment)
    return {one.step: one for one in found}


async def web_01(arm: AzureServer, azure: Azure) -> Containment:
    machine(arm, "web-01").power = "running"
    return await contained(arm, "web-01", isolating(arm, azure, "web-01"), stopping(arm, azure, "web-01"))


def put_nsg(arm: AzureServer, vm: str, name: str | None) -> None:
    """Somebody puts another group on the VM's first NIC."""
    nic = arm.estate.get(machine(arm, vm).nic_ids()[0])
    if name is None:
        nic.properties.pop("networkSecurityGroup", None)
        return
    group_id = arm_id(nic.subscription, nic.group, NSG, name)
    arm.estate.add(nsg_resource(group_id, nic.location, []))
    nic.properties["networkSecurityGroup"] = {"id": group_id}


async def test_what_is_now_and_what_it_goes_back_to(arm: AzureServer, azure: Azure) -> None:
    found = await returns(azure, await web_01(arm, azure))
    (line,) = found[StepName.ISOLATE].lines
    assert line.startswith("web-01-nic: NSG startgate-lockdown-standard-westeurope-")
    assert line.endswith(" now \u2192 web-01-nsg")
    assert found[StepName.STOP].lines == ("web-01: deallocated now \u2192 back to running, if you start it",)
    assert [one.drift for one in found.values()] == [(), ()]


async def test_another_group_on_a_nic_is_somebodys_and_is_left(arm: AzureServer, azure: Azure) -> None:
    containment = await web_01(arm, azure)
    put_nsg(arm, "web-01", "mine")
    isolate = (await returns(azure, containment))[StepName.ISOLATE]
    assert isolate.drift == ("web-01-nic: has NSG mine since somebody changed it; left as it is",)
    put_nsg(arm, "web-01", None)
    isolate = (await returns(azure, containment))[StepName.ISOLATE]
    assert isolate.drift == ("web-01-nic: has no NSG since somebody changed it; left as it is",)


async def test_a_former_group_that_was_deleted_is_said(arm: AzureServer, azure: Azure) -> None:
    containment = await web_01(arm, azure)
    (former,) = [one for one in arm.estate.of(NSG) if one.name == "web-01-nsg"]
    arm.estate.remove(former.id)
    isolate = (await returns(azure, containment))[StepName.ISOLATE]
    assert isolate.drift == ("web-01-nic: NSG web-01-nsg, which it had, was deleted; you choose another one",)


async def test_a_vm_that_somebody_started_is_said(arm: AzureServer, azure: Azure) -> None:
    containment = await web_01(arm, azure)
    machine(arm, "web-01").power = "running"
    stop = (await returns(azure, containment))[StepName.STOP]
    assert stop.drift == ("the VM was started since: it is running, and is left so",)


async def test_a_nic_that_was_attached_or_deleted_since_is_said(arm: AzureServer, azure: Azure) -> None:
    containment = await web_01(arm, azure)
    web, other = machine(arm, "web-01"), machine(arm, "web-02").nic_ids()[0]
    web.properties["networkProfile"]["networkInterfaces"].append({"id": other})
    arm.estate.remove(web.nic_ids()[0])
    isolate = (await returns(azure, containment))[StepName.ISOLATE]
    assert isolate.drift == (
        "web-01-nic: no longer exists",
        "web-02-nic: attached since, with NSG web-02-nsg; left as it is",
    )


async def test_a_classic_vm_is_told_by_what_was_recorded_and_what_drifted(
    arm: AzureServer, azure: Azure
) -> None:
    machine(arm, "legacy-01").power = "running"
    containment = await contained(arm, "legacy-01", stopping(arm, azure, "legacy-01"))
    assert (await returns(azure, containment))[StepName.STOP].lines != ()


async def test_looking_writes_nothing(arm: AzureServer, azure: Azure) -> None:
    containment = await web_01(arm, azure)
    before = len(list(arm.record.since(0, "request")))
    await returns(azure, containment)
    later = [entry.data["method"] for entry in arm.record.since(0, "request")][before:]
    assert set(later) == {"GET"}
