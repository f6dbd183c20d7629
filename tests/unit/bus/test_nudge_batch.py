"""A batch of nudges that are encoded by the product, against the SDK's own."""

import pytest
from azure.servicebus import ServiceBusMessageBatch
from azure.servicebus.exceptions import MessageSizeExceededError

from workers.bus.nudge_batch import as_message, filled
from workers.domain.nudges import Nudge, Subject

LIMIT = 2_000
"""Bytes; a dozen nudges."""


def nudges(count: int) -> list[Nudge]:
    return [Nudge(subject=Subject.APPROVAL, id=f"a{n:025}", version=1) for n in range(count)]


def fitting() -> int:
    """How many the SDK takes."""
    batch, count = ServiceBusMessageBatch(LIMIT), 0
    while True:
        try:
            batch.add_message(as_message(nudges(1)[0]))
        except MessageSizeExceededError:
            return count
        count += 1


def test_it_holds_as_many_as_the_sdk_would_put_in_it_or_one_less() -> None:
    most = fitting()

    assert most > 5
    assert len(filled(ServiceBusMessageBatch(LIMIT), nudges(most - 1))) == most - 1
    with pytest.raises(MessageSizeExceededError):
        filled(ServiceBusMessageBatch(LIMIT), nudges(most + 1))


@pytest.mark.parametrize("length", [1, 26, 128, 200])
@pytest.mark.parametrize("subject", Subject)
def test_each_of_them_is_encoded_as_by_the_sdk(length: int, subject: Subject) -> None:
    """Short and long: 200 characters make a body of more than 255 bytes, whose length takes four."""
    nudge = Nudge(subject=subject, id="a" * length, version=3)
    theirs, ours = ServiceBusMessageBatch(), filled(ServiceBusMessageBatch(), [nudge])
    theirs.add_message(as_message(nudge))

    assert [bytes(one) for one in ours._message[5]] == [bytes(one) for one in theirs._message[5]]
    assert ours._message[5]
