"""What every inventory promises."""

from datetime import timedelta

import pytest

from tests import builders as a
from tests.contract.store.rig import VM
from workers.domain.ports.inventory import Inventory
from workers.domain.starts.past.entries import vm_digest
from workers.domain.starts.vm import KnownVm, TagChange, VmRef

ELSEWHERE = "99999999-2222-3333-4444-555555555555"


def known(name: str, **place: str) -> KnownVm:
    return a.known_vm(ref=a.vm_ref(name=name, **place))


async def names(inventory: Inventory, subscription: str = a.SUBSCRIPTION) -> list[str]:
    return [vm.ref.name for vm in await inventory.of(subscription)]


class TestWriting:
    async def test_vms_are_told_by_name(self, inventory: Inventory) -> None:
        await inventory.put([known(name) for name in ("vm-B", "vm-a", "vm-c")])
        assert await names(inventory) == ["vm-a", "vm-B", "vm-c"]

    async def test_a_vm_is_noted_without_waiting(self, inventory: Inventory) -> None:
        await inventory.put([a.known_vm(), known("other")])
        inventory.note(a.known_vm(location="northeurope"))
        await inventory.aclose()
        assert {vm.ref.name: vm.location for vm in await inventory.of(a.SUBSCRIPTION)} == {
            a.known_vm().ref.name: "northeurope",
            "other": a.known_vm().location,
        }

    async def test_the_newest_of_several_notes_stays(self, inventory: Inventory) -> None:
        for location in ("westeurope", "northeurope", "uksouth"):
            inventory.note(a.known_vm(location=location))
        await inventory.aclose()
        assert [vm.location for vm in await inventory.of(a.SUBSCRIPTION)] == ["uksouth"]

    async def test_a_vm_is_renewed_whatever_the_spelling_of_its_id(self, inventory: Inventory) -> None:
        await inventory.put([a.known_vm()])
        upper = VmRef.parse(VM.resource_id.upper())
        await inventory.put([a.known_vm(ref=upper, location="northeurope")])
        assert [vm.location for vm in await inventory.of(a.SUBSCRIPTION)] == ["northeurope"]
        assert [vm.location for vm in await inventory.named(VM.name)] == ["northeurope"]
        assert await inventory.count() == 1

    async def test_a_listing_keeps_what_a_changed_tag_was(self, inventory: Inventory) -> None:
        hour = timedelta(hours=1)
        for hours, owner in ((30, "alice"), (3, "bob"), (2, "carol")):
            seen = a.known_vm(tags={"Owner": owner}, seen_at=a.NOW - hours * hour)
            await inventory.put([seen, known("other")], whole_subscription=a.SUBSCRIPTION)
        (line,) = await inventory.named(VM.name)
        assert line.tags == {"Owner": "carol"}
        assert line.changed_tags == {"owner": TagChange(before="alice", at=a.NOW - 2 * hour)}

    async def test_what_is_noted_is_written_as_it_is_given(self, inventory: Inventory) -> None:
        await inventory.put([a.known_vm(tags={"owner": "alice"})])
        inventory.note(a.known_vm(tags={"owner": "bob"}))
        await inventory.aclose()
        (line,) = await inventory.named(VM.name)
        assert (line.tags, line.changed_tags) == ({"owner": "bob"}, {})

    async def test_a_whole_subscription_forgets_what_is_not_in_it_and_leaves_others_alone(
        self, inventory: Inventory
    ) -> None:
        await inventory.put([known("z", subscription=ELSEWHERE), known("gone"), known("kept")])
        await inventory.put([known("kept"), known("new")], whole_subscription=a.SUBSCRIPTION.upper())
        assert await names(inventory) == ["kept", "new"]
        assert await names(inventory, ELSEWHERE) == ["z"]
        assert await inventory.named("gone") == []
        assert await inventory.containing("gone", limit=9) == []
        assert await inventory.count() == 3

    async def test_an_empty_subscription_is_emptied(self, inventory: Inventory) -> None:
        await inventory.put([a.known_vm()])
        await inventory.put([], whole_subscription=a.SUBSCRIPTION)
        assert await names(inventory) == []
        assert await inventory.count() == 0

    async def test_nothing_put_changes_nothing(self, inventory: Inventory) -> None:
        await inventory.put([a.known_vm()])
        await inventory.put([])
        assert await inventory.count() == 1

    async def test_more_vms_than_one_command_takes_are_all_there_and_go_again(
        self, inventory: Inventory
    ) -> None:
        await inventory.put([known(f"vm-{n:04}") for n in range(1234)])
        assert await names(inventory) == [f"vm-{n:04}" for n in range(1234)]
        assert len(await inventory.containing("vm-", limit=2000)) == 1234
        await inventory.put([known("vm-0007")], whole_subscription=a.SUBSCRIPTION)
        assert await names(inventory) == ["vm-0007"]
        assert await inventory.count() == 1


class TestFinding:
    @pytest.fixture
    async def inventory(self, inventory: Inventory) -> Inventory:
        vms = [
            known("vm-web-01"),
            known("vm-web-01", group="rg-test"),
            known("VM-Web-02", subscription=ELSEWHERE),
            known("vm-web-010"),
            known("db", group="rg-web-data"),
        ]
        await inventory.put(vms)
        return inventory

    @pytest.mark.parametrize("name", ["vm-web-01", "VM-WEB-01"])
    async def test_a_name_finds_exactly_its_namesakes(self, inventory: Inventory, name: str) -> None:
        found = await inventory.named(name)
        assert [(vm.ref.name, vm.ref.resource_group) for vm in found] == [
            ("vm-web-01", "rg-test"),
            ("vm-web-01", "rg-web"),
        ]

    async def test_a_group_tells_namesakes_apart(self, inventory: Inventory) -> None:
        assert [vm.ref.resource_group for vm in await inventory.named("vm-web-01", group="RG-Test")] == [
            "rg-test"
        ]
        assert await inventory.named("vm-web-01", group="rg") == []
        assert await inventory.named("vm-web-01", group="rg-none") == []

    async def test_part_of_a_name_finds_by_name_and_only_by_that(self, inventory: Inventory) -> None:
        found = await inventory.containing("WEB", limit=10)
        assert [vm.ref.name for vm in found] == ["vm-web-01", "vm-web-01", "vm-web-010", "VM-Web-02"]

    async def test_no_more_than_the_limit_are_found_the_first_by_name(self, inventory: Inventory) -> None:
        assert [vm.ref.name for vm in await inventory.containing("vm", limit=2)] == ["vm-web-01", "vm-web-01"]

    @pytest.mark.parametrize(
        "text",
        ["*", "?", "[a-z]", "\\", "^", "-*", "\0", "/", "subscriptions", "rg-web", "vm-web-01/", "\ud800"],
    )
    async def test_a_text_is_no_pattern_and_no_part_of_an_id(self, inventory: Inventory, text: str) -> None:
        assert list(await inventory.containing(text, limit=10)) == []
        assert list(await inventory.named(text)) == []

    @pytest.mark.parametrize("name", ["a*b", "a[1]", "a\\b", "a?", "a^-"])
    async def test_hostile_names_are_found_by_themselves(self, inventory: Inventory, name: str) -> None:
        await inventory.put([known(name)])
        assert [vm.ref.name for vm in await inventory.containing(name, limit=10)] == [name]
        assert [vm.ref.name for vm in await inventory.named(name)] == [name]

    async def test_lines_of_some_vms_are_read_by_their_keys(self, inventory: Inventory) -> None:
        web, other = a.vm_ref(), a.vm_ref(name="VM-Web-02", subscription=ELSEWHERE)
        lines = await inventory.lines([web, other, a.vm_ref(name="unknown")])
        assert {key: vm.ref.name for key, vm in lines.items()} == {
            web.key: "vm-web-01",
            other.key: "VM-Web-02",
        }


class TestNear:
    async def test_names_like_a_mistyped_one_are_told_the_nearest_first(self, inventory: Inventory) -> None:
        await inventory.put([known(name) for name in ("Web-02", "web-01", "jump-01", "db-01")])
        await inventory.put([known("web-02", group="rg-other"), known("web-02", subscription=ELSEWHERE)])
        assert list(await inventory.near("wbe-02", limit=2)) == ["web-02", "web-01"]
        assert list(await inventory.near("nothing like it", limit=5)) == []
        assert list(await inventory.near("", limit=5)) == []

    async def test_all_names_are_looked_at(self, inventory: Inventory) -> None:
        await inventory.put([known(f"other-{number}") for number in range(2500)])
        jumps = [f"jump-{number:02}" for number in range(20)]
        await inventory.put([known(name) for name in jumps])
        assert set(await inventory.near("jmup-0", limit=20)) == set(jumps)


async def test_vms_are_found_by_the_digests_of_their_ids(inventory: Inventory) -> None:
    await inventory.put([known(name) for name in ("vm-a", "vm-b", "vm-c")])
    wanted = {vm_digest(a.vm_ref(name=name).key) for name in ("vm-c", "vm-a", "vm-gone")}
    assert [vm.ref.name for vm in await inventory.of_digests(wanted)] == ["vm-a", "vm-c"]
    assert await inventory.of_digests(frozenset()) == []
