"""The book of channels: in memory, and on a real Valkey."""

import pytest

from workers.domain.ports.channel_book import ChannelBook
from workers.store.channel_book import RedisChannelBook
from workers.store.in_memory.channel_book import MemoryChannelBook


@pytest.fixture(params=["memory", "redis"])
def book(request: pytest.FixtureRequest) -> ChannelBook:
    if request.param == "memory":
        return MemoryChannelBook()
    return RedisChannelBook(request.getfixturevalue("client"))


async def test_a_name_is_kept_for_its_workspace_and_the_newest_channel_counts(book: ChannelBook) -> None:
    assert await book.look_up("T1", "vm-oncall") is None
    await book.note("T1", "vm-oncall", "C1")
    await book.note("T2", "vm-oncall", "C2")
    await book.note("T1", "vm-oncall", "C3")
    assert (await book.look_up("T1", "vm-oncall"), await book.look_up("T2", "vm-oncall")) == ("C3", "C2")
    assert await book.look_up("T1", "vm-approvals") is None
