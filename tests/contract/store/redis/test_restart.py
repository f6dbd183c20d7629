"""After a restart of Redis nothing fails on a connection that died with it."""

import asyncio

from pydantic import SecretStr

from tests.valkey_server import Valkey
from workers.store.connection import connect


async def test_a_restart_costs_no_call_for_each_connection_of_the_pool(valkey: Valkey) -> None:
    client = connect(SecretStr(valkey.url))
    try:
        await asyncio.gather(*(client.ping() for _ in range(8)))
        valkey.stop()
        valkey.start()
        await asyncio.sleep(0.05)  # the loop has to learn that they were closed

        answers = await asyncio.gather(*(client.get("sg:x") for _ in range(8)), return_exceptions=True)
    finally:
        await client.aclose()

    assert answers == [None] * 8
