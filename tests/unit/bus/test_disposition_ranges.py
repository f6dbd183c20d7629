"""Ranges of deliveries: whatever is done, in whatever order, is in one of them, and nothing else is."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workers.bus.disposition import ranges


@given(st.sets(st.integers(0, 40)).flatmap(lambda ids: st.permutations(sorted(ids))))
def test_each_is_in_one_range_and_ranges_hold_what_follows_each_other(ids: list[int]) -> None:
    messages: Any = [SimpleNamespace(_delivery_id=number) for number in ids]
    found = [[message._delivery_id for message in messages] for messages in ranges(messages)]
    assert [number for numbers in found for number in numbers] == sorted(ids)
    assert all(numbers == list(range(numbers[0], numbers[-1] + 1)) for numbers in found)
    assert all(before[-1] + 1 < after[0] for before, after in pairwise(found))
