"""Which messages and requests belong to one start: told by the ids they carry, within its time."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from deploy.sandbox.page.tail import Entry

MOST = 400
"""Requests shown for one start; a containment that is polled for an hour makes more."""
SLACK_KINDS = frozenset({"api", "delivered", "acked", "refused", "response_url", "timeout", "undelivered"})


def resource_ids(documents: Iterable[Any]) -> set[str]:
    """Every Azure resource id that documents name, in lower case, but those that many machines share."""
    found = {text.lower() for document in documents for text in _strings(document)}
    return {
        text
        for text in found
        if text.startswith("/subscriptions/")
        and ("/virtualmachines/" in text or "/networkinterfaces/" in text)
        and "\n" not in text
    }


def azure_requests(entries: Iterable[Entry], ids: set[str]) -> list[Entry]:
    """Requests that name one of these resources, and polls of operations on them."""
    operations: set[str] = set()
    found: list[Entry] = []
    for entry in entries:
        operation = entry.get("operation")
        if operation and _names(str(operation["target"]).lower(), ids):
            operations.add(operation["id"])
        if entry["kind"] != "request":
            continue
        path = entry["path"]
        about = _names(path.lower(), ids) or path.rpartition("/")[2] in operations
        if about or (entry.get("request") and _names(json.dumps(entry["request"]).lower(), ids)):
            found.append(entry)
    return found[-MOST:]


def slack_requests(entries: Iterable[Entry], document_ids: Iterable[str], places: set[str]) -> list[Entry]:
    """Calls and deliveries that name a document, or a message of its cards (``channel/ts``)."""
    wanted = set(document_ids)
    found: list[Entry] = []
    envelopes: set[str] = set()
    for entry in entries:
        if entry["kind"] not in SLACK_KINDS:
            continue
        envelope = entry.get("envelope_id") or (entry.get("envelope") or {}).get("envelope_id")
        if entry["kind"] != "delivered" and envelope in envelopes:
            found.append(entry)
            continue
        strings = set(_strings(entry))
        args = entry.get("args") or {}
        place = f"{args.get('channel')}/{args.get('ts') or args.get('thread_ts')}"
        if place in places or wanted & strings:
            found.append(entry)
            if envelope:
                envelopes.add(envelope)
    return found[-MOST:]


def places(cards: Iterable[Any]) -> set[str]:
    """Where the copies of cards and their replies stand, as ``channel/ts``."""
    found = set()
    for card in cards:
        for copy in card.get("copies", []):
            posts = [copy.get("root"), *copy.get("replies", {}).values()]
            found |= {f"{copy['channel']}/{post['ts']}" for post in posts if post and post.get("ts")}
    return found


def bus_messages(
    entries: Iterable[Entry], document_ids: Iterable[str], message_ids: set[str]
) -> list[dict[str, Any]]:
    """Messages about these documents or with these ids, each with all that happened to it."""
    prefixes = tuple(f"{document_id}:" for document_id in document_ids)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in entries:
        message_id = entry.get("message_id")
        if not message_id or not (
            message_id in message_ids or (prefixes and message_id.startswith(prefixes))
        ):
            continue
        key = (entry["queue"], message_id)
        message = found.setdefault(
            key, {"queue": entry["queue"], "message_id": message_id, "deliveries": 0, "happened": []}
        )
        message["deliveries"] += entry["kind"] == "delivered"
        message["happened"].append(entry)
    return list(found.values())


def _names(text: str, ids: set[str]) -> bool:
    return any(resource_id in text for resource_id in ids)


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from _strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from _strings(value)
