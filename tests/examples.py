"""How hypothesis goes through its examples, and how long it may take; ``tests/conftest.py`` takes it over."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, print_blob=True)
settings.load_profile("steady")
"""The same examples each time, however slow the machine is. ``--hypothesis-profile=search`` tries others."""


COMPUTES_S = 600
"""For tests that compute all the time, which a busy machine makes many times as slow, and wait for nobody."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What hypothesis runs goes through hundreds of examples: a hang is cut, a busy machine is none."""
    for item in items:
        if item.get_closest_marker("hypothesis") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(COMPUTES_S))
