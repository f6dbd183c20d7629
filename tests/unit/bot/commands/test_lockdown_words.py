"""What is typed after ``/vm-lockdown``: an accident never contains a VM."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.lockdown_words import Wanted, known_profile, wanted
from tests import builders as a
from workers.domain.containment.foresight.lookups import LookupKind
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotFound

PLAN = LookupKind.PLAN


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("web-02", Wanted("web-02")),
        ("web-02 odd traffic", Wanted("web-02", reason="odd traffic")),
        ("web-02 profile=forensics odd traffic", Wanted("web-02", "forensics", None, "odd traffic")),
        ("web-02 --dry-run", Wanted("web-02", kind=PLAN)),
        ("--dry-run web-02", Wanted("web-02", kind=PLAN)),
        ("web-02 odd traffic --dry-run", Wanted("web-02", kind=PLAN, reason="odd traffic")),
        ("web-02 \u2014dry-run profile=Hard", Wanted("web-02", "hard", PLAN)),
        ("web-02 profile=hard --DRY-RUN why", Wanted("web-02", "hard", PLAN, "why")),
        ("web-02 dry-run", Wanted("web-02", kind=PLAN)),
        ("web-02 drill", Wanted("web-02", kind=LookupKind.DRILL)),
        ("web-02 profile=hard Drill ", Wanted("web-02", "hard", LookupKind.DRILL)),
        ("web-02 drill bits arrived", Wanted("web-02", reason="drill bits arrived")),
        ("web-02 the --dry-runner ran", Wanted("web-02", reason="the --dry-runner ran")),
        ("web-02 keeps its  spaces", Wanted("web-02", reason="keeps its  spaces")),
    ],
)
def test_it_is_taken_apart(text: str, found: Wanted) -> None:
    assert wanted(text) == found


@pytest.mark.parametrize("text", ["web-02 --dryrun", "web-02 --dry-rum why", "web-02 \u2014force"])
def test_what_looks_like_an_option_and_is_none_is_refused(text: str) -> None:
    with pytest.raises(NotFound, match=r"There is no option .*--dry-run"):
        wanted(text)


@given(st.text(max_size=30), st.text(max_size=30))
def test_dry_run_counts_wherever_it_stands(before: str, after: str) -> None:
    try:
        found = wanted(f"{before} --dry-run {after}")
    except NotFound:
        return
    assert found.kind is PLAN


@given(
    st.sampled_from(["", "hard"]),
    st.sampled_from([None, PLAN, LookupKind.DRILL]),
    st.sampled_from(["", "odd traffic"]),
)
def test_the_rest_typed_after_another_name_means_the_same(
    profile: str, kind: LookupKind | None, reason: str
) -> None:
    first = Wanted("web-01", profile, kind, "" if kind is LookupKind.DRILL else reason)
    assert wanted(f"web-02 {first.rest}") == first._replace(vm="web-02")


def test_a_profile_that_the_policy_does_not_have_is_refused() -> None:
    policy = a.policy(lockdowns={"standard": LockdownProfile(), "hard": LockdownProfile()})
    assert known_profile("", policy) == "standard"
    assert known_profile("hard", policy) == "hard"
    with pytest.raises(NotFound, match="There are: standard, hard"):
        known_profile("harder", policy)
