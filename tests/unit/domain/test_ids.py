"""Ids say their kind and their partition; identity ignores spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import builders as a
from workers.domain import ids
from workers.domain.nudges import Nudge, Subject
from workers.domain.starts.vm import VmRef

ID = a.vm_ref().resource_id


class TestIds:
    def test_one_start_always_gets_the_same_id(self) -> None:
        event = a.start_event()
        assert ids.approval_id(event.vm.key, event.dedupe_key) == ids.approval_id(
            event.vm.key, event.dedupe_key
        )

    def test_documents_of_one_vm_share_its_partition(self) -> None:
        key = a.vm_ref().key
        partition = ids.partition_of_vm(key)
        assert ids.partition_of_id(ids.approval_id(key, "0" * 32)) == partition
        assert ids.partition_of_id(ids.containment_id(key)) == partition

    def test_a_containment_gets_a_new_id_each_time(self) -> None:
        assert ids.containment_id("x") != ids.containment_id("x")

    def test_a_request_shares_the_partition_of_what_it_changes(self) -> None:
        changed = (ids.PAUSE, ids.EXPECTATIONS, ids.DELEGATIONS)
        assert {ids.partition_of_id(one) for one in (*changed, ids.access_id())} == {0}
        assert ids.access_id() != ids.access_id()

    @given(st.text())
    def test_every_vm_has_a_partition(self, key: str) -> None:
        assert 0 <= ids.partition_of_vm(key) < ids.PARTITIONS

    def test_partitions_are_all_used(self) -> None:
        used = {ids.partition_of_vm(a.vm_ref(name=f"vm-{n}").key) for n in range(400)}
        assert used == set(range(ids.PARTITIONS))

    @given(st.text(max_size=60) | st.from_regex(r"[acn][0-9a-z]{25}", fullmatch=True))
    def test_an_id_is_ours_or_refused(self, text: str) -> None:
        try:
            partition = ids.partition_of_id(text)
        except ValueError:
            return
        assert len(text) == 26
        assert text[0] in "acn"
        assert 0 <= partition < ids.PARTITIONS

    @pytest.mark.parametrize("garbage", ["", "a", "a" * 27, "b" * 26, "a0" + "*" * 24, "az" + "0" * 24])
    def test_garbage_is_refused(self, garbage: str) -> None:
        with pytest.raises(ValueError, match=r"^(not an id|invalid literal)"):
            ids.partition_of_id(garbage)

    def test_a_message_id_names_version_and_time_and_fits_service_bus(self) -> None:
        nudge = Nudge(subject=Subject.APPROVAL, id="a" * 26, version=7, due=a.NOW)
        assert nudge.message_id == f"{'a' * 26}:7:{int(a.NOW.timestamp() * 1000)}"
        assert Nudge(subject=Subject.APPROVAL, id="a" * 26, version=7).message_id.endswith(":7:0")
        assert len(nudge.message_id) <= 128


class TestVmIds:
    @pytest.mark.parametrize("spell", [str, str.upper, str.lower, lambda text: f" {text}/ "])
    def test_every_spelling_is_the_same_vm(self, spell: object) -> None:
        assert callable(spell)
        assert VmRef.parse(spell(ID)).key == ID.lower()

    def test_the_spelling_is_kept_for_calls_and_people(self) -> None:
        parsed = VmRef.parse(ID)
        assert parsed == a.vm_ref()
        assert parsed.resource_id == ID

    def test_classic_vms_are_told_apart(self) -> None:
        assert VmRef.parse(a.vm_ref(classic=True).resource_id).classic

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "vm-web-01",
            ID + "/extensions/x",
            ID.rsplit("/", 1)[0],
            ID.replace("virtualMachines", "disks"),
            ID.replace("Microsoft.Compute", "Microsoft.Network"),
            ID.replace(a.SUBSCRIPTION, "not-a-guid"),
            ID + " x",
            "x" + ID,
            ID.replace("rg-web", "rg/web"),
        ],
    )
    def test_other_ids_are_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="not the resource id of a virtual machine"):
            VmRef.parse(text)
