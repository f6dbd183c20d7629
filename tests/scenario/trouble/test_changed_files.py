"""Files change while the system runs: the policy, by itself and by SIGHUP, and a token of Slack's."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from deploy.sandbox.stage import eventually
from deploy.sandbox.system import BOT_TOKEN, System
from tests.scenario.conftest import POLICY, QUICK, Start, write_policy
from tests.scenario.scene import CONFIRM, OLIVIA, ONCALL, ONCALL_GROUP, SAM, Scene, texts


class WithFiles(System):
    """A system whose bot reads its token from a file."""

    token: Path

    def environment(self, who: str = "") -> dict[str, str]:
        given = super().environment(who)
        del given["STARTGATE_SLACK_BOT_TOKEN"]
        return given | {"STARTGATE_SLACK_BOT_TOKEN_FILE": str(self.token)}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def changing(own: Start, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    directory = tmp_path_factory.mktemp("files")
    system = WithFiles(policy=write_policy(directory), speed=0, extra=QUICK)
    system.token = directory / "token"
    system.token.write_text(BOT_TOKEN)
    return await own(system)


def _policy(scene: Scene, **changes: Any) -> None:
    scene.system.policy.write_text(json.dumps(POLICY | changes), encoding="utf-8")


async def _page(scene: Scene, words: str, since: int) -> str:
    entry = await scene.slack.wait_for(
        words,
        lambda e: e["kind"] == "posted" and e["channel"] == ONCALL and words in json.dumps(e["blocks"]),
        since=since,
    )
    return "\n".join(texts(entry["blocks"])) + str(entry["mentions"])


async def test_a_changed_policy_is_gone_by_without_a_restart(changing: Scene) -> None:
    """Only the tag ``steward`` names owners now. One process is told so by a signal."""
    fallbacks = [{"tags": {"team": "web"}, "ask": [SAM]}]
    _policy(changing, owner={"tags": ["steward"], "fallbacks": fallbacks, "fallback": "#vm-approvals"})
    pid = changing.system.processes["workers"].pid
    assert pid is not None
    os.kill(pid, signal.SIGHUP)

    async def taken() -> bool:
        return len(await changing.audit("policy.taken")) == 2

    await eventually("both processes to go by it", taken)
    asked = await changing.ask(tags={"owner": "nadia@contoso.example", "steward": OLIVIA})
    shown = "\n".join(texts((await changing.message(asked.dm))["blocks"]))
    assert "steward" in shown
    (opened,) = await changing.audited("approval.opened", asked.start.vm_id)
    taken_by = {
        one["details"]["process"]: one["details"]["in_force"] for one in await changing.audit("policy.taken")
    }
    assert taken_by == {"workers": opened["details"]["policy"], "bot": opened["details"]["policy"]}


async def test_whom_the_policy_names_is_asked_where_tags_name_nobody_and_may_answer(
    changing: Scene,
) -> None:
    asked = await changing.ask(tags={"owner": "olivia@contoso.example", "Team": "web"})
    shown = "\n".join(texts((await changing.message(asked.dm))["blocks"]))
    assert "Asking you as the owner of tag `team=web` by policy." in shown
    await changing.click("sam", asked.dm, CONFIRM)
    await changing.until_shown(asked.dm, "who confirmed", "Confirmed by")
    (confirmed,) = await changing.audited("approval.confirmed", asked.start.vm_id)
    assert confirmed["details"]["owner"]


async def test_a_bad_policy_is_told_to_on_call_and_the_old_one_stays(changing: Scene) -> None:
    seq = await changing.slack.last_seq()
    good = changing.system.policy.read_text(encoding="utf-8")
    changing.system.policy.write_text(good.replace('"oncall"', '"onkall"'), encoding="utf-8")
    page = await _page(changing, "is refused", seq)
    assert ONCALL_GROUP in page
    assert "onkall" in page
    await changing.ask(tags={"steward": OLIVIA})

    changing.system.policy.write_text(good, encoding="utf-8")
    assert ONCALL_GROUP not in await _page(changing, "good again", seq)
    pages = [e for e in await changing.slack.record(seq, "posted") if "refused" in str(e["blocks"])]
    assert len(pages) == 1, "of one bad file, once"


async def test_a_rotated_token_is_used_without_a_restart(changing: Scene) -> None:
    assert isinstance(changing.system, WithFiles)
    await changing.slack.put("/_secrets", {"bot_token": "xoxb-rotated"})
    changing.system.token.write_text("xoxb-rotated")
    asked = await changing.ask(tags={"steward": OLIVIA})
    await changing.click("olivia", asked.dm, CONFIRM)
    await changing.until_shown(asked.dm, "who confirmed", "Confirmed by")
