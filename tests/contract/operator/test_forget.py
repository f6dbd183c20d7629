"""A caller's habits are forgotten by command, over a real Redis; the audit says so without a name."""

import asyncio

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from deploy.sandbox.system import POLICY
from tests import builders as a
from tests.valkey_server import Valkey
from workers.cli import app
from workers.domain.ids import PARTITIONS, approval_id
from workers.domain.starts.past.entries import caller_key
from workers.store.connection import connect
from workers.store.redis_store import RedisStore

EVENT = a.start_event()
WHO = caller_key(EVENT.caller)


async def forget(who: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["forget", who, "--reason", "asked for it"])


@pytest.fixture
def environment(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SERVICEBUS_CONNECTION": "Endpoint=sb://127.0.0.1;SharedAccessKeyName=k;SharedAccessKey=s",
        "REDIS_URL": valkey.url,
        "POLICY": str(POLICY),
    }.items():
        monkeypatch.setenv(f"STARTGATE_{name}", value)


@pytest.mark.usefixtures("environment")
async def test_a_callers_habits_go_and_nobody_elses(valkey: Valkey) -> None:
    other = EVENT.changed(caller=a.caller(object_id="somebody-else"), correlation_id="another")
    async with connect(SecretStr(valkey.url)) as client:
        store = RedisStore(client)
        for event in (EVENT, other):
            await store.known_start(approval_id(event.vm.key, event.dedupe_key), event)
        result = await forget(WHO.upper())
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("1 start forgotten.")
        assert await store.forget_caller(caller_key(other.caller)) == 1
        records = [record for p in range(PARTITIONS) for record in await store.audit(p)]
    (record,) = records
    assert record.kind == "caller.forgotten"
    assert WHO not in record.model_dump_json()


@pytest.mark.usefixtures("environment")
async def test_somebody_of_whom_nothing_is_remembered_is_told_what_to_give() -> None:
    result = await forget("nobody")
    assert result.exit_code == 1
    assert "Give the object id" in result.stdout
