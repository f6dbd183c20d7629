"""The audit says that nothing is wrong only where it was told so, and exceptions end."""

import datetime as dt
import json

import pytest

from deploy.audit.__main__ import EXCEPTIONS, LOCKS, excepted, verdict
from tests.unit.deploy.templates import ROOT

TODAY = dt.date(2026, 12, 1)


def exception(**changed: object) -> str:
    given = {"id": "GHSA-1", "package": "p", "until": "2027-01-01", "reason": "it is not reached"} | changed
    lines = [f"{key} = {value if key == 'until' else json.dumps(value)}" for key, value in given.items()]
    return "[[exception]]\n" + "\n".join(lines)


def test_an_exception_holds_until_its_day() -> None:
    found, wrong = excepted(exception(), TODAY)
    assert [one.id for one in found] == ["GHSA-1"]
    assert not wrong


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"until": "2026-11-30"}, "was accepted until 2026-11-30"),
        ({"until": "2028-01-01"}, "more than 92 days away"),
        ({"reason": ""}, "reason is missing"),
    ],
)
def test_an_exception_that_does_not_hold_is_said(changed: dict[str, object], said: str) -> None:
    _, wrong = excepted(exception(**changed), TODAY)
    assert said in wrong[0]


def test_the_exceptions_that_ship_can_be_read() -> None:
    """Whether they still hold is the audit's to say: a test must not fail because a day has passed."""
    excepted(EXCEPTIONS.read_text(encoding="utf-8"), TODAY)
    assert all((ROOT / lock).is_file() for lock in LOCKS)


def answer(*dependencies: dict[str, object]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_what_nobody_could_be_asked_about_is_not_fine() -> None:
    """As pip-audit 2.10 answers where its service does not know the package; it ends with 0."""
    seen = verdict(answer({"name": "p", "skip_reason": "Dependency not found"}))
    assert seen.unknown == ["p"]
    assert not seen.asked


def test_a_weakness_is_told_with_what_mends_it() -> None:
    vulns = [{"id": "GHSA-1", "fix_versions": ["2.0"], "aliases": [], "description": ""}]
    seen = verdict(answer({"name": "p", "version": "1.0", "vulns": vulns}))
    assert seen.found == ["p 1.0: GHSA-1, mended by 2.0"]
    assert seen.asked == 1


def test_no_answer_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        verdict("")
