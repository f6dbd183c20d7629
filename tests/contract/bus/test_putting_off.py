"""A message may come again with another body than it had."""

from tests.contract.bus.rig import MARKS, Bus, Taken, until
from workers.domain.messages import Complete, Later, Settlement
from workers.domain.messages import Message as Given

pytestmark = MARKS


async def test_what_comes_later_carries_what_the_handler_gave_it(bus: Bus) -> None:
    def counts(given: Given) -> Settlement:
        times = int(given.body)
        return Complete() if times == 3 else Later(after_s=0.05, body=str(times + 1).encode())

    queue, taken = bus.queue(), Taken(counts)
    bus.put(queue, "0")
    await bus.receive(queue, taken)
    await until(lambda: len(taken.messages) == 4 and not bus.messages(queue))
    assert taken.bodies == ["0", "1", "2", "3"]
    assert bus.dead(queue) == []


async def test_without_one_it_carries_what_it_had(bus: Bus) -> None:
    queue, taken = (
        bus.queue(),
        Taken(lambda _: Later(after_s=0.05) if len(taken.messages) < 2 else Complete()),
    )
    bus.put(queue, "as it was")
    await bus.receive(queue, taken)
    await until(lambda: len(taken.messages) == 2)
    assert taken.bodies == ["as it was"] * 2
