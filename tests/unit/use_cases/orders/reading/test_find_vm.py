"""Which VM somebody means: a name that fits several is never guessed."""

from collections.abc import Awaitable, Callable, Sequence

import pytest

from tests import builders as a
from workers.domain.starts.vm import KnownVm
from workers.store.in_memory.inventory import MemoryInventory
from workers.use_cases.orders.reading.find_vm import Match, find_among, find_vm

WEB = a.known_vm()
WEB_ELSEWHERE = a.known_vm(ref=a.vm_ref(group="rg-test"))
DB = a.known_vm(ref=a.vm_ref(name="vm-db-01", group="rg-data"))
KNOWN = (WEB_ELSEWHERE, WEB, DB)

Find = Callable[[str, Sequence[KnownVm]], Awaitable[Match]]


async def in_the_inventory(text: str, known: Sequence[KnownVm]) -> Match:
    inventory = MemoryInventory()
    await inventory.put(known)
    return await find_vm(text, inventory)


async def among_a_few(text: str, known: Sequence[KnownVm]) -> Match:
    return find_among(text, known)


@pytest.fixture(params=[in_the_inventory, among_a_few])
def find(request: pytest.FixtureRequest) -> Find:
    found: Find = request.param
    return found


class Unreadable(MemoryInventory):
    """Any look into it fails."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"the inventory was asked: {name}")


class TestExact:
    @pytest.mark.parametrize("spell", [str, str.upper, str.lower])
    async def test_a_resource_id_needs_no_inventory(self, spell: type[str]) -> None:
        text = spell(f" {WEB.ref.resource_id}/ ")
        for match in (await find_vm(text, Unreadable()), find_among(text, ())):
            assert match.exact is not None
            assert match.exact.key == WEB.ref.key

    @pytest.mark.parametrize(
        "text", ["vm-db-01", "VM-DB-01", "  vm-db-01 ", "rg-data/vm-db-01", "RG-DATA/VM-DB-01"]
    )
    async def test_a_full_name_that_only_one_vm_has_is_that_vm(self, find: Find, text: str) -> None:
        assert (await find(text, KNOWN)).exact == DB.ref

    async def test_the_group_tells_namesakes_apart(self, find: Find) -> None:
        assert (await find("rg-test/vm-web-01", KNOWN)).exact == WEB_ELSEWHERE.ref


class TestNotExact:
    async def test_namesakes_are_shown_and_not_guessed(self, find: Find) -> None:
        match = await find("vm-web-01", KNOWN)
        assert match.exact is None
        assert match.candidates == (WEB_ELSEWHERE, WEB)

    async def test_part_of_a_name_is_never_exact_even_if_only_one_fits(self, find: Find) -> None:
        match = await find("db", KNOWN)
        assert match.exact is None
        assert match.candidates == (DB,)

    @pytest.mark.parametrize(
        "text", ["", "   ", "nothing-like-it", "rg-none/vm-db-01", "/", "rg-data/", "*", "%"]
    )
    async def test_what_fits_nothing_finds_nothing(self, find: Find, text: str) -> None:
        match = await find(text, KNOWN)
        assert match.exact is None
        assert match.candidates == ()

    async def test_a_long_list_is_cut(self, find: Find) -> None:
        many = [a.known_vm(ref=a.vm_ref(name=f"web-{n}")) for n in range(250)]
        assert len((await find("web", many)).candidates) == 100
