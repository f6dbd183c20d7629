"""Facts, inventory and the clients themselves, against the Azure stand-in."""

import asyncio
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from deploy.sandbox.azure.model import NSG, Vm
from deploy.sandbox.azure.server import TOKEN, AzureServer
from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.faults import Fault
from tests import builders as a
from workers.arm.read.facts import ArmFacts
from workers.arm.read.sources import Sources
from workers.arm.session.clients import Azure
from workers.domain.errors import DependencyAway
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import PowerState, VmRef

NOW = datetime(2026, 11, 24, 3, 50, tzinfo=UTC)
BUDGET_S = PATIENCE_S


def machine(arm: AzureServer, name: str) -> Vm:
    return next(vm for vm in arm.estate.vms() if vm.name == name)


def ref(arm: AzureServer, name: str) -> VmRef:
    return VmRef.parse(machine(arm, name).id)


def asked(arm: AzureServer) -> list[str]:
    return [f"{entry.data['method']} {entry.data['path']}" for entry in arm.record.since(0, "request")]


def missing(facts: Facts) -> dict[str, str]:
    return {fact.name: fact.reason for fact in facts.missing}


# Facts


async def test_everything_about_a_vm_is_found(arm: AzureServer, azure: Azure) -> None:
    facts = await ArmFacts(azure).gather(ref(arm, "web-02"), budget_s=BUDGET_S)

    assert facts.subscription_name == "Contoso Production"
    assert facts.machine is not None
    assert (facts.machine.location, facts.machine.size) == ("westeurope", "Standard_D4s_v5")
    assert facts.machine.power is PowerState.DEALLOCATED
    assert facts.machine.os == "Linux"
    assert facts.tags["owner"] == "olivia@contoso.example"
    assert facts.network is not None
    assert facts.network.public_ips == ("20.50.1.12",)
    assert [(port.ports, port.rule) for port in facts.network.open_ports] == [
        ("22", "allow-22"),
        ("443", "allow-443"),
    ]
    assert facts.backup is not None
    assert not facts.backup.protected
    assert facts.missing == ()
    assert facts.defender is not None
    assert {"machine", "network", "backup", "subscription", "Defender"} <= set(facts.took_ms)


async def test_a_first_start_costs_ten_reads_at_most_and_a_repeat_four(
    arm: AzureServer, azure: Azure
) -> None:
    # The most there can be with one NIC: its own NSG, a subnet with one, and a public IP.
    subnet_group = next(nsg for nsg in arm.estate.of(NSG) if nsg.name == "web-02-nsg")
    nic = arm.estate.get(machine(arm, "web-01").nic_ids()[0])
    subnet = arm.estate.get(nic.properties["ipConfigurations"][0]["properties"]["subnet"]["id"])
    subnet.properties["networkSecurityGroup"] = {"id": subnet_group.id}
    reader = ArmFacts(azure, Sources(azure, backup_believed_s=3.0))
    vm = ref(arm, "web-01")
    start = a.start_event(vm=vm, caller=a.caller(object_id="a0000000-0000-4000-8000-000000000666"))

    async def reads() -> int:
        before = len(asked(arm))
        await reader.gather(vm, budget_s=BUDGET_S, start=start)
        return len(asked(arm)) - before

    first = await reader.gather(vm, budget_s=BUDGET_S, start=start)
    at_first = len(asked(arm))
    at_once = await reads()
    await asyncio.sleep(3.1)

    assert first.network is not None
    assert first.network.nics[0].subnet_nsg_id == subnet_group.id
    assert first.network.open_ports[0].ports == "443"
    assert (at_first, at_once, await reads()) == (10, 2, 4)


async def test_what_is_believed_for_a_while_is_read_again_after(arm: AzureServer, azure: Azure) -> None:
    reader = ArmFacts(azure, Sources(azure, believed_s=0.3, backup_believed_s=0.3))
    await reader.gather(ref(arm, "web-01"), budget_s=BUDGET_S)
    reads = len(asked(arm))

    await asyncio.sleep(0.4)
    await reader.gather(ref(arm, "web-01"), budget_s=BUDGET_S)

    assert len(asked(arm)) == 2 * reads


async def test_a_burst_of_starts_reads_what_they_share_once(arm: AzureServer, azure: Azure) -> None:
    reader = ArmFacts(azure)

    await asyncio.gather(
        *(reader.gather(ref(arm, name), budget_s=BUDGET_S) for name in ("web-01", "web-02", "db-01"))
    )

    shared = [line for line in asked(arm) if "/subnets/" in line or line.count("/") == 2]
    assert len(shared) == len(set(shared)) == 1, "the subnet; their query tells the subscription's name"


async def test_the_subscriptions_name_is_read_by_itself_where_the_query_is_refused(
    arm: AzureServer, azure: Azure
) -> None:
    arm.faults.put(Fault(path="/Microsoft.ResourceGraph/", status=403))

    facts = await ArmFacts(azure).gather(ref(arm, "web-01"), budget_s=BUDGET_S)

    assert facts.subscription_name == "Contoso Production"
    assert set(missing(facts)) == {"Defender"}


async def test_a_fact_beyond_the_budget_is_named_and_the_rest_is_there(
    arm: AzureServer, azure: Azure
) -> None:
    arm.faults.put(Fault(path="/networkSecurityGroups/web-01-nsg", delay_ms=12_000))
    started = asyncio.get_running_loop().time()

    facts = await ArmFacts(azure).gather(ref(arm, "web-01"), budget_s=3.0)

    assert asyncio.get_running_loop().time() - started < 10
    assert missing(facts) == {"NSG web-01-nsg": "did not come within 3 s"}
    assert facts.machine is not None
    assert facts.backup is not None
    assert facts.network is not None
    assert facts.network.public_ips == ("20.50.1.11",)
    assert facts.network.open_ports == ()


async def test_what_came_too_late_is_there_for_the_next_look(arm: AzureServer, azure: Azure) -> None:
    arm.faults.put(Fault(path="/networkSecurityGroups/web-01-nsg", delay_ms=5000, times=1))
    reader = ArmFacts(azure)
    # Long enough for that read to have begun, however slow the machine is at the moment.
    first = await reader.gather(ref(arm, "web-01"), budget_s=3.0)
    await asyncio.sleep(4.0)

    facts = await reader.gather(ref(arm, "web-01"), budget_s=BUDGET_S)

    assert missing(first) == {"NSG web-01-nsg": "did not come within 3 s"}
    assert facts.missing == ()
    assert len([line for line in asked(arm) if line.endswith("/web-01-nsg")]) == 1


async def test_a_vm_that_does_not_come_in_time_leaves_everything_missing(
    arm: AzureServer, azure: Azure
) -> None:
    arm.faults.put(Fault(path="/virtualMachines/", delay_ms=2000))

    facts = await ArmFacts(azure).gather(ref(arm, "web-01"), budget_s=0.2)

    assert facts.machine is None
    assert facts.subscription_name == "Contoso Production"
    assert set(missing(facts)) == {"machine", "network", "backup"}


async def test_a_fact_that_is_refused_names_the_right_we_lack(arm: AzureServer, azure: Azure) -> None:
    arm.faults.put(Fault(path="/backupStatus", status=403))

    facts = await ArmFacts(azure).gather(ref(arm, "web-01"), budget_s=BUDGET_S)

    assert facts.backup is None
    assert "Microsoft.RecoveryServices/locations/backupStatus/action" in missing(facts)["backup"]
    assert facts.network is not None


async def test_an_answer_that_nobody_expected_costs_one_fact(
    arm: AzureServer, azure: Azure, caplog: pytest.LogCaptureFixture
) -> None:
    nic = arm.estate.get(machine(arm, "db-01").nic_ids()[0])
    del nic.properties["ipConfigurations"]
    nic.properties["networkSecurityGroup"] = {"id": "nonsense"}

    facts = await ArmFacts(azure).gather(ref(arm, "db-01"), budget_s=BUDGET_S)

    assert missing(facts) == {"NSG nonsense": "Azure's answer was not understood"}
    assert facts.network is not None
    assert len(facts.network.nics) == 2
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    "nonsense",
    [
        {"properties": None},
        {"properties": {"destinationPortRange": "ssh"}},
        {"properties": {"priority": "first"}},
        {"name": None},
    ],
)
async def test_an_nsg_that_nobody_understands_costs_that_fact_alone(
    arm: AzureServer, azure: Azure, nonsense: dict[str, object]
) -> None:
    nsg = next(nsg for nsg in arm.estate.of(NSG) if nsg.name == "web-01-nsg")
    rule = nsg.properties["securityRules"][0]
    given = nonsense.get("properties")
    nonsense = {"properties": {**rule["properties"], **given}} if isinstance(given, dict) else nonsense
    nsg.properties["securityRules"] = [{**rule, **nonsense}]

    facts = await ArmFacts(azure).gather(ref(arm, "web-01"), budget_s=BUDGET_S)

    assert missing(facts) == {"NSG web-01-nsg": "Azure's answer was not understood"}
    assert facts.network is not None
    assert facts.network.public_ips == ("20.50.1.11",)
    assert facts.network.open_ports == ()


async def test_a_vm_that_does_not_exist_is_gone(arm: AzureServer, azure: Azure) -> None:
    vm = ref(arm, "web-01")
    arm.estate.remove(vm.resource_id)

    facts = await ArmFacts(azure).gather(vm, budget_s=BUDGET_S)

    assert facts.gone
    assert facts.machine is None


async def test_throttling_of_the_first_read_is_passed_on(arm: AzureServer, azure: Azure) -> None:
    arm.faults.put(Fault(path="/virtualMachines/", status=429, retry_after_s=27))

    with pytest.raises(DependencyAway) as away:
        await ArmFacts(azure).gather(ref(arm, "web-01"), budget_s=BUDGET_S)

    assert away.value.retry_after_s == 27
    assert len([line for line in asked(arm) if "/virtualMachines/" in line]) == 1


async def test_throttling_of_a_later_read_costs_one_fact(arm: AzureServer, azure: Azure) -> None:
    arm.faults.put(Fault(path="/networkInterfaces/db-01-nic2", status=429, retry_after_s=60))

    facts = await ArmFacts(azure).gather(ref(arm, "db-01"), budget_s=BUDGET_S)

    assert set(missing(facts)) == {"NIC db-01-nic2"}
    assert facts.network is not None
    assert [nic.name for nic in facts.network.nics] == ["db-01-nic"]


async def test_no_connection_at_all_is_an_outage(arm: AzureServer) -> None:
    vm = ref(arm, "web-01")
    await arm.stop()

    async with Azure(arm.url, None, SecretStr(TOKEN)) as azure:
        with pytest.raises(DependencyAway, match="could not read the VM web-01"):
            await ArmFacts(azure).gather(vm, budget_s=BUDGET_S)


async def test_a_vm_without_nics_has_a_network_without_anything(arm: AzureServer, azure: Azure) -> None:
    facts = await ArmFacts(azure).gather(ref(arm, "island-01"), budget_s=BUDGET_S)

    assert facts.network is not None
    assert facts.network.nics == ()
    assert facts.missing == ()


async def test_a_subnet_nsg_alone_is_reported_as_the_guard(arm: AzureServer, azure: Azure) -> None:
    facts = await ArmFacts(azure).gather(ref(arm, "build-07"), budget_s=BUDGET_S)

    assert facts.network is not None
    (nic,) = facts.network.nics
    assert nic.nsg_id is None
    assert (nic.subnet_nsg_id or "").endswith("-guarded-nsg")


@pytest.mark.parametrize(
    ("sku", "ports"),
    [("Basic", ["*"]), ("Standard", []), ("StandardV2", []), (None, ["*"]), ("Something", ["*"])],
)
async def test_a_public_ip_without_any_nsg_is_open_unless_its_sku_says_that_it_is_not(
    arm: AzureServer, azure: Azure, sku: str | None, ports: list[str]
) -> None:
    nic = arm.estate.get(machine(arm, "web-01").nic_ids()[0])
    del nic.properties["networkSecurityGroup"]
    address = nic.properties["ipConfigurations"][0]["properties"]["publicIPAddress"]["id"]
    arm.estate.get(address).extra = {"sku": {"name": sku}} if sku else {}

    facts = await ArmFacts(azure).gather(ref(arm, "web-01"), budget_s=BUDGET_S)

    assert facts.network is not None
    assert [port.ports for port in facts.network.open_ports] == ports


async def test_a_classic_vm_is_read_as_far_as_it_can_be(arm: AzureServer, azure: Azure) -> None:
    facts = await ArmFacts(azure).gather(ref(arm, "legacy-01"), budget_s=BUDGET_S)

    assert facts.machine is not None
    assert facts.machine.power is PowerState.DEALLOCATED
    assert facts.tags["owner"] == "olivia@contoso.example"
    assert set(missing(facts)) == {"network", "backup", "Defender"}


# Clients


@pytest.mark.parametrize(
    ("endpoint", "token", "remedy"),
    [
        ("http://management.azure.com", "t", "use https"),
        ("http://127.0.0.1.evil.example", "t", "use https"),
        ("https://management.azure.com", "t", "leave it out"),
        ("http://127.0.0.1:8080", None, "use https"),
        ("https://user@management.azure.com", None, "not the address"),
        ("management.azure.com", None, "not the address"),
    ],
)
def test_an_endpoint_that_would_give_the_token_away_is_refused(
    endpoint: str, token: str | None, remedy: str
) -> None:
    with pytest.raises(ValueError, match=remedy):
        Azure(endpoint, None, SecretStr(token) if token else None)


async def test_a_real_identity_is_asked_for_the_scope_of_the_endpoint() -> None:
    async with Azure("https://management.usgovcloudapi.net/") as azure:
        assert azure.endpoint.scope == "https://management.usgovcloudapi.net/.default"
        assert azure.endpoint.owns("https://usgovvirginia.management.usgovcloudapi.net/x?c=1")
        assert not azure.endpoint.owns("https://management.usgovcloudapi.net.evil.example/x")
        assert not azure.endpoint.owns("http://management.usgovcloudapi.net/x")
        assert azure.compute("s") is azure.compute("S")


async def test_closing_twice_is_harmless(arm: AzureServer) -> None:
    azure = Azure(arm.url, None, SecretStr(TOKEN))
    await ArmFacts(azure).gather(ref(arm, "web-01"), budget_s=BUDGET_S)

    await azure.aclose()
    await azure.aclose()


async def test_importing_the_adapter_does_not_import_the_sdk() -> None:
    code = (
        "import sys, workers.arm.read.facts, workers.arm.read.subscriptions.inventory, workers.arm.steps; "
        "print(any(name.startswith('azure.mgmt.network') for name in sys.modules))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()

    assert out.decode().strip() == "False"


async def test_the_token_is_never_logged(
    arm: AzureServer, azure: Azure, caplog: pytest.LogCaptureFixture
) -> None:
    # Also the loggers that the processes turn down, in case a test before this one has set up logging.
    for name in (None, "azure", "azure.core.pipeline.policies.http_logging_policy"):
        caplog.set_level(logging.DEBUG, logger=name)

    await ArmFacts(azure).gather(ref(arm, "web-01"), budget_s=BUDGET_S)

    assert "/virtualMachines/web-01" in caplog.text
    assert TOKEN not in caplog.text


def _details(arm: AzureServer) -> list[dict[str, Any]]:
    return [entry.data for entry in arm.record.since(0, "request")]


async def test_every_request_can_be_told_from_every_other(arm: AzureServer, azure: Azure) -> None:
    await ArmFacts(azure).gather(ref(arm, "web-01"), budget_s=BUDGET_S)

    ids = [data["client_request_id"] for data in _details(arm)]
    assert all(ids)
    assert len(ids) == len(set(ids))
