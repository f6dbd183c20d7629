"""Documents of a newer version leave an older process's messages to be taken later, and cost none."""

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests import builders as a
from tests.looking import answer_lookup
from tests.rig import Rig
from tests.unit.bot.cards.posting_rig import Posting
from tests.unit.consumers.start_tellings import grid
from workers.consumers.starts import StartsConsumer
from workers.consumers.work import WorkConsumer
from workers.domain.errors import NewerDocument
from workers.domain.messages import Later, Message
from workers.domain.nudges import Nudge, Subject
from workers.use_cases.orders.access.expire import ExpireAccess


def newer(*_: object, **__: object) -> Any:
    raise NewerDocument("it was written by a newer version of Startgate. Update this process.")


def nudge() -> Message:
    body = Nudge(subject=Subject.APPROVAL, id=a.approval().id, version=1).model_dump_json().encode()
    return Message(body=body, message_id="m")


async def test_a_nudge_about_it_comes_again_at_the_workers(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig.store, "approval", newer)
    work = WorkConsumer(
        look_at_approval=rig.look,
        contain=rig.contain,
        answer_lookup=answer_lookup(rig),
        expire_access=ExpireAccess(store=rig.store, nudger=rig.nudger, clock=rig.clock),
    )
    settlement = await work(nudge())
    assert isinstance(settlement, Later)
    assert json.loads(settlement.body or b"")["put_off"] == 1


async def test_a_nudge_about_it_comes_again_at_the_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Posting()
    monkeypatch.setattr(rig.store, "approval", newer)
    assert isinstance(await rig.renderer(nudge()), Later)
    assert rig.slack.posted == {}


@pytest.mark.parametrize("what", ["known_start", "vm_record"])
async def test_a_start_whose_vm_or_approval_it_is_comes_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    consumer = StartsConsumer(open_approval=rig.open, store=rig.store, clock=rig.clock)
    start = Message(body=json.dumps([grid()]).encode(), message_id="m")
    with monkeypatch.context() as patched:
        patched.setattr(rig.store, what, newer)
        settlement = await consumer(start)
        assert isinstance(settlement, Later)
        assert settlement.body is None
    assert await rig.kinds() == []
    await consumer(start)
    assert await rig.kinds() == ["approval.opened"]


async def test_the_resync_goes_on_with_all_others(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await rig.asked()
    second = await rig.asked(a.start_event(vm=a.vm_ref(name="vm-web-02")))
    read = rig.store.approval
    rig.clock.to(second.expire_at)
    rig.clock.advance(60)
    rig.nudger.clear()

    async def approval(approval_id: str) -> Any:
        return newer() if approval_id == first.id else await read(approval_id)

    monkeypatch.setattr(rig.store, "approval", approval)
    with capture_logs() as logs:
        await rig.resync()
    assert {n.id for n in rig.nudger.to_work} == {second.id}
    assert {line["id"] for line in logs} == {first.id}
