"""A start that no event tells of is found and asked about; a canary goes the same way and asks nobody."""

import json

import pytest
import pytest_asyncio

from deploy.sandbox.system import System
from tests.scenario.conftest import QUICK, Start, write_policy
from tests.scenario.scene import Scene, texts


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def swept(own: Start, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A system that looks for missed starts every second."""
    often = {"STARTGATE_MISSED_STARTS_EVERY_S": "1", "STARTGATE_MISSED_STARTS_AFTER_S": "0"}
    policy = write_policy(tmp_path_factory.mktemp("missed"))
    return await own(System(policy=policy, speed=0, extra=QUICK | often))


async def test_the_owner_is_asked_about_a_start_that_only_the_activity_log_knows(swept: Scene) -> None:
    asked = await swept.ask(how={"schema": "none"})
    card = "\n".join(texts((await swept.message(asked.dm))["blocks"]))
    assert "Found by a sweep" in card
    assert "Mallory" in card
    (opened,) = await swept.audited("approval.opened", asked.start.vm_id)
    assert opened["details"]["found_by"] == "sweep"

    await swept.send(
        {
            "subject": asked.start.vm_id,
            "eventType": "Microsoft.Resources.ResourceActionSuccess",
            "eventTime": opened["details"]["started_at"],
            "id": "late",
            "data": {
                "correlationId": opened["details"]["correlation_id"],
                "resourceUri": asked.start.vm_id,
                "operationName": "Microsoft.Compute/virtualMachines/start/action",
                "status": "Succeeded",
            },
        }
    )
    await swept.quiet()
    await swept.audited("approval.opened", asked.start.vm_id)
    assert await swept.audited("approval.joined", asked.start.vm_id, count=0) == []


async def test_a_canary_is_seen_and_nobody_is_asked(swept: Scene) -> None:
    slack, azure = await swept.slack.last_seq(), await swept.azure.last_seq()
    told = json.loads(await swept.startgate("canary", "--json"))
    assert (told["seen"], told["waits_for"]) == (True, None)
    assert list(told["took_ms"]) == ["queue", "judged", "recorded", "seen"]
    assert await swept.slack.record(slack, "posted") == []
    writes = [one for one in await swept.azure.record(azure, "request") if one["method"] != "GET"]
    assert writes == []
    assert (await swept.startgate("canary")).startswith("The canary was seen after")
