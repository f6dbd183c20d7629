"""Which VM somebody means: a name that fits several is never guessed."""

import pytest

from tests import builders as a
from workers.use_cases.orders.find_vm import find_vm

WEB = a.known_vm()
WEB_ELSEWHERE = a.known_vm(ref=a.vm_ref(group="rg-test"))
DB = a.known_vm(ref=a.vm_ref(name="vm-db-01", group="rg-data"))
KNOWN = (WEB, WEB_ELSEWHERE, DB)


class TestExact:
    @pytest.mark.parametrize("spell", [str, str.upper, str.lower])
    def test_a_resource_id_needs_no_inventory(self, spell: type[str]) -> None:
        match = find_vm(spell(WEB.ref.resource_id), ())
        assert match.exact is not None
        assert match.exact.key == WEB.ref.key

    @pytest.mark.parametrize(
        "text", ["vm-db-01", "VM-DB-01", "  vm-db-01 ", "rg-data/vm-db-01", "RG-DATA/VM-DB-01"]
    )
    def test_a_full_name_that_only_one_vm_has_is_that_vm(self, text: str) -> None:
        assert find_vm(text, KNOWN).exact == DB.ref

    def test_the_group_tells_namesakes_apart(self) -> None:
        assert find_vm("rg-test/vm-web-01", KNOWN).exact == WEB_ELSEWHERE.ref


class TestNotExact:
    def test_namesakes_are_shown_and_not_guessed(self) -> None:
        match = find_vm("vm-web-01", KNOWN)
        assert match.exact is None
        assert match.candidates == (WEB, WEB_ELSEWHERE)

    def test_part_of_a_name_is_never_exact_even_if_only_one_fits(self) -> None:
        match = find_vm("db", KNOWN)
        assert match.exact is None
        assert match.candidates == (DB,)

    @pytest.mark.parametrize(
        "text", ["", "   ", "nothing-like-it", "rg-none/vm-db-01", "/", "rg-data/", "*", "%"]
    )
    def test_what_fits_nothing_finds_nothing(self, text: str) -> None:
        match = find_vm(text, KNOWN)
        assert match.exact is None
        assert match.candidates == ()

    def test_a_long_list_is_cut(self) -> None:
        many = [a.known_vm(ref=a.vm_ref(name=f"web-{n}")) for n in range(250)]
        assert len(find_vm("web", many).candidates) == 100
