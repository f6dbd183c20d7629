"""A power state that nobody knows counts as unknown, and never as stopped."""

import pytest

from workers.arm.read import classic
from workers.arm.read.machine import power_state
from workers.domain.starts.vm import PowerState


def view(*codes: str | None) -> dict[str, object]:
    return {"statuses": [{"code": code} for code in codes]}


@pytest.mark.parametrize("state", [state for state in PowerState if state is not PowerState.UNKNOWN])
def test_azures_own_words_are_read_whatever_their_case(state: PowerState) -> None:
    assert power_state(view("ProvisioningState/succeeded", f"PowerState/{state}")) is state
    assert power_state(view(f"powerstate/{state.upper()}")) is state


@pytest.mark.parametrize(
    "codes", [(), (None,), ("ProvisioningState/deallocated",), ("PowerState/",), ("PowerState/hibernating",)]
)
def test_what_azure_does_not_say_or_says_in_a_new_word_is_unknown(codes: tuple[str | None, ...]) -> None:
    assert power_state(view(*codes)) is PowerState.UNKNOWN


@pytest.mark.parametrize("power", [None, "", "Hibernated"])
def test_so_it_is_for_a_classic_vm(power: str | None) -> None:
    machine = {"properties": {"instanceView": {"powerState": power}}}
    assert classic.machine_facts(machine).power is PowerState.UNKNOWN
