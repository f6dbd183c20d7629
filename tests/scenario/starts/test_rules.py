"""Rules of the policy, in the running system: an expected start passes, any other is asked about."""

import json
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.sandbox.system import System
from tests.scenario.conftest import POLICY, QUICK, Start
from tests.scenario.scene import Entry, Scene

NIGHTLY = "b0000000-0000-4000-8000-000000000005"
RULES = [
    {"name": "nightly builds", "when": f'caller.app_id == "{NIGHTLY}"', "verdict": "pass"},
    {"name": "playground", "when": 'vm.tags["env"] == "play"', "verdict": "pass"},
    {"name": "weekly tests", "when": 'vm.tags["env"] == "test"', "verdict": "tell"},
    {"name": "stolen key", "when": 'vm.tags["env"] == "bait"', "verdict": "contain"},
    {"name": "production", "when": 'vm.tags["env"] == "prod"', "expire_after": "5m"},
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ruled(own: Start, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    policy = _written(tmp_path_factory.mktemp("rules") / "policy.yaml")
    return await own(System(policy=policy, speed=0, extra=QUICK))


def _written(path: Path) -> Path:
    path.write_text(json.dumps(POLICY | {"rules": RULES}), encoding="utf-8")
    return path


def _reads(requests: list[Entry]) -> list[str]:
    return [entry["path"] for entry in requests if not entry["path"].lower().endswith("/start")]


async def test_an_expected_start_is_on_record_without_a_card_and_without_asking_azure(ruled: Scene) -> None:
    vm = await ruled.new_vm()
    start = await ruled.press_start(vm, "nightly")
    await ruled.done_with(start)
    record, *_ = await ruled.audited("start.passed", vm["id"])
    details = record["details"]
    assert (details["rule"], details["verdict"]) == ("nightly builds", "pass")
    assert details["caller"]["app_id"] == NIGHTLY
    assert not await ruled.root_posts(vm["name"], start.seq)
    assert not _reads(await ruled.requests(vm["id"]))
    await ruled.audited("approval.opened", vm["id"], count=0)


async def test_any_other_start_is_asked_about_on_the_terms_of_its_rule(ruled: Scene) -> None:
    asked = await ruled.ask("intruder")
    record, *_ = await ruled.audited("approval.opened", asked.start.vm_id)
    assert (record["details"]["rule"], record["details"]["verdict"]) == ("production", "ask")
    await ruled.audited("start.passed", asked.start.vm_id, count=0)


async def test_a_rule_about_tags_lets_pass_after_reading_them(ruled: Scene) -> None:
    vm = await ruled.new_vm(tags={"Env": "play"})
    start = await ruled.press_start(vm, "intruder")
    await ruled.done_with(start)
    record, *_ = await ruled.audited("start.passed", vm["id"])
    assert record["details"]["rule"] == "playground"
    assert not await ruled.root_posts(vm["name"], start.seq)


async def test_a_vm_without_the_tag_is_asked_about_and_the_record_says_why(ruled: Scene) -> None:
    asked = await ruled.ask("intruder", tags={"owner": "olivia@contoso.example"})
    record, *_ = await ruled.audited("approval.opened", asked.start.vm_id)
    assert record["details"]["rule"] == "defaults"
    assert record["details"]["unevaluated"] == {
        "playground": 'no such key: "env"',
        "weekly tests": 'no such key: "env"',
        "stolen key": 'no such key: "env"',
        "production": 'no such key: "env"',
    }


async def test_an_announced_start_has_reject_alone_and_a_rejection_contains(ruled: Scene) -> None:
    told = await ruled.ask("intruder", tags={"owner": "olivia@contoso.example", "env": "test"})
    card = await ruled.message(told.dm)
    assert [one["action_id"] for one in card["blocks"][-1]["elements"]] == ["approval.reject"]
    assert "no answer needed" in await ruled.headline(told.dm)
    await ruled.reject("olivia", told.dm, "not mine")
    await ruled.until_contained(told.dm)


async def test_a_rule_contains_without_asking_and_tells_owner_and_on_call(ruled: Scene) -> None:
    told = await ruled.ask("intruder", copies=3, tags={"owner": "olivia@contoso.example", "env": "bait"})
    assert {copy.channel[:1] for copy in told.copies} == {"C", "D"}
    await ruled.until_contained(told.dm)
    card = await ruled.message(told.dm)
    assert "actions" not in {block["type"] for block in card["blocks"]}
    assert "The rule stolen key contains this VM without asking." in json.dumps(card)
    await ruled.audited("approval.ruled", told.start.vm_id)


async def test_a_contained_vm_does_not_pass(ruled: Scene) -> None:
    asked = await ruled.ask("intruder")
    await ruled.reject("olivia", asked.dm, "not mine")
    await ruled.until_contained(asked.dm)
    seq = await ruled.azure.last_seq()
    await ruled.start_vm(asked.start.vm_id, "nightly")
    await ruled.wait_for_change(asked.start.vm_id, "/deallocate", seq)
    await ruled.audited("start.passed", asked.start.vm_id, count=0)
