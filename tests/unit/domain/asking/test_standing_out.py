"""Which start of a burst stands out from the others, so that it gets a card of its own."""

import pytest

from workers.domain.asking.bursts import Burst

USUAL, NO_MFA, OPEN_SSH = "low", "medium no-mfa", "medium open-ssh"


def burst(*looks: str) -> Burst:
    return Burst(leads={}, looks={f"a{number}": look for number, look in enumerate(looks)})


@pytest.mark.parametrize("usual", [2, 38])
def test_what_differs_from_most_stands_out(usual: int) -> None:
    several = burst(*[USUAL] * usual, NO_MFA)
    assert several.stands_out(NO_MFA)
    assert not several.stands_out(USUAL)


def test_each_of_several_that_differ_does() -> None:
    several = burst(*[USUAL] * 38, NO_MFA, OPEN_SSH)
    assert several.stands_out(NO_MFA)
    assert several.stands_out(OPEN_SSH)


@pytest.mark.parametrize("looks", [[USUAL], [USUAL, NO_MFA], [USUAL] * 3 + [NO_MFA] * 3])
def test_where_none_is_what_most_look_like_nothing_does(looks: list[str]) -> None:
    assert not any(burst(*looks).stands_out(look) for look in looks)
