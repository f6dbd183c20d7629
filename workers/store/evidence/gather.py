"""Everything that is known of one story: its documents, its exchanges with Azure, its cards, its audit."""

import json
from typing import NamedTuple

from workers.domain.errors import NotFound
from workers.domain.ports.store import Store
from workers.store.audit.chain import Entry
from workers.store.audit.log import AuditLog
from workers.store.evidence.bundle import AUDIT, EXCHANGES, chain_lines, snapshots
from workers.store.evidence.story import Story


class Gathered(NamedTuple):
    """File name → content, what it is about, and what retention has taken already."""

    files: dict[str, bytes]
    ids: tuple[str, ...]
    vm: str
    gone: tuple[str, ...]


class TooMany(Exception):
    """The partition has more records than are to be read."""


async def gather(store: Store, audit: AuditLog, reference: str, *, most: int | None = None) -> Gathered:
    """Read all of it.

    Args:
        store: has the documents.
        audit: the whole partition is read: what joins two ids may be old.
        reference: an id, or its beginning as cards show it.
        most: how many records are read at most; ``None`` for any number.

    Raises:
        TooMany: there are more.
        NotFound: the audit knows nothing of it.
        DependencyAway: Redis does not answer.
    """
    story, entries = Story(reference), []
    async for entry in audit.entries(int(reference[1], 16)):
        story.hear(_record(entry))
        entries.append(entry)
        if most is not None and len(entries) > most:
            raise TooMany
    ids = story.ids()
    if not ids:
        raise NotFound(f"the audit knows nothing of {reference}; older records went by retention")
    files: dict[str, bytes] = {AUDIT: chain_lines(entries, ids)}
    documents: list[bytes] = []
    gone: list[str] = []
    for one in sorted(ids):
        try:
            found = await _approval(store, one) if one.startswith("a") else await _containment(store, one)
        except NotFound:
            gone.append(one)
            continue
        files |= found
        documents += found.values()
    files["snapshots.json"] = snapshots(documents)
    vm = next((str(_record(e).get("vm")) for e in entries if _record(e).get("about") in ids), "")
    return Gathered(files, tuple(sorted(ids)), vm, tuple(gone))


async def _approval(store: Store, approval_id: str) -> dict[str, bytes]:
    approval = await store.approval(approval_id)
    folder = f"questions/{approval_id}"
    return {
        f"{folder}/event.json": approval.event.model_dump_json(indent=2).encode(),
        f"{folder}/facts.json": approval.facts.model_dump_json(indent=2).encode(),
        f"{folder}/plan.json": approval.plan.model_dump_json(indent=2).encode(),
        f"{folder}/question.json": approval.model_dump_json(indent=2).encode(),
        **await _card(store, approval_id),
    }


async def _containment(store: Store, containment_id: str) -> dict[str, bytes]:
    containment = await store.containment(containment_id)
    exchanges = await store.exchanges(containment_id)
    return {
        f"containments/{containment_id}.json": containment.model_dump_json(indent=2).encode(),
        **{
            f"{EXCHANGES}{containment_id}-{number:04}.json": text.encode()
            for number, text in enumerate(exchanges, 1)
        },
        **await _card(store, containment_id),
    }


async def _card(store: Store, card_id: str) -> dict[str, bytes]:
    """What each copy of the card says, and its thread; nothing if it was never posted."""
    card = await store.card(card_id)
    if not card.copies:
        return {}
    said = await store.said(card_id)
    shown = [
        {
            "kind": copy.kind,
            "channel": copy.channel,
            "asked": copy.asked,
            "ts": copy.root.ts if copy.root else None,
            "says": said.get(copy.root.shows) if copy.root else None,
            "thread": [
                {"about": key, "ts": post.ts, "says": said.get(post.shows)}
                for key, post in copy.replies.items()
            ],
        }
        for copy in card.copies
    ]
    return {f"cards/{card_id}.json": json.dumps(shown, indent=2, ensure_ascii=False).encode()}


def _record(entry: Entry) -> dict[str, object]:
    try:
        found = json.loads(entry.record)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
