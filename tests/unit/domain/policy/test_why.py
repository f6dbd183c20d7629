"""Why a condition does not hold: the false part, and what its values are."""

from datetime import UTC, datetime

import pytest

from workers.domain.policy.cel.why import why_not

KNOWN = {
    "caller.name": "Olivia && co",
    "caller.app_id": "1950a258",
    "caller.mfa": False,
    "vm.name": "web-02",
    "vm.tags": {"env": "dev"},
    "facts.open_ports": ["22"],
    "now": datetime(2026, 11, 24, 12, tzinfo=UTC),
}


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ('caller.app_id == "7d5b"', 'caller.app_id == "7d5b" is false: it is "1950a258"'),
        ('vm.name == "web-02" && caller.mfa', "caller.mfa is false: it is false"),
        ('vm.tags["env"] == "prod"', 'vm.tags["env"] == "prod" is false: it is "dev"'),
        ('"team" in vm.tags', '"team" in vm.tags is false: it is {"env": "dev"}'),
        (
            'now.getHours("Europe/Berlin") < 6',
            'now.getHours("Europe/Berlin") < 6 is false: it is 2026-11-24T12:00:00+00:00',
        ),
        (
            'caller.mfa || vm.name == "db"',
            'caller.mfa || vm.name == "db" is false: vm.name is "web-02", caller.mfa is false',
        ),
        # Not every && divides: not in quotes, in brackets, or where something binds weaker.
        ('caller.name == "a && b"', 'caller.name == "a && b" is false: it is "Olivia && co"'),
        (
            'vm.name == "web-02" && (caller.mfa && vm.name == "web-02")',
            '(caller.mfa && vm.name == "web-02") is false: vm.name is "web-02", caller.mfa is false',
        ),
        (
            'caller.mfa && vm.name == "x" || caller.mfa',
            'caller.mfa && vm.name == "x" || caller.mfa is false: vm.name is "web-02", caller.mfa is false',
        ),
        (
            "vm.name == 'web-02' &&\n  facts.open_ports.exists(port, port == '80' && true)",
            "facts.open_ports.exists(port, port == '80' && true) is false: it is [\"22\"]",
        ),
        ("false", "false is false: whatever is known"),
    ],
)
def test_the_false_part_is_named_with_its_values(expression: str, why: str) -> None:
    assert why_not(expression, KNOWN) == why


def test_what_is_not_known_makes_no_part_false() -> None:
    assert why_not('vm.location == "westeurope" && caller.mfa', KNOWN) == "caller.mfa is false: it is false"
    assert why_not('vm.location == "westeurope"', KNOWN) == ""
