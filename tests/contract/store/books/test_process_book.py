"""The book of processes: in memory, and on a real Valkey."""

import pytest
import redis.asyncio as redis

from tests import builders as a
from workers.domain.ports.process_book import ProcessBook, Running
from workers.store import keys
from workers.store.process_book import MemoryProcessBook, RedisProcessBook


@pytest.fixture(params=["memory", "redis"])
def book(request: pytest.FixtureRequest) -> ProcessBook:
    if request.param == "memory":
        return MemoryProcessBook()
    return RedisProcessBook(request.getfixturevalue("client"))


def line(policy: str) -> Running:
    return Running(process="bot", host="h", policy=policy, at=a.NOW)


async def test_a_process_has_one_line_until_it_is_taken_out(book: ProcessBook) -> None:
    assert await book.running() == {}
    await book.note("bot@h:1", line("old"))
    await book.note("bot@h:1", line("new"))
    await book.note("bot@h:2", line("new"))
    assert await book.running() == {"bot@h:1": line("new"), "bot@h:2": line("new")}
    await book.forget()
    await book.forget("bot@h:1", "nobody")
    assert list(await book.running()) == ["bot@h:2"]


async def test_a_line_that_no_version_wrote_hides_no_other(client: redis.Redis) -> None:
    book = RedisProcessBook(client)
    await book.note("bot@h:1", line("new"))
    await client.hset(keys.PROCESSES, "odd", "{}")
    assert list(await book.running()) == ["bot@h:1"]
