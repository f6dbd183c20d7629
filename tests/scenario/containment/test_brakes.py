"""What keeps Startgate from acting, in the running system: the guarded set, the kill switch, and the cap."""

import json
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest
import pytest_asyncio

from deploy.sandbox.system import System
from tests.scenario.conftest import POLICY, QUICK, Start
from tests.scenario.scene import NADIA, ONCALL, OWNER_TAG, CardCopy, Scene, eventually, leaks

GO_ON = "cap.go_on"
GUARDED = OWNER_TAG | {"role": "dc"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def braked(own: Start, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    path = tmp_path_factory.mktemp("brakes") / "policy.yaml"
    never = [{"name": "domain controllers", "when": 'vm.tags["role"] == "dc"'}]
    path.write_text(json.dumps(POLICY | {"never": never}), encoding="utf-8")
    return await own(System(policy=path, speed=0, extra=QUICK))


async def test_a_rejected_start_of_a_guarded_vm_pages_on_call_and_nothing_is_written_to_azure(
    braked: Scene,
) -> None:
    asked = await braked.ask(tags=GUARDED)
    assert "The policy never contains this VM (domain controllers)" in await braked.shown(asked.dm)
    await braked.reject("olivia", asked.dm, "not me")
    page = await braked.slack.wait_for(
        "on-call to be paged",
        lambda e: e["kind"] == "posted" and e["channel"] == ONCALL and "you have to act" in str(e["blocks"]),
        since=asked.start.seq,
    )
    assert "<!subteam^" in str(page["blocks"])
    await braked.quiet()
    record, *_ = await braked.audited("approval.rejected", asked.start.vm_id)
    assert record["details"]["guarded"] == "domain controllers"
    starts = [e for e in await braked.changes(asked.start.vm_id) if not e["path"].endswith("/start")]
    assert starts == []


async def test_a_lockdown_of_a_guarded_vm_is_refused_with_the_reason_and_the_remedy(braked: Scene) -> None:
    vm = await braked.new_vm(tags=GUARDED, power="running")
    seq = await braked.slack.last_seq()

    async def listed() -> bool:
        await braked.command("nadia", f"/vm-lockdown {vm['name']} --yes odd")
        return bool([e for e in await braked.slack.record(seq, "ephemeral") if "guarded set" in str(e)])

    await eventually("the inventory to know it", listed)
    await braked.told(NADIA, "domain controllers", "take it out of", since=seq)
    assert await braked.changes(vm["id"]) == []


async def test_while_writes_are_paused_a_rejection_waits_and_everybody_sees_why(braked: Scene) -> None:
    open_before = await braked.ask()
    await braked.startgate("pause", "--reason", "the wrong VMs", "--for", "10m")
    await braked.until_shown(open_before.dm, "the pause", "Changes in Azure are paused", "the wrong VMs")
    asked = await braked.ask()
    seq = await braked.slack.last_seq()
    await braked.reject("olivia", asked.dm, "not me")
    views = [e["view"] for e in await braked.slack.record(seq, "view")]
    assert any("Changes in Azure are paused" in json.dumps(view) for view in views)
    await braked.until_shown(asked.dm, "what waits", "Changes in Azure are paused", "not me")
    await braked.quiet()
    changed = [e for e in await braked.changes(asked.start.vm_id) if not e["path"].endswith("/start")]
    assert changed == []
    await braked.audited("containment.held", asked.start.vm_id)
    assert await braked.audit("pause.begun")
    await braked.command("nadia", "/vm-pause end")
    await braked.until_contained(asked.dm)
    await braked.audited("containment.resumed", asked.start.vm_id)
    assert "are paused" not in await braked.shown(open_before.dm)


async def test_the_evidence_of_a_containment_holds_what_azure_got_and_what_slack_shows(
    braked: Scene, tmp_path: Path
) -> None:
    asked = await braked.ask()
    await braked.reject("olivia", asked.dm, "not me at all")
    await braked.until_contained(asked.dm)
    await braked.quiet()
    record, *_ = await braked.audited("approval.rejected", asked.start.vm_id)
    path = tmp_path / "evidence.zip"
    said = await braked.startgate("evidence", record["about"], "--output", str(path))
    digest = said.splitlines()[0].rpartition(" ")[2]
    assert await braked.startgate("evidence", "--verify", str(path), "--sha256", digest) == f"{path}: fine\n"
    with zipfile.ZipFile(path) as bundle:
        files = {name: bundle.read(name).decode() for name in bundle.namelist()}
    exchanges = [json.loads(text) for name, text in files.items() if name.startswith("exchanges/")]
    sent = [e for e in await braked.changes(asked.start.vm_id) if not e["path"].endswith("/start")]
    got = sorted((e["method"], unquote(e["path"]), e["correlation_id"]) for e in sent)
    assert got
    named = [(e["method"], unquote(e["path"].partition("?")[0]), e["correlation_id"]) for e in exchanges]
    assert [one for one in sorted(named) if one in got] == got
    cards = json.loads(files[f"cards/{record['about']}.json"])
    assert any("not me at all" in str(copy["says"]) for copy in cards)
    assert all(reply["says"] for copy in cards for reply in copy["thread"])
    assert leaks("".join(files.values())) == []


async def test_beyond_the_cap_on_call_is_asked_once_and_the_rest_goes_on_when_they_say_so(
    own: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("cap") / "policy.yaml"
    path.write_text(json.dumps(POLICY | {"cap": {"containments_per_hour": 1}}), encoding="utf-8")
    scene = await own(System(policy=path, speed=0, extra=QUICK))
    asked = [await scene.ask() for _ in range(3)]
    seq = await scene.slack.last_seq()
    for one in asked:
        await scene.reject("olivia", one.dm, "not me")
        await scene.until_shown(one.dm, "the rejection", "not me")
    question = await scene.slack.wait_for(
        "on-call to be asked about both",
        lambda e: (
            e["kind"] in ("posted", "updated")
            and e["channel"] == ONCALL
            and all(one.vm in json.dumps(e["blocks"]) for one in asked[1:])
            and GO_ON in json.dumps(e["blocks"])
        ),
        since=seq,
    )
    await scene.until_contained(asked[0].dm)
    await scene.quiet()
    for one in asked[1:]:
        changed = [e for e in await scene.changes(one.start.vm_id) if not e["path"].endswith("/start")]
        assert changed == []
        assert "It waits" in await scene.shown(one.dm)
    posts = [e for e in await scene.slack.record(seq, "posted") if GO_ON in json.dumps(e["blocks"])]
    assert len(posts) == 1, "one message"
    copy = CardCopy(channel=question["channel"], ts=question["ts"], at_ms=question["at_ms"])
    await scene.click("nadia", copy, GO_ON)
    for one in asked[1:]:
        await scene.until_contained(one.dm)
    (released,) = await scene.audit("cap.released")
    assert released["by"] == f"nadia ({NADIA})"
