"""Roles that stay are named with the command that removes each; a shell can misread none of those."""

import pytest

from tests import builders as a
from workers.domain.containment.grants import Grant, grants_of
from workers.domain.starts.facts import GrantFact, GrantKind

SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555"
GUID = "22222222-3333-4444-5555-666666666666"
HERE = f"/providers/Microsoft.Authorization/roleAssignments/{GUID}"


def grants(*facts: GrantFact) -> tuple[Grant, ...]:
    return grants_of(a.facts(grants=facts))


def fact(scope: str = SUBSCRIPTION, **changes: object) -> GrantFact:
    given = {"id": f"{scope}{HERE}", "role": "Owner", "kind": GrantKind.STARTS, **changes}
    return GrantFact.model_validate(given)


@pytest.mark.parametrize(
    ("scope", "place"),
    [
        (SUBSCRIPTION, "the subscription"),
        (f"{SUBSCRIPTION}/resourceGroups/rg-shop", "the resource group rg-shop"),
        (f"{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web-01", "web-01"),
        ("/providers/Microsoft.Management/managementGroups/root", "the management group root"),
        ("", "everything in the tenant"),
    ],
)
def test_each_is_named_with_its_place_and_the_command_that_removes_it(scope: str, place: str) -> None:
    (grant,) = grants(fact(scope))
    assert grant.text == f"Owner on {place}: could start the VM again"
    assert grant.command == f"az role assignment delete --ids {scope}{HERE}"


@pytest.mark.parametrize(
    "scope",
    [
        f"{SUBSCRIPTION}/resourceGroups/rg(1)",
        f"{SUBSCRIPTION}/resourceGroups/$(reboot)",
        f"{SUBSCRIPTION}/resourceGroups/a b",
        f"{SUBSCRIPTION}/resourceGroups/a;b",
        f"{SUBSCRIPTION}/resourceGroups/a`b`",
        f"{SUBSCRIPTION}/resourceGroups/a'b",
        f"{SUBSCRIPTION}/resourceGroups/-rf",
        f"{SUBSCRIPTION}/resourceGroups/a\nb",
        f"{SUBSCRIPTION}/resourceGroups/r\u00e4ume",
        "".join(f"/{'x' * 100}" for _ in range(5)),
    ],
)
def test_no_command_is_offered_that_a_shell_or_a_reader_could_take_for_another(scope: str) -> None:
    (grant,) = grants(fact(scope))
    assert grant.command == ""
    assert grant.text.startswith("Owner on ")


def test_the_one_that_was_used_and_that_of_a_group_are_said() -> None:
    (grant,) = grants(fact(used=True, through_group=True))
    assert grant.text == (
        "Owner on the subscription: this start was allowed by it, could start the VM again; it is a group's, "
        "and removing it takes it from all its members"
    )


def test_who_can_give_themselves_a_role_is_said() -> None:
    (grant,) = grants(fact(role="User Access Administrator", kind=GrantKind.GRANTS))
    assert grant.text.endswith("could give itself a role that starts the VM")


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 more role assignment of"), (3, "3 more role assignments of")]
)
def test_roles_that_nobody_knows_are_counted(count: int, said: str) -> None:
    unknown = [fact(role=GUID, kind=GrantKind.UNKNOWN) for _ in range(count)]
    first, last = grants(fact(), *unknown)
    assert first.command
    assert last.text.startswith(said)
    assert last.command == ""


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert grants() == ()
