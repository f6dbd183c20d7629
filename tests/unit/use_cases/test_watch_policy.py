"""Processes watch their policy files: on-call is told of a bad one, and health of one that differs."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.sandbox.client import PATIENCE_S
from tests.rig import Rig
from workers.domain.audit import AuditRecord
from workers.domain.errors import DependencyAway
from workers.domain.ids import POLICY_NOTICE, partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.notice import PolicyNotice
from workers.store.process_book import MemoryProcessBook
from workers.telemetry.health import Health
from workers.use_cases.policy_in_force import PolicyInForce
from workers.use_cases.read_policy import read_policy
from workers.use_cases.watch_policy import GONE_AFTER, TROUBLE, WatchPolicy

OLD = "oncall: {users: [U0OLGA001]}\n"
NEW = OLD + "owner: {tags: [contact]}\n"
BAD = OLD + "ownr: {}\n"


class Process:
    """One process with a file of its own."""

    def __init__(self, rig: Rig, book: MemoryProcessBook, path: Path, kind: str = "workers") -> None:
        self.path, self.health = path, Health()
        path.write_text(OLD)
        self.in_force = PolicyInForce(path, read_policy(path), self.health)
        self.watch = WatchPolicy(
            self.in_force,
            kind,
            store=rig.store,
            nudger=rig.nudger,
            book=book,
            health=self.health,
            clock=rig.clock,
        )
        self.watch._name = f"{kind}@h:{path.name}"  # else they would be one: they are in one process here

    async def has(self, text: str) -> None:
        self.path.write_text(text)
        await self.looks()

    async def looks(self) -> None:
        for _ in range(2):
            await self.watch(say_every_s=0)

    @property
    def troubles(self) -> dict[str, str]:
        return {name: one["reason"] for name, one in self.health.as_json()["troubles"].items()}


class Several:
    def __init__(self, rig: Rig, directory: Path) -> None:
        self.rig, self.book = rig, MemoryProcessBook()
        self.one = Process(rig, self.book, directory / "1")
        self.two = Process(rig, self.book, directory / "2")
        self.bot = Process(rig, self.book, directory / "3", "bot")
        self.all = (self.one, self.two, self.bot)

    async def notice(self) -> PolicyNotice:
        return await self.rig.store.policy_notice()

    async def audit(self) -> list[AuditRecord]:
        return list(await self.rig.store.audit(partition_of_id(POLICY_NOTICE)))

    @property
    def told(self) -> list[Nudge]:
        return [nudge for nudge in self.rig.nudger.to_notices if nudge.subject is Subject.POLICY]


@pytest.fixture
def several(rig: Rig, tmp_path: Path) -> Several:
    return Several(rig, tmp_path)


async def test_nobody_is_told_of_a_good_policy_and_of_a_bad_one_once(several: Several) -> None:
    for process in several.all:
        await process.looks()
    assert not several.told
    assert (await several.notice()).version == 0

    for process in several.all:
        await process.has(BAD)
    notice = await several.notice()
    assert (notice.number, len(several.told)) == (1, 1)
    assert "ownr" in notice.problem
    assert notice.in_force == several.one.in_force().digest

    for process in several.all:
        await process.has(NEW)
    notice = await several.notice()
    assert (notice.number, notice.problem, len(several.told)) == (2, "", 2)


async def test_each_process_puts_on_record_by_what_it_goes_and_what_it_refuses(several: Several) -> None:
    before = several.one.in_force().digest
    await several.one.has(BAD)
    await several.two.has(NEW)
    refused, taken = await several.audit()
    assert (refused.kind, refused.details["in_force"]) == ("policy.refused", before)
    assert "ownr" in refused.details["problem"]
    assert (taken.kind, taken.details["in_force"]) == ("policy.taken", several.two.in_force().digest)


async def test_what_was_refused_before_a_restart_is_good_again_after_it(
    several: Several, rig: Rig, tmp_path: Path
) -> None:
    await several.one.has(BAD)
    await Process(rig, several.book, tmp_path / "4").looks()
    assert (await several.notice()).problem == ""


async def test_while_the_store_is_away_nothing_is_forgotten(
    several: Several, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> PolicyNotice:
        raise DependencyAway("redis", "refused")

    with monkeypatch.context() as outage:
        outage.setattr(rig.store, "policy_notice", away)
        await several.one.has(BAD)
    assert not several.told
    await several.one.looks()
    assert len(several.told) == 1


async def test_processes_that_go_by_different_policies_say_so_until_they_agree(several: Several) -> None:
    for process in several.all:
        await process.looks()
    assert not several.one.troubles
    await several.one.has(NEW)
    await several.bot.looks()
    assert "workers@h:1" in several.bot.troubles[TROUBLE]
    assert "workers@h:2" in several.one.troubles[TROUBLE]
    for process in (several.two, several.bot):
        await process.has(NEW)
    for process in several.all:
        await process.looks()
        assert not process.troubles


async def test_a_process_that_was_killed_warns_nobody_for_long(several: Several, rig: Rig) -> None:
    await several.one.looks()
    await several.two.has(NEW)
    assert several.two.troubles
    rig.clock.advance(GONE_AFTER.total_seconds() + 1)
    await several.two.looks()
    assert not several.two.troubles
    assert list(await several.book.running()) == ["workers@h:2"]


async def test_one_that_ends_takes_its_line_out_and_a_hangup_needs_no_second_look(several: Several) -> None:
    hangup = asyncio.Event()
    running = asyncio.create_task(several.one.watch.run(hangup, look_every_s=60))
    await _until(lambda: bool(several.book._lines))
    several.one.path.write_text(NEW)
    hangup.set()
    await _until(lambda: several.one.in_force().owner.tags == ("contact",))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await several.book.running() == {}


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - the book has no event to wait for
            await asyncio.sleep(0.001)
