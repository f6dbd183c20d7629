"""What makes a test fail now and then, found in its text: one of thousands that does is a refused change."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.sandbox.client import PATIENCE_S

TESTS = Path(__file__).parents[1]
SHARED = re.compile(r"\bscene: Scene\b")
"""A test of the system that scenario tests share."""

_NUMBER = r"([0-9][0-9_]*(?:\.[0-9]+)?)"
WAITS = re.compile(
    rf"asyncio\.timeout\({_NUMBER}\)"
    rf"|\b(?:within_s|max_wait_time|timeout)={_NUMBER}[,)]"
    rf"|\bwait_for\(.*, {_NUMBER}\)$"
)
BOUNDS = {
    "contract/arm/test_shared_reads.py": "less than what it would wait for otherwise",
    "contract/bus/test_recovery.py": "marked quiet",
    "contract/servicebus/test_wire.py": "what its client would give up after",
    "contract/servicebus/test_ending.py": "the client's own timeout, which has to run out",
    "scenario/trouble/test_pace.py": "takes what there is when the time is over",
    "unit/use_cases/starts/test_canary.py": "what runs out is the subject",
}
"""Files in which a short wait is what is tested, and why."""

EVERYBODYS = {
    "a list of somebody whom other tests ask, too": re.compile(
        r'command\("(?:olivia|colin)", "/vm-approvals'
    ),
    "Home of somebody whom other tests ask, too": re.compile(r'scene\.slack\.post\("/_act/home", user="'),
    "quiet hours of somebody whom other tests ask, too": re.compile(r'key="(?:olivia|colin)", dnd_'),
    "a count of records of the whole audit": re.compile(
        r'\bscene\.audited\("[a-z.-]+"(?:, count=[0-9]+)?\)|len\(await scene\.audit\("[a-z.-]+"\)\)'
    ),
    "dead letters of all": re.compile(r'not .*scene\.bus\.get\("/_state"\).*dead_letters'),
    "the first event that anybody's start was": re.compile(
        r'e\["kind"\] == "completed" and e\["queue"\] == "starts",'
    ),
}
"""Of the shared system, what a test can't know, since others change it meanwhile → how it is written.

``Scene.newcomer`` is somebody of the test's own; records are asked for by the VM's id.
"""


def _texts(folder: str) -> Iterator[tuple[str, str]]:
    for path in sorted((TESTS / folder).rglob("*.py")):
        yield str(path.relative_to(TESTS)), path.read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", ["browser", "contract", "scenario", "unit"])
def test_what_has_to_happen_is_waited_for_with_patience(folder: str) -> None:
    hasty = [
        f"{name}:{number}: {line.strip()}"
        for name, text in _texts(folder)
        if name not in BOUNDS
        for number, line in enumerate(text.splitlines(), 1)
        for wait in WAITS.finditer(line)
        if float(next(filter(None, wait.groups()))) < PATIENCE_S
    ]
    assert hasty == [], "wait with PATIENCE_S, or name the file in BOUNDS"


@pytest.mark.parametrize("what", EVERYBODYS)
def test_of_the_shared_system_nothing_is_asked_that_others_change(what: str) -> None:
    found = [
        f"{name}: {match[0]}"
        for name, text in _texts("scenario")
        if SHARED.search(text)
        for match in EVERYBODYS[what].finditer(text)
    ]
    assert found == []


def test_names_made_up_by_chance_never_meet() -> None:
    short = re.compile(r"hex\[:([1-9])\]|token_hex\(([1-4])\)")
    assert [name for name, text in _texts(".") if short.search(text)] == []
