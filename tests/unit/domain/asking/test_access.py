"""A request for what needs two persons: each state, and where each leads."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests import builders as a
from workers.domain.asking.access import AccessRequest, AccessState
from workers.domain.errors import AlreadyDecided

SOON, OVER = a.NOW + timedelta(minutes=1), a.NOW + a.HOUR
ENDS: dict[AccessState, Callable[[AccessRequest], AccessRequest]] = {
    AccessState.APPROVED: lambda asked: asked.answered(a.actor(), SOON, approved=True),
    AccessState.DECLINED: lambda asked: asked.answered(a.actor(), SOON, approved=False),
    AccessState.EXPIRED: lambda asked: asked.expired(OVER),
}


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("then", ENDS)
def test_what_has_ended_stays_as_it_is(first: AccessState, then: AccessState) -> None:
    ended = ENDS[first](a.access_request())
    assert (ended.state, ended.active, ended.due_at()) == (first, False, None)
    if then is AccessState.EXPIRED:
        assert ENDS[then](ended) == ended
        return
    with pytest.raises(AlreadyDecided) as told:
        ENDS[then](ended)
    assert told.value.outcome == ended.outcome()


def test_it_expires_when_its_time_is_over_and_not_before() -> None:
    asked = a.access_request()
    assert asked.expired(asked.request.expires_at - timedelta(seconds=1)) == asked
    assert asked.due_at() == asked.request.expires_at
    assert asked.waits(SOON)
    assert not asked.waits(asked.request.expires_at)
    with pytest.raises(AlreadyDecided, match="Nobody approved it in time"):
        asked.answered(a.actor(), asked.request.expires_at, approved=True)


def test_one_person_by_slack_and_by_entra_is_not_surely_two() -> None:
    at_the_keyboard = a.oncall(slack_user="entra:1", entra="1", name="Sven", email="sven@contoso.com")
    assert "nobody can tell" in a.access_request().refusal(at_the_keyboard)
    assert a.access_request().refusal(a.oncall(slack_user="U0SVEN001", email="sven@contoso.com")) == ""
