"""``startgate expect`` against a real store: announced, listed, withdrawn."""

import json

import pytest
import pytest_asyncio

from deploy.sandbox.azure.server import AzureServer
from tests.contract.operator.command_line import CommandLine
from tests.valkey_server import Valkey


@pytest_asyncio.fixture
async def line(arm: AzureServer, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    made = CommandLine(arm, valkey, monkeypatch)
    await made.take_inventory()
    return made


async def test_a_start_is_announced_listed_and_withdrawn(line: CommandLine) -> None:
    announced = await line(
        "expect", "web-01", "2h", "--reason", "patch day", "--caller", "Alice@contoso.example"
    )
    assert announced.exit_code == 0, announced.output
    assert announced.stdout.startswith("Expected from ")
    listed = await line("expect", "list", "--json")
    (one,) = json.loads(listed.stdout)
    assert one["vm"].endswith("/virtualmachines/web-01")
    assert (one["reason"], one["caller"]) == ("patch day", "alice@contoso.example")
    assert (await line("expect", "withdraw", one["id"])).exit_code == 0
    assert (await line("expect", "list")).stdout == "0 starts expected.\n"
    again = await line("expect", "withdraw", one["id"])
    assert again.exit_code == 1
    assert "`startgate expect list` lists what is expected" in again.stderr


async def test_a_condition_stands_in_the_place_of_a_vm(line: CommandLine) -> None:
    condition = 'vm.resource_group == "rg-shop" && caller.email == "alice@contoso.example"'
    announced = await line("expect", "1h", "--when", condition, "--reason", "patch day")
    assert announced.exit_code == 0, announced.output
    assert condition in announced.stdout


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("web-01", "9h", "--reason", "x"), "at most 8 hours"),
        (("web-01", "2h"), "needs a reason"),
        (("no-such-vm", "2h", "--reason", "x"), "No VM matches"),
        (("2h", "--when", "true", "--reason", "x"), "lets everybody's start pass"),
        (("withdraw", "nothing"), "no start is expected under"),
    ],
)
async def test_what_can_not_be_expected_is_said_with_the_remedy(
    line: CommandLine, typed: tuple[str, ...], said: str
) -> None:
    result = await line("expect", *typed)
    assert result.exit_code == 1
    assert said in result.stderr


async def test_how_it_is_typed_is_said(line: CommandLine) -> None:
    result = await line("expect", "web-01")
    assert result.exit_code == 2
    assert "WINDOW" in result.stderr
