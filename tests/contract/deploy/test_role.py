"""The workers' role in the deployment holds exactly the actions that the code uses: none less, none more.

Derived, not listed: from every operation of Azure's SDK that the code names, from the requests that reach the
stand-in when everything is driven once, and from what each step says it writes (linked ``join`` actions
are there and nowhere else: no request names them). A step or a read that is added fails here, and the message
says what to add where.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from deploy.sandbox.azure.hosting.servicebus import HOST
from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.model import CLASSIC_NSG, Resource
from deploy.sandbox.azure.server import AzureServer
from tests.contract.arm.driver import PROFILE, Driver, machine, ref, runner
from tests.contract.arm.steps.test_standing import contained, looked
from tests.contract.azure.models.driving import contain
from tests.contract.deploy.sdk_calls import Call, action_of, calls, request_of
from tests.contract.operator.azure.test_rights import told
from tests.unit.deploy.templates import resource, variable
from workers.arm.read.around.surroundings import ArmSurroundings
from workers.arm.read.facts import ArmFacts
from workers.arm.read.subscriptions.event_sources import EVENT_GRID_VERSION, ArmEventSources
from workers.arm.read.subscriptions.inventory import subscriptions
from workers.arm.read.subscriptions.start_log import ACTIVITY_LOG_VERSION, ArmStartLog
from workers.arm.session.api_versions import USED, ApiVersions, kind_of
from workers.arm.session.clients import Azure
from workers.arm.session.errors import right_for
from workers.arm.steps.rights import RIGHTS
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import IsolateOptions
from workers.operator.looks.queues import EXPECTED, LOCKS, queue_checks
from workers.operator.looks.subscriptions import azure_checks
from workers.operator.looks.versions import version_check
from workers.runtime.checks import findings, wrong

NOW = datetime.now(UTC)
ROOT = Path(__file__).parents[3]
ROLE = ROOT / "deploy" / "azure" / "roles" / "workers.json"
WORKERS = ROOT / "workers"

AS_DOCUMENTED = {
    # A query is a POST, and its action is a read. It answers no row of what may not be read by itself:
    # https://learn.microsoft.com/azure/governance/resource-graph/overview#permissions-in-azure-resource-graph
    "microsoft.resourcegraph/resources/action": (
        "Microsoft.ResourceGraph/resources/read",
        "Microsoft.Security/alerts/read",
        "Microsoft.Security/assessments/read",
        "Microsoft.Security/locations/alerts/read",
        "Microsoft.Security/pricings/read",
    ),
    # A feature is named below the provider that it is one of.
    "microsoft.compute/features/read": ("Microsoft.Features/providers/features/read",),
    **{
        f"{provider}/read": ("Microsoft.Resources/subscriptions/providers/read",)
        for provider in {kind.partition("/")[0].lower() for kind in USED}
    },
    # The list of a subscription has no action of its own.
    "microsoft.security/jitnetworkaccesspolicies/read": (
        "Microsoft.Security/locations/jitNetworkAccessPolicies/read",
    ),
    # Where the service keeps the operations of classic VMs; the stand-in keeps all of them in one place.
    "microsoft.classiccompute/locations/operations/read": (
        "Microsoft.ClassicCompute/operationStatuses/read",
        "Microsoft.ClassicCompute/virtualMachines/operationStatuses/read",
    ),
}
"""Requests whose action is called otherwise than their path.

Source: https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations
"""

INSTANCE_VIEW = "Microsoft.Compute/virtualMachines/instanceView/read"
"""What ``$expand=instanceView`` and ``statusOnly`` show."""


def role() -> dict[str, dict[str, list[str]]]:
    return json.loads(ROLE.read_text(encoding="utf-8"))


def lowered(actions: object) -> dict[str, str]:
    """Azure compares actions without case."""
    return {str(action).lower(): str(action) for action in actions}  # type: ignore[attr-defined]


def documented(action: str) -> tuple[str, ...]:
    return AS_DOCUMENTED.get(action.lower(), (action,))


def told_apart(wanted: dict[str, str], has: dict[str, str], where: str) -> list[str]:
    missing = [f"add {wanted[key]} to {where} of {ROLE.name}" for key in wanted.keys() - has.keys()]
    extra = [f"take {has[key]} out of {where} of {ROLE.name}: nothing uses it" for key in has.keys() - wanted]
    return sorted(missing + extra)


async def of_the_sdk() -> dict[Call, tuple[str, ...]]:
    """Every operation that the code names, and its actions."""
    found = set(calls(WORKERS / "arm", WORKERS / "operator"))
    unclear = [f"{call.path.name}:{call.line}" for call in found if not call.method]
    assert not unclear, f"say which operation is called, on the client or on a name for its group: {unclear}"
    return {call: documented(await action_of(call)) for call in found}


async def asked_of(arm: AzureServer, azure: Azure) -> set[str]:
    """The actions of all requests when everything is driven once, classic VMs and the sweeps included."""
    for name in ("web-01", "legacy-01"):
        machine(arm, name).power = "running"
    await contain(arm, azure)
    classic = ref(arm, "legacy-01")
    group = arm_id(classic.subscription_id, classic.resource_group, CLASSIC_NSG, "locked")
    arm.estate.add(Resource(id=group, kind=CLASSIC_NSG, location="westeurope", properties={}))
    driver = Driver(
        runner(azure, StepName.ISOLATE), classic, PROFILE.changed(isolate=IsolateOptions(classic_nsg=group))
    )
    await driver.contain()
    await driver.undo()
    machine(arm, "web-02").power = "running"
    await looked(azure, await contained(arm, azure, "web-02"))
    await told(arm)
    host = arm.bastions.add(machine(arm, "web-01"), "bastion")
    arm.bastions.connect(host, machine(arm, "web-01"), "mallory")
    web = ref(arm, "web-01")
    facts = await ArmFacts(azure).gather(web, budget_s=30)
    around = await ArmSurroundings(azure).read(web, facts, budget_s=30)
    assert around.sessions, "the open sessions were not read"
    checks = [
        *azure_checks(azure, "starts"),
        version_check(azure, ApiVersions({})),
        *queue_checks(azure, HOST),
    ]
    assert not wrong(await findings(checks))
    for subscription in await subscriptions(azure):
        start_log = ArmStartLog(azure, lambda _: ())
        assert not [one async for one in start_log(subscription.id, NOW, NOW)]
        assert not await ArmEventSources(azure, "starts")(subscription.id)
    asked = [entry.data for entry in arm.record.since(0, "request")]
    shown = {"instanceview" in str(one["query"]).lower() or "statusOnly" in one["query"] for one in asked}
    actions = {right_for(one["method"], one["path"]) for one in asked if not one["path"].startswith("/_")}
    return {name for action in actions for name in documented(action)} | (
        {INSTANCE_VIEW} if True in shown else set()
    )


async def test_what_a_step_writes_is_in_the_role_and_nothing_else() -> None:
    found = role()["steps"]
    lacking = [
        line
        for step in StepName
        for line in told_apart(
            lowered(right.action for right in RIGHTS[step]), lowered(found.get(step, [])), f"steps.{step}"
        )
    ]
    lacking += [
        f"take steps.{name} out of {ROLE.name}: there is no such step"
        for name in found.keys() - set(StepName)
    ]
    assert not lacking, "\n".join(lacking)


async def test_what_is_read_is_in_the_role_and_nothing_else(arm: AzureServer, azure: Azure) -> None:
    named, asked = await of_the_sdk(), await asked_of(arm, azure)
    always = {
        action
        for call, actions in named.items()
        for action in actions
        if (action.lower().endswith("/read") or "steps" not in call.path.parts)
        and "alerts" not in call.path.parts
    } | {action for action in asked if action.lower().endswith("/read")}
    lacking = told_apart(lowered(always), lowered(role()["always"]), "always")
    assert not lacking, "\n".join(lacking)


async def test_what_the_command_for_alerts_needs_is_told_apart_from_the_role() -> None:
    """Whoever runs ``startgate alerts`` needs it; the workers never do."""
    named = await of_the_sdk()
    wanted = {action for call, actions in named.items() if "alerts" in call.path.parts for action in actions}
    # It reads and asks a Logic App without an SDK.
    source = (WORKERS / "arm" / "alerts" / "alerts.py").read_text(encoding="utf-8")
    assert "/triggers" in source
    assert "/listCallbackUrl" in source
    logic = "Microsoft.Logic/workflows/triggers"
    wanted |= {f"{logic}/read", f"{logic}/listCallbackUrl/action"}
    lacking = told_apart(lowered(wanted), lowered(role()["alerts"]), "alerts")
    assert not lacking, "\n".join(lacking)


async def test_nothing_is_written_that_no_step_names(arm: AzureServer, azure: Azure) -> None:
    used = {action for actions in (await of_the_sdk()).values() for action in actions}
    used |= await asked_of(arm, azure)
    found = role()
    has = lowered(
        [*found["always"], *found["alerts"], *(action for step in found["steps"].values() for action in step)]
    )
    missing = sorted(one for one in used if one.lower() not in has and not one.lower().endswith("/read"))
    assert not missing, f"add these to their step in workers/arm/steps/rights.py: {', '.join(missing)}"


def test_each_action_says_why_and_none_is_a_wildcard() -> None:
    found = role()
    actions = {
        *found["always"],
        *found["alerts"],
        *(action for step in found["steps"].values() for action in step),
    }
    assert actions == set(found["why"])
    assert not [action for action in actions if "*" in action]


@pytest.mark.parametrize("name", ["modules/role.bicep", "management-group.bicep"])
def test_both_ways_to_give_the_role_read_its_actions_from_that_file(name: str) -> None:
    text = (ROLE.parents[1] / name).read_text(encoding="utf-8")
    up = "../" if "/" in name else ""
    assert f"loadJsonContent('{up}roles/workers.json')" in text
    assert "actions: union(rights.always, flatten(ofSteps))" in text
    assert "= [for step in steps: rights.steps[step]]" in text


async def test_the_api_versions_that_are_looked_at_are_those_that_the_sdk_sends() -> None:
    """By its first type: a provider lists its kinds so."""
    sent: dict[str, set[str]] = {}
    for call in set(calls(WORKERS / "arm", WORKERS / "operator")):
        url = (await request_of(call)).url
        if (kind := kind_of(url)) in USED:
            sent.setdefault(kind, set()).add(parse_qs(urlsplit(url).query)["api-version"][0])
    of_the_sdk = {kind: {version} for kind, version in USED.items() if kind in sent}
    newest = {kind: {max(versions)} for kind, versions in sent.items()}
    assert newest == of_the_sdk
    assert len(sent) >= len(USED) - len(OURS)
    assert {kind: USED[kind] for kind in OURS} == OURS


OURS = {
    "Microsoft.EventGrid/systemTopics": EVENT_GRID_VERSION,
    "Microsoft.Insights/eventtypes": ACTIVITY_LOG_VERSION,
}
"""What no client of the SDK asks."""


def test_the_doctor_looks_for_the_queues_that_are_deployed() -> None:
    deployed = {
        one["name"]: one["duplicateDetection"] for one in variable("modules/servicebus.bicep", "queues")
    }
    assert {name: one["requiresDuplicateDetection"] for name, one in EXPECTED.items()} == deployed
    properties = resource("modules/servicebus.bicep", "queue")["properties"]
    for one in EXPECTED.values():
        assert properties["requiresSession"] == one["requiresSession"]
        assert properties["maxDeliveryCount"] == one["maxDeliveryCount"]
    assert properties["lockDuration"] in LOCKS
