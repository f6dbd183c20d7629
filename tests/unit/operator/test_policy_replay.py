"""``startgate policy replay``: a changed policy over recorded starts, on a real Valkey."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from tests import builders as a
from tests.valkey_server import Valkey
from workers.cli import app
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.ids import partition_of_vm
from workers.domain.policy.model import Rule, Verdict
from workers.domain.policy.rules import Ruling
from workers.domain.ports.store import Commit
from workers.domain.starts.events import Phase
from workers.store.connection import connect
from workers.store.redis_store import RedisStore
from workers.use_cases.starts.let_pass import LetPass
from workers.use_cases.starts.record import start_record

OPS = "ops@contoso.com"
ONCALL = "oncall: {usergroup: S0ONCALL1}\n"
AT_ONCE = "remind_after: 3m, escalate_after: 3m, expire_after: 3m"
ASKED = Ruling(verdict=Verdict.ASK)
EXPECTED = Ruling(verdict=Verdict.PASS, rule=Rule(name="nightly", when="true", verdict=Verdict.PASS))
SILENT = {"state": ApprovalState.EXPIRED, "closed_at": a.NOW + timedelta(hours=1)}


@pytest.fixture
async def store(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RedisStore]:
    monkeypatch.setenv("STARTGATE_REDIS_URL", valkey.url)
    monkeypatch.setenv("STARTGATE_SERVICEBUS_NAMESPACE", "unused")
    monkeypatch.setenv("STARTGATE_POLICY", "unused.yaml")
    async with connect(SecretStr(valkey.url)) as client:
        yield RedisStore(client)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return tmp_path / "policy.yaml"


def event(name: str, **changes: Any) -> Any:
    return a.start_event(vm=a.vm_ref(name=name), **changes)


async def write(store: RedisStore, *approvals: Approval) -> None:
    for one in approvals:
        partition = partition_of_vm(one.event.vm.key)
        record = start_record("approval.opened", one.event, one.opened_at, one, ASKED)
        document = one.changed(version=0)
        assert await store.commit(Commit(partition=partition, documents=(document,), audit=(record,)))


async def replay(policy: Path, text: str, *arguments: str) -> Result:
    """In a thread, since the command has an event loop of its own."""
    return await asyncio.to_thread(_replay, policy, text, *arguments)


def _replay(policy: Path, text: str, *arguments: str) -> Result:
    policy.write_text(ONCALL + text, encoding="utf-8")
    return CliRunner().invoke(app, ["policy", "replay", str(policy), *arguments])


async def judged(policy: Path, text: str) -> dict[str, Any]:
    result = await replay(policy, text, "--json")
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def fates(told: dict[str, Any], side: str) -> dict[str, int]:
    return {fate: count for fate, count in told["fates"][side].items() if count}


RULES = """rules:
  - {name: by app, when: 'caller.app_id == "x"', verdict: pass}
  - {name: dev passes, when: 'vm.tags["env"] == "dev"', verdict: pass}
  - {name: contains, when: 'vm.name == "vm-silent"', on_silence: contain}
"""


async def test_it_tells_what_would_have_come_of_each_start(store: RedisStore, policy: Path) -> None:
    tagged = a.facts(machine=a.facts().machine.changed(tags={"env": "dev", "owner": "dev@contoso.com"}))
    plain = a.facts(machine=a.facts().machine.changed(tags={"env": "prod", "owner": OPS}))
    await write(
        store,
        a.approval(event=event("vm-dev"), facts=tagged, state=ApprovalState.CONFIRMED),
        a.approval(event=event("vm-web"), facts=plain, state=ApprovalState.CONFIRMED),
        a.approval(event=event("vm-silent"), facts=plain, **SILENT),
    )
    told = await judged(policy, RULES)
    assert fates(told, "happened") == {"asked": 3}
    assert fates(told, "would") == {"passed": 1, "asked": 1, "contained on silence": 1}
    by_vm = {one["vm"].rpartition("/")[2]: one["would"] for one in told["judged"]}
    assert by_vm["vm-dev"]["rule"] == "dev passes"
    assert by_vm["vm-web"] == {**by_vm["vm-web"], "rule": "defaults", "told": [OPS]}
    assert by_vm["vm-silent"]["rule"] == "contains"


@pytest.mark.parametrize(
    ("answered_after", "defaults", "whom"),
    [
        (5, "{}", [OPS]),
        (15, "{}", [OPS] * 2),
        (25, "{}", [*[OPS] * 2, "on-call"]),
        (25, "{remind_after: 1h, escalate_after: 2h, expire_after: 3h}", [OPS]),
        (
            5,
            "{remind_after: 1m, escalate_after: 2m, expire_after: 3m}",
            [*[OPS] * 2, "on-call"],
        ),
        (5, "{remind_after: 2m, escalate_after: 2m, expire_after: 3m}", [OPS, "on-call"]),
        (5, f"{{{AT_ONCE}, on_silence: leave}}", [OPS]),
        (5, f"{{{AT_ONCE}}}", [OPS, "on-call"]),
    ],
)
async def test_it_tells_whom_it_would_have_woken_how_often(
    store: RedisStore, policy: Path, answered_after: int, defaults: str, whom: Sequence[str]
) -> None:
    facts = a.facts(machine=a.facts().machine.changed(tags={"owner": OPS}))
    closed = a.NOW + timedelta(minutes=answered_after)
    await write(store, a.approval(facts=facts, state=ApprovalState.CONFIRMED, closed_at=closed))
    (one,) = (await judged(policy, f"defaults: {defaults}"))["judged"]
    assert one["would"]["told"] == whom


async def test_a_guarded_vm_would_not_have_been_contained(store: RedisStore, policy: Path) -> None:
    await write(store, a.approval(event=event("vm-silent"), **SILENT))
    guard = "never: 'vm.name == \"vm-silent\"'\n"
    assert fates((await judged(policy, RULES + guard)), "would") == {"asked": 1}
    assert fates((await judged(policy, RULES)), "would") == {"contained on silence": 1}


async def test_a_question_that_reached_nobody_is_contained_if_the_policy_says_so(
    store: RedisStore, policy: Path
) -> None:
    await write(store, a.approval(asked_at=None, asked_whom=(), **SILENT))
    told = await judged(policy, "defaults: {on_undelivered: contain}")
    assert fates(told, "would") == {"contained on silence": 1}
    assert told["messages"] == {"happened": {}, "would": {}}
    (one,) = (await judged(policy, "defaults: {on_silence: contain}"))["judged"]
    assert (one["would"]["fate"], one["would"]["told"]) == ("asked", ["on-call"])


async def test_a_start_that_joined_a_question_tells_nobody_anew(store: RedisStore, policy: Path) -> None:
    joined = {"state": ApprovalState.JOINED, "asked_at": None, "asked_whom": (), "joined_to": "question"}
    start = a.approval(**joined, closed_at=a.NOW, version=0)
    record = start_record("approval.joined", start.event, a.NOW, start, ASKED)
    record = record.changed(about="question", details={**record.details, "start": start.id})
    partition = partition_of_vm(start.event.vm.key)
    await store.commit(Commit(partition=partition, documents=(start,), audit=(record,)))
    told = await judged(policy, "defaults: {on_silence: contain}")
    assert fates(told, "would") == {"asked": 1}
    assert told["messages"] == {"happened": {}, "would": {}}


async def test_a_question_that_retention_has_removed_is_judged_by_what_the_audit_kept(
    store: RedisStore, policy: Path
) -> None:
    gone = a.approval()
    record = start_record("approval.opened", gone.event, a.NOW, gone, ASKED)
    await store.commit(Commit(partition=partition_of_vm(gone.event.vm.key), audit=(record,)))
    (one,) = (await judged(policy, "rules: [{name: e, when: 'caller.email != \"\"', verdict: pass}]"))[
        "judged"
    ]
    assert (one["happened"]["fate"], one["would"]["fate"]) == ("asked", "passed")
    assert fates(await judged(policy, RULES), "would") == {"can't be judged": 1}


async def test_what_needs_facts_of_a_start_that_passed_can_t_be_judged(
    store: RedisStore, policy: Path
) -> None:
    for phase in (Phase.STARTED, Phase.SUCCEEDED):  # two events of one start
        at = a.NOW + timedelta(seconds=phase is Phase.SUCCEEDED)
        await LetPass(store)(event("vm-a", phase=phase, at=at), EXPECTED, a.NOW)
    told = await judged(policy, RULES)
    assert fates(told, "happened") == {"passed": 1}
    assert fates(told, "would") == {"can't be judged": 1}
    assert told["judged"][0]["would"]["why"] == "the rule 'dev passes' needs facts, which are not kept"
    assert fates((await judged(policy, "defaults: {on_silence: contain}")), "would") == {
        "asked, contained if nobody answers": 1
    }
    passes = "rules: [{name: all, when: 'vm.name == \"vm-a\"', verdict: pass}]"
    assert fates((await judged(policy, passes)), "would") == {"passed": 1}


async def test_tables_begin_with_the_answer_and_are_honest(store: RedisStore, policy: Path) -> None:
    hostile = a.start_event(vm=a.vm_ref(name="vm-silent"), caller=a.caller(name="\x1b[2J"))
    await write(store, a.approval(event=hostile, **SILENT))
    result = await replay(policy, RULES)
    first, *others = result.stdout.splitlines()
    assert first.startswith(f"{policy}: of 1 starts since ")
    assert first.endswith(
        "1 would be asked about (1 were), 0 would be told of (0 were), 0 would pass (0 did),"
        " 0 would have the VM contained by a rule (0 did) and 0 can't be judged."
    )
    assert any("asked by 'defaults' → contained on silence: by 'contains'" in line for line in others)
    assert "The tags before a start are not kept" in result.stdout
    assert "\x1b" not in result.stdout


async def test_it_writes_nothing_and_looks_no_further_back_than_asked(
    store: RedisStore, valkey: Valkey, policy: Path
) -> None:
    await write(store, a.approval())
    async with connect(SecretStr(valkey.url)) as client:
        before = {key: await client.dump(key) for key in sorted(await client.keys("*"))}
        assert (await judged(policy, RULES))["starts"] == 1
        assert {key: await client.dump(key) for key in sorted(await client.keys("*"))} == before
    assert "of 0 starts since 2999-01-01" in (await replay(policy, RULES, "--since", "2999-01-01")).stdout


async def test_an_invalid_policy_is_told_as_by_check(policy: Path) -> None:
    result = await replay(policy, "rules: 3")
    assert result.exit_code == 1
    assert f"{policy}: 1 error" in result.stderr


def test_its_help_says_what_is_no_longer_known() -> None:
    said = CliRunner().invoke(app, ["policy", "replay", "--help"]).stdout
    assert "is no longer known of a recorded start" in " ".join(said.split())
