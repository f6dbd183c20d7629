"""What was put aside before anybody was asked is told to on-call in Slack, with a count and a command."""

import pytest
import pytest_asyncio

from deploy.sandbox.system import System
from tests.scenario.conftest import QUICK, Start, write_policy
from tests.scenario.scene import ONCALL, ONCALL_GROUP, Scene, texts


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def watched(own: Start, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A system that looks at its dead letters every second."""
    policy = write_policy(tmp_path_factory.mktemp("letters"))
    return await own(System(policy=policy, speed=0, extra=QUICK | {"STARTGATE_DEAD_LETTERS_EVERY_S": "1"}))


async def test_on_call_is_told_once_with_a_count_and_what_to_type(watched: Scene) -> None:
    seq = await watched.slack.last_seq()
    for body in ("not JSON", {"hello": "world"}, {"hello": "again"}):
        await watched.dead_letter(await watched.send(body))

    page = await watched.slack.wait_for(
        "a message that calls on-call",
        lambda e: e["kind"] == "posted" and ONCALL_GROUP in str(e["mentions"]),
        since=seq,
    )

    assert page["channel"] == ONCALL
    said = "\n".join(texts(page["blocks"]))
    assert "put aside" in said
    assert "startgate dlq list" in said
    (told, *_) = await watched.audited("dead-letters.told")
    assert f"In the dead letters now: {told['details']['fresh']}." in said
