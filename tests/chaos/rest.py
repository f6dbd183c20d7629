"""When is it over? When nothing is on its way, nothing is due, and every document has come to its end."""

import asyncio
import time
from typing import Any

import aiohttp
from redis.exceptions import RedisError

from deploy.sandbox.client import ControlError
from tests.chaos.evidence import StartFact
from tests.chaos.system.ground import Ground

REST_WITHIN_S = 45.0
"""Generous: locks of killed processes (6 s), interrupted posts (10 s), deadlines, and retries in Azure."""
_EVERY_S = 0.25
_WORKING = ("PLANNED", "RUNNING", "RESTORING")


async def come_to_rest(ground: Ground, keys: set[str], starts: list[StartFact], since_ms: int) -> str:
    """Wait; answers what still moves when the time is up, or nothing.

    Args:
        ground: what is waited for.
        keys: of the round's VMs.
        starts: those that the bus has accepted have to have an end.
        since_ms: when the round began, in Unix ms.
    """
    deadline = time.monotonic() + REST_WITHIN_S
    calm = 0
    moving = "nothing was looked at"
    while time.monotonic() < deadline:
        try:
            moving = await _moving(ground, keys, starts, since_ms)
        except (aiohttp.ClientError, ControlError, OSError, RedisError) as error:
            moving = f"{type(error).__name__}: {error}"
        calm = 0 if moving else calm + 1
        if calm >= 2:  # twice, because a message between two queues is in neither for a moment
            return ""
        await asyncio.sleep(_EVERY_S)
    return moving


async def _moving(ground: Ground, keys: set[str], starts: list[StartFact], since_ms: int) -> str:
    state = await ground.system.bus.get("/_state")
    for name in ("starts", "notices", "work"):
        queue = state[name]
        waits = queue["scheduled"] if name != "work" else 0
        if queue["active"] or queue["locked"] or waits:
            return f"queue {name}: {queue['active']} active, {queue['locked']} locked, {waits} scheduled"
    documents = await ground.documents("doc")
    for name, document in documents.items():
        if _vm_of(document) in keys:
            if document["state"] == "PENDING":
                return f"approval {name} is open"
            if document["state"] in _WORKING:
                steps = [f"{s['name']} {s['state']} {s['note']}" for s in document["steps"]]
                return f"containment {name} is {document['state']}: {steps}"
    unshown = [
        m.decode() for p in range(16) for m in await ground.redis.zrange(f"sg:{{p{p:x}}}:unshown", 0, -1)
    ]
    if unshown:
        return f"not shown yet: {unshown}"
    audit = await ground.audit_since(since_ms)
    for start in starts:
        if start.accepted and not ended(start, documents, audit):
            return f"start {start.correlation_id} of {start.vm} led to nothing"
    sockets = await ground.system.slack.post("/_socket")
    return "" if sockets["live"] else "the bot has no socket"


def ended(start: StartFact, documents: dict[str, Any], audit: list[dict[str, Any]]) -> bool:
    """Whether a start led to an approval, or to another end that is documented."""
    asked = any(
        _vm_of(document) == start.vm and document["event"]["correlation_id"] == start.correlation_id
        for document in documents.values()
        if "event" in document
    )
    return asked or any(
        record["kind"]
        in ("containment.again", "containment.started-again", "start.contained", "start.failed")
        and record["vm"] == start.vm
        and record["details"].get("correlation_id") == start.correlation_id
        for record in audit
    )


def _vm_of(document: dict[str, Any]) -> str:
    return str((document.get("vm") or document["event"]["vm"])["resource_id"]).lower()
