"""By which role assignments the caller could start a VM again, as Azure lists them."""

import uuid
from typing import Any

import pytest

from deploy.sandbox.azure.claims import assignment_id, evidence
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.faults import Fault
from tests import builders as a
from tests.contract.arm.driver import ref
from workers.arm.read.facts import ArmFacts
from workers.arm.read.rights.grants import can_be_asked
from workers.arm.session.clients import Azure
from workers.domain.starts.events import Access, StartEvent
from workers.domain.starts.facts import Facts, GrantKind


def start(arm: AzureServer, who: str, vm: str = "web-01", **access: Any) -> StartEvent:
    """As its event tells it: with the assignment that allowed it, unless ``access`` is ``None``."""
    principal, target = arm.world.principal(who), ref(arm, vm)
    told = evidence(principal, target.resource_id)
    given = Access(
        role=told["role"],
        scope=told["roleAssignmentScope"],
        principal_type=told["principalType"],
        assignment_id=str(uuid.UUID(told["roleAssignmentId"])),
    )
    return a.start_event(
        vm=target, caller=a.caller(object_id=principal.oid), access=access.get("access", given)
    )


async def gathered(azure: Azure, event: StartEvent) -> Facts:
    return await ArmFacts(azure).gather(event.vm, budget_s=10, start=event)


def listed(arm: AzureServer) -> list[dict[str, Any]]:
    return [
        entry.data
        for entry in arm.record.since(0, "request")
        if entry.data["path"].lower().endswith("/roleassignments")
    ]


async def test_the_assignment_that_allowed_the_start_is_found_and_comes_first(
    arm: AzureServer, azure: Azure
) -> None:
    event = start(arm, "intruder")

    (grant,) = (await gathered(azure, event)).grants

    assert (grant.role, grant.kind, grant.used, grant.through_group) == (
        "Owner",
        GrantKind.STARTS,
        True,
        False,
    )
    intruder = arm.world.principal("intruder")
    scope = f"/subscriptions/{event.vm.subscription_id}"
    assert grant.id.lower() == (
        f"{scope}/providers/microsoft.authorization/roleassignments/"
        f"{uuid.UUID(assignment_id(intruder, scope))}"
    )


async def test_azure_is_asked_once_for_all_vms_of_a_subscription_and_through_groups_too(
    arm: AzureServer, azure: Azure
) -> None:
    reader = ArmFacts(azure)
    for name in ("web-01", "web-02", "db-01"):
        event = start(arm, "intruder", name)
        await reader.gather(event.vm, budget_s=10, start=event)

    (request,) = listed(arm)
    assert request["query"]["$filter"] == "assignedTo('a0000000-0000-4000-8000-000000000666')"
    assert request["path"].lower().startswith(f"/subscriptions/{event.vm.subscription_id}/providers/")


async def test_assignments_in_other_groups_are_left_out(arm: AzureServer, azure: Azure) -> None:
    grants = (await gathered(azure, start(arm, "olivia"))).grants

    assert [one.id.lower().partition("/providers/")[0].rpartition("/")[2] for one in grants] == ["rg-shop"]


async def test_a_role_that_is_known_to_start_is_found_without_the_event_saying_so(
    arm: AzureServer, azure: Azure
) -> None:
    (grant,) = (await gathered(azure, start(arm, "colin", access=None))).grants

    assert (grant.role, grant.kind, grant.used) == ("Contributor", GrantKind.STARTS, False)


async def test_what_the_event_says_stands_in_where_azure_does_not_tell(
    arm: AzureServer, azure: Azure
) -> None:
    arm.faults.put(Fault(path="/roleAssignments", status=403))
    event = start(arm, "intruder")

    facts = await gathered(azure, event)

    assert event.access is not None
    (grant,) = facts.grants
    assert (grant.role, grant.used) == ("Owner", True)
    assert grant.id.endswith(f"/roleAssignments/{event.access.assignment_id}")
    assert "the caller's role assignments" in {one.name for one in facts.missing}


@pytest.mark.parametrize(
    "object_id", ["", "x') or principalId ne '", "a0000000-0000-4000-8000-000000000666' "]
)
async def test_an_id_that_is_none_is_never_put_into_a_filter(
    arm: AzureServer, azure: Azure, object_id: str
) -> None:
    event = a.start_event(vm=ref(arm, "web-01"), caller=a.caller(object_id=object_id), access=None)

    facts = await gathered(azure, event)

    assert not can_be_asked(object_id)
    assert (facts.grants, facts.missing, listed(arm)) == ((), (), [])


async def test_without_a_start_nobody_is_asked_about(arm: AzureServer, azure: Azure) -> None:
    facts = await ArmFacts(azure).gather(ref(arm, "web-01"), budget_s=10)

    assert (facts.grants, facts.missing, listed(arm)) == ((), (), [])
