"""The diary of processes: started, stopped, failed; never a secret, never in the way."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from deploy.sandbox.client import PATIENCE_S
from tests.doubles import FakeClock
from workers.domain.audit import AuditRecord
from workers.domain.errors import DependencyAway
from workers.domain.ids import PARTITIONS
from workers.domain.ports.store import Commit
from workers.settings import WorkersSettings
from workers.store.in_memory.store import MemoryStore
from workers.use_cases import note_process
from workers.use_cases.note_process import noted

SECRET = "hunter22"


class Flaky(MemoryStore):
    """Away until it is told otherwise."""

    away = False

    async def commit(self, commit: Commit) -> bool:
        if self.away:
            raise DependencyAway("redis", "refused")
        return await super().commit(commit)


async def records(store: MemoryStore) -> list[AuditRecord]:
    return [record for p in range(PARTITIONS) for record in await store.audit(p)]


async def kinds(store: MemoryStore) -> list[str]:
    return [record.kind for record in await records(store)]


async def until(store: MemoryStore, *wanted: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await kinds(store) != list(wanted):  # noqa: ASYNC110 - the store has no event to wait for
            await asyncio.sleep(0.001)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkersSettings:
    policy = tmp_path / "policy.yaml"
    policy.write_text("oncall: {users: [U0OLGA001]}\n")
    for name in ("STARTGATE_SERVICEBUS_NAMESPACE", "STARTGATE_ARM_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STARTGATE_REDIS_URL", f"rediss://user:{SECRET}@cache:6380/0")
    monkeypatch.setenv("STARTGATE_SERVICEBUS_CONNECTION", f"Endpoint=sb://x;SharedAccessKey={SECRET}")
    monkeypatch.setenv("STARTGATE_POLICY", str(policy))
    return WorkersSettings()


@pytest.fixture
def store(clock: FakeClock) -> Flaky:
    return Flaky(clock)


async def test_a_start_and_an_orderly_end_are_noted(
    store: Flaky, clock: FakeClock, settings: WorkersSettings
) -> None:
    async with noted(store, clock, "workers", settings):
        await until(store, "process.started")
        clock.advance(60)
    started, stopped = await records(store)
    assert (started.kind, stopped.kind) == ("process.started", "process.stopped")
    assert (stopped.at - started.at).total_seconds() == 60
    assert started.details["process"] == "workers"
    assert started.details["policy_sha256"] == hashlib.sha256(settings.policy.read_bytes()).hexdigest()
    assert started.details["settings"]["facts_budget_s"] == 2.0
    assert {"host", "python", "startgate"} <= set(started.details)


async def test_secrets_are_only_said_to_be_set(
    store: Flaky, clock: FakeClock, settings: WorkersSettings
) -> None:
    async with noted(store, clock, "workers", settings):
        await until(store, "process.started")
    (started, _) = await records(store)
    assert started.details["settings"]["redis_url"] == "set"
    assert started.details["settings"]["servicebus_connection"] == "set"
    assert started.details["settings"]["arm_token"] == "not set"
    assert SECRET not in started.model_dump_json()


async def test_a_policy_that_can_not_be_read_is_noted_as_such(
    store: Flaky, clock: FakeClock, settings: WorkersSettings
) -> None:
    settings.policy.unlink()
    async with noted(store, clock, "workers", settings):
        await until(store, "process.started")
    assert (await records(store))[0].details["policy_sha256"] == "can't be read: FileNotFoundError"


async def test_a_failure_is_noted_by_its_kinds_and_goes_on(
    store: Flaky, clock: FakeClock, settings: WorkersSettings
) -> None:
    with pytest.raises(ExceptionGroup):  # noqa: PT012 - it has to be raised inside, once the start is noted
        async with noted(store, clock, "workers", settings):
            await until(store, "process.started")
            raise ExceptionGroup("jobs", [ValueError(SECRET), ExceptionGroup("more", [KeyError(SECRET)])])
    failed = (await records(store))[-1]
    assert (failed.kind, failed.details["errors"]) == ("process.failed", "KeyError, ValueError")
    assert SECRET not in failed.model_dump_json()


async def test_an_absent_redis_does_not_hold_up_the_process_and_is_told_later(
    store: Flaky, clock: FakeClock, settings: WorkersSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(note_process, "_AGAIN_S", 0.001)
    store.away = True
    async with noted(store, clock, "workers", settings):
        await asyncio.sleep(0.02)
        assert await kinds(store) == []
        store.away = False
        await until(store, "process.started")


async def test_an_end_without_redis_is_an_end_all_the_same(
    store: Flaky, clock: FakeClock, settings: WorkersSettings
) -> None:
    async with noted(store, clock, "workers", settings):
        await until(store, "process.started")
        store.away = True
    assert await kinds(store) == ["process.started"]
