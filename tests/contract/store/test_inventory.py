"""What every inventory promises."""

import asyncio

from tests import builders as a
from tests.contract.store.rig import VM
from workers.domain.ports.inventory import Inventory


class TestInventory:
    async def test_vms_are_told_by_name(self, inventory: Inventory) -> None:
        vms = [a.known_vm(ref=a.vm_ref(name=name)) for name in ("vm-B", "vm-a", "vm-c")]
        await inventory.put(vms)
        assert [vm.ref.name for vm in await inventory.all()] == ["vm-a", "vm-B", "vm-c"]

    async def test_a_vm_is_noted_without_waiting(self, inventory: Inventory) -> None:
        await inventory.put([a.known_vm(), a.known_vm(ref=a.vm_ref(name="other"))])
        inventory.note(a.known_vm(location="northeurope"))
        await asyncio.sleep(0.1)
        assert {vm.ref.name: vm.location for vm in await inventory.all()} == {
            a.known_vm().ref.name: "northeurope",
            "other": a.known_vm().location,
        }

    async def test_a_vm_is_renewed_whatever_the_spelling_of_its_id(self, inventory: Inventory) -> None:
        await inventory.put([a.known_vm()])
        upper = VM.changed(resource_id=VM.resource_id.upper())
        await inventory.put([a.known_vm(ref=upper, location="northeurope")])
        assert [vm.location for vm in await inventory.all()] == ["northeurope"]

    async def test_a_whole_subscription_forgets_what_is_not_in_it_and_leaves_others_alone(
        self, inventory: Inventory
    ) -> None:
        elsewhere = a.known_vm(ref=a.vm_ref(subscription="99999999-2222-3333-4444-555555555555", name="z"))
        gone, kept, new = (a.known_vm(ref=a.vm_ref(name=name)) for name in ("gone", "kept", "new"))
        await inventory.put([elsewhere, gone, kept])
        await inventory.put([kept, new], whole_subscription=a.SUBSCRIPTION.upper())
        assert [vm.ref.name for vm in await inventory.all()] == ["kept", "new", "z"]

    async def test_an_empty_subscription_is_emptied(self, inventory: Inventory) -> None:
        await inventory.put([a.known_vm()])
        await inventory.put([], whole_subscription=a.SUBSCRIPTION)
        assert list(await inventory.all()) == []

    async def test_nothing_put_changes_nothing(self, inventory: Inventory) -> None:
        await inventory.put([a.known_vm()])
        await inventory.put([])
        assert len(await inventory.all()) == 1
