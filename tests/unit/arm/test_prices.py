"""What a VM costs by the hour, as an estimate from the list that is kept with its date."""

from datetime import date

import pytest

from workers.arm.read.gathering.prices import cost_of


@pytest.mark.parametrize(
    ("size", "price"),
    [
        ("Standard_D4s_v5", 0.192),
        ("STANDARD_D64S_V5", 3.072),
        ("Standard_E20ds_v5", 1.44),
        ("Standard_E48s_v3", 3.024),
        ("Standard_E64s_v3", 3.629),
        ("Standard_B2s", 0.0416),
        ("Standard_NC24ads_A100_v4", 3.673),
    ],
)
def test_a_size_in_the_list_has_a_price_and_its_date(size: str, price: float) -> None:
    found = cost_of(size)
    assert found is not None
    assert found.usd_per_hour == pytest.approx(price)
    assert date.fromisoformat(found.as_of) <= date(2026, 12, 31)
    assert found.region


@pytest.mark.parametrize(
    "size", ["", "Standard_D4s_v99", "Standard_DC4s_v3", "Standard_E4-2s_v5", "Standard_D#s_v5", "D4s_v5"]
)
def test_what_is_not_in_the_list_has_no_price(size: str) -> None:
    assert cost_of(size) is None
