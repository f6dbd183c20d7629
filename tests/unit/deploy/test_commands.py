"""Every command that the operator's pages show is walked in a scenario, or it says here why it is not."""

import re

from tests.scenario.runbook.test_walk import WALKED
from tests.unit.deploy.commands import PAGES, Typed, commands

NOT_WALKED = {
    "cp main.parameters.json": "copies a file",
    "az provider register": "Azure's own command; the sandbox has no providers to register",
    "az deployment sub create": "the deployment itself: there is no Bicep compiler and no Azure here",
    "az deployment mg create": "the same for a management group",
    "az containerapp exec": "a shell in a container; what runs in it is walked",
}
"""What a command in a block begins with → why it is not run."""
ELSEWHERE = {
    "startgate alerts": "tests/contract/arm/alerts",
    "startgate archive": "tests/scenario/trouble/test_redis_gone.py, tests/contract/audit/test_archive.py",
    "startgate approvals": "needs an account of Entra ID: tests/contract/operator/test_desk.py",
    "startgate decide": "the same",
    "startgate lockdown": "the same",
    "startgate restore": "the same",
    "startgate status": "the same",
    "startgate policy explain": "tests/unit/operator/test_policy.py",
}
"""Commands that only the text names → where they are run."""


def reasoned(typed: Typed) -> bool:
    return any(typed.text.startswith(begin) for begin in NOT_WALKED)


def test_every_command_of_a_block_is_walked_or_says_why_not() -> None:
    left = [one.text for one in commands() if not one.ours and not reasoned(one)]
    assert not left, f"run these in tests/scenario/runbook/test_walk.py, or say in NOT_WALKED why not: {left}"
    assert set(WALKED) == {one for one in commands() if one.ours}


def test_a_command_that_is_only_named_is_in_a_block_or_run_elsewhere() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"`(startgate(?:-bot)? [a-z][a-z -]*[a-z])(?=[ `])", pages))
    shown = {one.text for one in commands()}
    left = [
        one
        for one in sorted(named)
        if not any(text.startswith(one.partition(" --")[0]) for text in shown)
        and not any(one.startswith(begin) for begin in ELSEWHERE)
    ]
    assert not left, f"show these in a block, or say in ELSEWHERE where they are run: {left}"


def test_no_reason_is_left_of_what_is_gone() -> None:
    shown = [one.text for one in commands()]
    assert not [begin for begin in NOT_WALKED if not any(text.startswith(begin) for text in shown)]
