"""Looks at the properties of the queues, which no right on messages can read."""

from typing import Any

from workers.arm.read.queues import queues_of
from workers.arm.session.clients import Azure
from workers.bus.connection import NOTICES, STARTS, WORK
from workers.operator.looks.subscriptions import named, usable
from workers.runtime.checks import CannotTell, Check, Failed

EXPECTED: dict[str, dict[str, object]] = {
    STARTS: {"requiresDuplicateDetection": True, "requiresSession": False, "maxDeliveryCount": 10},
    WORK: {"requiresDuplicateDetection": False, "requiresSession": False, "maxDeliveryCount": 10},
    NOTICES: {"requiresDuplicateDetection": False, "requiresSession": False, "maxDeliveryCount": 10},
}
"""As the deployment makes them, which a test compares. Nudges must not be taken for duplicates: a dropped one
is a look that nobody takes. Event Grid can't deliver to a queue with sessions."""
LOCKS = ("PT30S", "PT1M", "PT2M", "PT5M")
"""How long a message may be locked: less than the first, and a slow Azure has it delivered twice."""
_DEPLOY = "deploy deploy/azure again, or set the property on the queue"


def queue_checks(azure: Azure, host: str | None) -> list[Check]:
    """A check for each queue.

    Args:
        azure: asked.
        host: of the namespace; ``None`` with a connection string, which may be an emulator's.
    """
    return [_check(azure, host, queue) for queue in EXPECTED]


def _check(azure: Azure, host: str | None, queue: str) -> Check:
    async def look() -> str:
        if host is None:
            raise CannotTell(_elsewhere("a connection string names no namespace in Azure", queue))
        found = await usable(azure)
        with named():
            queues = await queues_of(azure, host, [key for key, _ in found])
        if not queues:
            raise CannotTell(
                _elsewhere(f"no subscription shows the namespace {host} to this identity", queue)
            )
        if queue not in queues:
            raise Failed("there is no such queue")
        wrong = _wrong(queues[queue], EXPECTED[queue])
        if wrong:
            raise Failed("; ".join(wrong))
        return "as the deployment makes it"

    return Check(name=f"queue {queue}, properties", look=look, remedy=_DEPLOY)


def _wrong(has: dict[str, Any], expected: dict[str, object]) -> list[str]:
    wrong = [
        f"{name} is {has.get(name)}, not {value}"
        for name, value in expected.items()
        if name != "maxDeliveryCount" and bool(has.get(name)) != value
    ]
    if int(has.get("maxDeliveryCount") or 0) < int(str(expected["maxDeliveryCount"])):
        wrong.append(
            f"maxDeliveryCount is {has.get('maxDeliveryCount')}, less than {expected['maxDeliveryCount']}"
        )
    if str(has.get("lockDuration")) not in LOCKS:
        wrong.append(f"lockDuration is {has.get('lockDuration')}, none of {', '.join(LOCKS)}")
    if not has.get("deadLetteringOnMessageExpiration"):
        wrong.append("what expires is lost (deadLetteringOnMessageExpiration)")
    return wrong


def _elsewhere(why: str, queue: str) -> str:
    return (
        f"{why}; see `az servicebus queue show --name {queue} --query requiresDuplicateDetection …`, which "
        f"should say {str(EXPECTED[queue]['requiresDuplicateDetection']).lower()}"
    )
