"""Pages over real sockets: PagerDuty's events, a signed webhook, and what is kept in a real Valkey."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from pydantic import SecretStr, ValidationError

from deploy.sandbox.faults import Fault
from deploy.sandbox.pager.server import ROUTING_KEY, SECRET, PagerServer
from deploy.sandbox.standin import StandIn
from tests import builders as a
from tests.doubles import FakeClock
from tests.valkey_server import Valkey
from workers.domain.asking.notices.pages import Action, Page
from workers.domain.audit import AuditRecord
from workers.domain.errors import DependencyAway
from workers.domain.policy.paging import PageOn
from workers.domain.ports.paging import PageRefused, PageTarget
from workers.domain.ports.store import Commit
from workers.outside.paging.pagerduty import PagerDuty
from workers.outside.paging.targets import page_targets
from workers.outside.paging.webhook import Webhook, signature
from workers.settings import WorkersSettings
from workers.store.audit.cursor import RedisAuditCursor, RedisOpenPages
from workers.store.connection import connect
from workers.store.leases import RedisLeases
from workers.store.redis_store import RedisStore
from workers.use_cases.sweeps.audit.pages import SendPages

CALL = Page(
    on=PageOn.INCOMPLETE, action=Action.TRIGGER, about="c0", vm="/vm", at=a.NOW, summary="web-01 \u202e"
)


@pytest_asyncio.fixture
async def pager() -> AsyncIterator[PagerServer]:
    server = PagerServer()
    await server.start()
    yield server
    await server.stop()


def targets(pager: PagerServer) -> dict[str, PageTarget]:
    made = page_targets(
        pagerduty_url=pager.url,
        pagerduty_routing_key=SecretStr(ROUTING_KEY),
        webhook_url=f"{pager.url}/hook",
        webhook_secret=SecretStr(SECRET),
    )
    return {target.name: target for target in made}


def told(pager: PagerServer, kind: str) -> list[dict[str, object]]:
    return [entry.data for entry in pager.record.since(0, kind)]


async def test_pagerduty_takes_a_call_from_trigger_to_resolve(pager: PagerServer) -> None:
    target = targets(pager)["pagerduty"]
    await target.send(CALL)
    assert pager.open == {CALL.key: "triggered"}
    await target.send(CALL.changed(action=Action.ACKNOWLEDGE))
    assert pager.open == {CALL.key: "acknowledged"}
    await target.send(CALL.changed(action=Action.RESOLVE))
    assert pager.open == {}
    payload = told(pager, "event")[0]["payload"]
    assert isinstance(payload, dict)
    assert (payload["severity"], payload["class"]) == ("critical", "incomplete")


async def test_the_webhook_s_receiver_can_verify_it_and_tells_a_repetition(pager: PagerServer) -> None:
    target = targets(pager)["webhook"]
    await target.send(CALL)
    await target.send(CALL)
    first, second = told(pager, "page")
    assert (first["action"], first["event"], first["repeated"]) == ("trigger", "incomplete", False)
    assert (second["id"], second["repeated"]) == (first["id"], True)


async def test_a_wrong_secret_or_an_old_time_is_refused_and_not_tried_again(pager: PagerServer) -> None:
    with pytest.raises(PageRefused, match="401: wrong signature"):
        await Webhook(f"{pager.url}/hook", SecretStr("x" * 32)).send(CALL)
    with pytest.raises(PageRefused, match="401: too old"):
        await Webhook(f"{pager.url}/hook", SecretStr(SECRET), now=lambda: 1.0).send(CALL)


def test_the_signature_is_the_documented_one() -> None:
    # printf 'v1:1700000000:{}' | openssl dgst -sha256 -hmac secret
    known = "14ea7fd0a36d8557c745d82072f653f4e553e593c57ac365fab425da48e1c495"
    assert signature("secret", "1700000000", b"{}") == f"v1={known}"


async def test_pagerduty_s_refusal_says_why(pager: PagerServer) -> None:
    with pytest.raises(PageRefused, match="Length of 'routing_key' is incorrect"):
        await PagerDuty(pager.url, SecretStr("short")).send(CALL)


@pytest.mark.parametrize("name", ["pagerduty", "webhook"])
async def test_what_may_pass_is_tried_again(pager: PagerServer, name: str) -> None:
    target = targets(pager)[name]
    pager.faults.put(Fault(status=429, retry_after_s=7))
    with pytest.raises(DependencyAway) as throttled:
        await target.send(CALL)
    assert throttled.value.retry_after_s == 7
    for fault in (Fault(status=503), Fault(drop="before")):
        pager.faults.put(fault)
        with pytest.raises(DependencyAway):
            await target.send(CALL)


async def test_a_redirection_leads_nowhere(pager: PagerServer) -> None:
    elsewhere = StandIn("elsewhere")
    moved = web.Response(status=307, headers={"Location": f"{pager.url}/hook"})

    async def redirect(_request: web.Request) -> web.Response:
        return moved

    elsewhere.app.add_routes([web.post("/hook", redirect)])
    await elsewhere.start()
    with pytest.raises(PageRefused, match="307"):
        await Webhook(f"{elsewhere.url}/hook", SecretStr(SECRET)).send(CALL)
    await elsewhere.stop()
    assert told(pager, "page") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"page_webhook_url": "http://169.254.169.254/", "page_webhook_secret": "x" * 32},
        {"page_webhook_url": "https://a.example/", "page_webhook_secret": "short"},
        {"page_webhook_url": "https://a.example/"},
        {"pagerduty_url": "http://events.pagerduty.com"},
    ],
)
def test_an_address_in_the_clear_or_a_short_secret_is_refused_at_start(wrong: dict[str, str]) -> None:
    good = {"servicebus_namespace": "n", "redis_url": "redis://localhost", "policy": "p"}
    with pytest.raises(ValidationError):
        WorkersSettings(**good, **wrong)  # type: ignore[arg-type]


async def test_what_happened_is_paged_once_and_the_place_outlives_the_worker(
    pager: PagerServer, valkey: Valkey
) -> None:
    async with connect(SecretStr(valkey.url)) as redis:
        store = RedisStore(redis)

        def worker(number: int) -> SendPages:
            return SendPages(
                targets=tuple(targets(pager).values()),
                cursor=RedisAuditCursor(redis),
                open_pages=RedisOpenPages(redis),
                leases=RedisLeases(redis, f"worker-{number}"),
                store=store,
                clock=FakeClock(),
                policy=a.policy,
                period_s=0.001,
            )

        async def write(kind: str) -> None:
            record = AuditRecord(kind=kind, at=a.NOW, about=a.containment().id, vm=a.vm_ref().key)
            await store.commit(Commit(partition=3, audit=(record,)))
            await redis.delete("sg:{leases}:pages")

        await worker(1)()
        await write("containment.incomplete")
        await worker(2)()
        assert len(pager.open) == 1
        await write("containment.incomplete")
        await worker(3)()
        await write("containment.restored")
        await worker(4)()
        assert pager.open == {}
    assert [entry["action"] for entry in told(pager, "event")] == ["trigger", "resolve"]
    assert [entry["action"] for entry in told(pager, "page")] == ["trigger", "resolve"]
