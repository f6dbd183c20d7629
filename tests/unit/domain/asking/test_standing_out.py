"""Which start of a burst stands out from the others, so that it gets a card of its own."""

import pytest

from workers.domain.asking.bursts import Burst

USUAL, NO_MFA, OPEN_SSH = "low", "medium no-mfa", "medium open-ssh"


@pytest.mark.parametrize(
    ("looks", "of", "expected"),
    [
        ([USUAL] * 38 + [NO_MFA, OPEN_SSH], NO_MFA, True),
        ([USUAL] * 38 + [NO_MFA, OPEN_SSH], USUAL, False),
        ([USUAL] * 2 + [NO_MFA], NO_MFA, True),
        ([USUAL, NO_MFA], NO_MFA, False),  # neither is what most look like
        ([USUAL] * 3 + [NO_MFA] * 3, NO_MFA, False),
        ([USUAL], USUAL, False),
    ],
)
def test_only_what_differs_from_most_does(looks: list[str], of: str, expected: bool) -> None:
    burst = Burst(leads={}, looks={f"a{number}": look for number, look in enumerate(looks)})
    assert burst.stands_out(of) is expected
