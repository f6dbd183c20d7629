"""Reads a policy in a test, and tells what is wrong with it."""

import pytest

from workers.domain.errors import Finding, InvalidPolicy
from workers.domain.policy.model import Policy
from workers.domain.policy.reading.file import load_policy

EXCEPTION = "name: a, source: 10.0.0.0/8, ports: ['22']"
ONCALL = "oncall: {usergroup: S0ONCALL1}\n"


def findings(text: str) -> list[Finding]:
    with pytest.raises(InvalidPolicy) as raised:
        load_policy(text, path="policy.yaml")
    return raised.value.findings


def loaded(text: str) -> Policy | list[Finding]:
    """The policy, or what is wrong with it; any other error is the test's failure."""
    try:
        return load_policy(text)
    except InvalidPolicy as invalid:
        return invalid.findings


def only(text: str) -> Finding:
    found = findings(text)
    assert len(found) == 1, found
    return found[0]
