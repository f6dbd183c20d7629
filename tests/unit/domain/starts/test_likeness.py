"""The names nearest to a mistyped one, of however many."""

import time

import pytest

from workers.domain.starts.likeness import Nearest

NAMES = ("web-01", "web-02", "web-03", "db-01", "jump-01", "Web-02")


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("wbe-02", "web-02"),
        ("web02", "web-02"),
        ("JUMP-1", "jump-01"),
        ("web-02", "web-02"),
        ("db-1", "db-01"),
    ],
)
def test_the_nearest_comes_first(typed: str, first: str) -> None:
    nearest = Nearest(typed, most=2)
    for name in NAMES:
        nearest.see([name])
    assert nearest.names()[0].lower() == first
    assert len(nearest.names()) <= 2


@pytest.mark.parametrize("typed", ["", "x", "something else entirely"])
def test_what_is_like_none_has_none(typed: str) -> None:
    nearest = Nearest(typed, most=5)
    nearest.see(NAMES)
    assert nearest.names() == ()


def test_it_is_found_among_thousands_quickly() -> None:
    nearest = Nearest("vm-production-wbe-0417", most=5)
    begun = time.process_time()
    for page in range(10):
        nearest.see([f"vm-production-app-{page}{number:03}" for number in range(1000)])
    nearest.see(["vm-production-web-0417"])
    nearest.see([f"vm-production-api-{number:04}" for number in range(1000)])
    assert nearest.names()[0] == "vm-production-web-0417"
    assert time.process_time() - begun < 3
