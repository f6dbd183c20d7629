"""Dead letters through the real client, on the bus stand-in: looked at, replayed, discarded."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageProperties
from pydantic import SecretStr

from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.servicebus.sections import build, read
from deploy.sandbox.servicebus.server import BusServer
from tests.doctoring import make
from workers.bus.checks import Needs, bus_checks
from workers.bus.connection import NOTICES, STARTS, WORK, connected
from workers.bus.dead_letters import REPLAY_OF, Dead, DeadLetters
from workers.bus.put_aside import PutAsideReader
from workers.domain.errors import DependencyAway

REASON, DESCRIPTION = "NotJson", "line 1, column 1: \x1b[31mred"


class Notes:
    """The audit's place, and optionally its outage."""

    def __init__(self) -> None:
        self.noted: list[tuple[Dead, str]] = []
        self.away = False

    async def __call__(self, dead: Dead, new_id: str) -> None:
        if self.away:
            raise DependencyAway("redis", "away")
        self.noted.append((dead, new_id))


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest_asyncio.fixture
async def client(bus_server: BusServer) -> AsyncIterator[ServiceBusClient]:
    async with connected(connection=SecretStr(bus_server.connection), namespace=None) as made:
        yield made


async def bury(client: ServiceBusClient, *messages: ServiceBusMessage | AmqpAnnotatedMessage) -> None:
    """Send and dead-letter them, in order."""
    async with client.get_queue_sender(STARTS) as sender, client.get_queue_receiver(STARTS) as receiver:
        for message in messages:
            await sender.send_messages(message)
            (raw,) = await receiver.receive_messages(1, max_wait_time=PATIENCE_S)
            await receiver.dead_letter_message(raw, reason=REASON, error_description=DESCRIPTION)


def message(number: int) -> ServiceBusMessage:
    return ServiceBusMessage(
        json.dumps({"number": number}).encode(),
        message_id=f"id-{number}",
        content_type="application/json",
        subject="start",
        application_properties={"aeg-event-type": "Notification"},
    )


async def all_of(letters: DeadLetters) -> list[Dead]:
    return [dead async for dead in letters.peek()]


def put(server: BusServer, count: int) -> None:
    """So many dead letters, without the second that the client takes for each."""
    queue = server.namespace.queues[STARTS]
    for number in range(count):
        body = json.dumps({"number": number}).encode()
        (sequence,) = queue.send([read(build(body, f"id-{number}", {}, None))])
        queue._bury(queue.messages[sequence], REASON, DESCRIPTION)


def live(server: BusServer) -> list[str]:
    """Message ids in the queue itself."""
    return [m.payload.message_id for m in server.namespace.queues[STARTS].messages.values()]


def dead(server: BusServer) -> int:
    letters = server.namespace.queues[STARTS].dead_letters
    assert letters is not None
    return len(letters.messages)


async def test_an_empty_queue_has_none(client: ServiceBusClient) -> None:
    assert await all_of(DeadLetters(client, WORK)) == []


async def test_peeking_shows_everything_and_locks_nothing(client: ServiceBusClient) -> None:
    await bury(client, message(1), message(2))
    letters = DeadLetters(client, STARTS)
    for _ in range(2):
        first, second = await all_of(letters)
        assert (first.message_id, second.message_id) == ("id-1", "id-2")
        assert (first.reason, first.description) == (REASON, DESCRIPTION)
        assert json.loads(first.body) == {"number": 1}
        assert first.properties == {"aeg-event-type": "Notification"}
        assert first.enqueued_at is not None
        assert first.sequence < second.sequence
    async with client.get_queue_receiver(STARTS, sub_queue="deadletter") as receiver:
        assert len(await receiver.receive_messages(5, max_wait_time=PATIENCE_S)) >= 1


async def test_peeking_goes_on_after_the_first_page(client: ServiceBusClient, bus_server: BusServer) -> None:
    put(bus_server, 230)
    found = await all_of(DeadLetters(client, STARTS))
    assert len({d.message_id for d in found}) == 230


async def test_a_replayed_letter_comes_again_under_a_fresh_id(
    client: ServiceBusClient, bus_server: BusServer, notes: Notes
) -> None:
    await bury(client, message(1))
    letters = DeadLetters(client, STARTS)
    (letter,) = await all_of(letters)
    handled = await letters.replay([letter.sequence], notes)
    assert handled == ([letter.sequence], [], {})
    assert dead(bus_server) == 0
    async with client.get_queue_receiver(STARTS) as receiver:
        (copy,) = await receiver.receive_messages(1, max_wait_time=PATIENCE_S)
    ((noted, new_id),) = notes.noted
    assert noted == letter
    assert copy.message_id == new_id != "id-1"
    assert b"".join(copy.body) == letter.body
    assert (copy.content_type, copy.subject) == ("application/json", "start")
    properties = {
        (k.decode() if isinstance(k, bytes) else k): (v.decode() if isinstance(v, bytes) else v)
        for k, v in (copy.application_properties or {}).items()
    }
    assert properties == {"aeg-event-type": "Notification", REPLAY_OF: "id-1"}


async def test_only_the_named_letters_are_replayed_and_the_rest_stays_unlocked(
    client: ServiceBusClient, bus_server: BusServer, notes: Notes
) -> None:
    put(bus_server, 5)
    letters = DeadLetters(client, STARTS)
    found = await all_of(letters)
    wanted = [found[1].sequence, found[3].sequence]
    assert sorted((await letters.replay(wanted, notes)).done) == wanted
    assert len(live(bus_server)) == 2
    rest = await all_of(letters)
    assert [d.message_id for d in rest] == ["id-0", "id-2", "id-4"]
    assert sorted((await letters.discard([d.sequence for d in rest], notes)).done) == [
        d.sequence for d in rest
    ]


async def test_more_letters_than_are_taken_at_once_are_all_replayed(
    client: ServiceBusClient, bus_server: BusServer, notes: Notes
) -> None:
    put(bus_server, 50)
    letters = DeadLetters(client, STARTS)
    handled = await letters.replay([d.sequence for d in await all_of(letters)], notes)
    assert len(handled.done) == 50
    assert (dead(bus_server), len(set(live(bus_server)))) == (0, 50)


async def test_a_letter_that_is_not_there_is_told(
    client: ServiceBusClient, bus_server: BusServer, notes: Notes
) -> None:
    put(bus_server, 1)
    letters = DeadLetters(client, STARTS)
    assert await letters.replay([4711], notes) == ([], [4711], {})
    assert len(await all_of(letters)) == 1


async def test_a_letter_goes_only_after_its_copy_was_noted(
    client: ServiceBusClient, bus_server: BusServer, notes: Notes
) -> None:
    put(bus_server, 1)
    letters = DeadLetters(client, STARTS)
    (letter,) = await all_of(letters)
    notes.away = True
    with pytest.raises(DependencyAway):
        await letters.replay([letter.sequence], notes)
    assert (len(live(bus_server)), dead(bus_server)) == (1, 1), "twice at worst, never lost"


async def test_a_letter_is_not_discarded_unless_it_was_noted(
    client: ServiceBusClient, bus_server: BusServer, notes: Notes
) -> None:
    put(bus_server, 1)
    letters = DeadLetters(client, STARTS)
    (letter,) = await all_of(letters)
    notes.away = True
    with pytest.raises(DependencyAway):
        await letters.discard([letter.sequence], notes)
    assert (live(bus_server), dead(bus_server)) == ([], 1)


async def test_a_discarded_letter_is_gone_and_noted(
    client: ServiceBusClient, bus_server: BusServer, notes: Notes
) -> None:
    put(bus_server, 1)
    letters = DeadLetters(client, STARTS)
    (letter,) = await all_of(letters)
    assert (await letters.discard([letter.sequence], notes)).done == [letter.sequence]
    assert (live(bus_server), dead(bus_server)) == ([], 0)
    assert notes.noted == [(letter, "")]


async def test_a_body_that_is_not_bytes_is_refused_and_stays(
    client: ServiceBusClient, bus_server: BusServer, notes: Notes
) -> None:
    value = AmqpAnnotatedMessage(value_body={"a": 1}, properties=AmqpMessageProperties(message_id="value-1"))
    await bury(client, value)
    letters = DeadLetters(client, STARTS)
    (letter,) = await all_of(letters)
    handled = await letters.replay([letter.sequence], notes)
    assert (handled.done, handled.not_found) == ([], [])
    assert "not bytes" in handled.refused[letter.sequence]
    assert (live(bus_server), dead(bus_server)) == ([], 1)


async def test_an_absent_bus_is_a_dependency_away(client: ServiceBusClient, bus_server: BusServer) -> None:
    await bus_server.stop()
    with pytest.raises(DependencyAway):
        await all_of(DeadLetters(client, STARTS))


async def test_a_doctor_proves_rights_without_leaving_anything(
    client: ServiceBusClient, bus_server: BusServer
) -> None:
    told: list[str] = []
    needs = [Needs(queue, receives=True, sends=True) for queue in (STARTS, WORK, NOTICES)]
    assert await make(bus_checks(client, needs), told.append), told
    assert [line[0] for line in told] == ["✓"] * 6
    assert all(not queue.messages for queue in bus_server.namespace.queues.values())


async def test_a_doctor_names_a_queue_that_is_not_there(client: ServiceBusClient) -> None:
    told: list[str] = []
    assert not await make(bus_checks(client, [Needs("other", receives=True, sends=True)]), told.append)
    assert all("there is no such queue" in line for line in told), told


async def test_what_was_put_aside_is_read_with_its_reasons_without_locking_any_and_not_beyond_the_bound(
    client: ServiceBusClient,
) -> None:
    await bury(client, *(message(number) for number in range(5)))
    reader = PutAsideReader(client, (STARTS, WORK))

    found = await reader(most=3)

    assert list(found) == [STARTS, WORK]
    assert [one.reason for one in found[STARTS]] == [REASON] * 3
    assert len({one.sequence for one in found[STARTS]}) == 3
    assert found[WORK] == ()
    async for dead in DeadLetters(client, STARTS).peek():
        assert dead.delivery_count == 0
