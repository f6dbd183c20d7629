"""The way of each start, from the event to the proof: one row each, put together from what is there."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from deploy.sandbox.page import stages
from deploy.sandbox.page.archive import Archive
from deploy.sandbox.page.board import Board
from deploy.sandbox.page.tail import Entry
from deploy.sandbox.world import World

Row = dict[str, Any]
TOPIC = "way"


class Ways:
    """Keeps the rows of the board in line with the store and with the events that Azure sent.

    A start is known by its machine and correlation id: as soon as its event is sent, and for ever after.
    """

    def __init__(self, board: Board, world: World) -> None:
        self._board = board
        self._names = {person.slack: person.name for person in world.people}
        self._principals = {p.key: world.principal(p.key) for p in world.principals}
        self._apps = {p.app_id: p.name for p in self._principals.values() if p.kind == "ServicePrincipal"}
        self._events: dict[str, list[Entry]] = defaultdict(list)
        self._audit: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._approvals: dict[str, str] = {}
        self._showing: dict[str, set[str]] = defaultdict(set)
        self._again: dict[str, str] = {}

    def sent(self, entry: Entry) -> None:
        """Azure sent an event, or could not."""
        row_id = start_id(entry["vm_id"], entry["correlation_id"])
        self._events[row_id].append(entry)
        if row_id not in self._approvals:
            self._put(self._event_row(row_id))

    def changed(self, archive: Archive, ids: Iterable[str], records: Iterable[Mapping[str, Any]]) -> None:
        """Documents changed, audit records came."""
        touched = set(ids)
        for record in records:
            self._file(dict(record))
            touched.add(str(record.get("about", "")))
        for document_id in touched:
            document = archive.documents.get(document_id)
            if document is not None and "event" in document:
                self._put(self._start_row(document, archive))
            elif document is not None and "cause" in document:
                self._containment(document, archive)
        for row_id, containment_id in self._again.items():
            if containment_id in touched and row_id not in self._approvals:
                self._put(self._event_row(row_id, archive.documents.get(containment_id)))

    def events(self, row_id: str) -> list[Entry]:
        """The events that were sent for a row."""
        return self._events.get(row_id, [])

    def audit(self, keys: Iterable[str]) -> list[dict[str, Any]]:
        """Audit records about documents or of a row, in order, each once."""
        found = {id(record): record for key in keys for record in self._audit.get(key, [])}
        return sorted(found.values(), key=lambda record: str(record["at"]))

    def _file(self, record: dict[str, Any]) -> None:
        if record.get("about"):
            self._audit[record["about"]].append(record)
        correlation = record.get("details", {}).get("correlation_id")
        if correlation and record.get("vm"):
            row_id = start_id(record["vm"], correlation)
            self._audit[row_id].append(record)
            if str(record.get("about", "")).startswith("c"):
                self._again[row_id] = record["about"]
            elif row_id not in self._approvals:
                self._put(self._event_row(row_id))

    def _containment(self, containment: dict[str, Any], archive: Archive) -> None:
        for approval_id in self._showing[containment["id"]]:
            approval = archive.documents.get(approval_id)
            if approval is not None:
                self._put(self._start_row(approval, archive))
        if containment["cause"].get("approval_id") is None:
            self._put(self._order_row(containment))

    def _start_row(self, approval: dict[str, Any], archive: Archive) -> Row:
        event = approval["event"]
        row_id = start_id(event["vm"]["resource_id"], event["correlation_id"])
        self._approvals[row_id] = approval["id"]
        chain = [
            stages.event_stage(event),
            stages.facts_stage(approval["facts"]),
            *([risk] if (risk := stages.risk_stage(approval)) else []),
            stages.verdict_stage(approval, self._audit.get(approval["id"], [])),
            stages.asked_stage(approval, self._names),
            stages.answer_stage(approval, self._names),
        ]
        documents = [approval]
        containment_id = approval.get("containment_id")
        if containment_id:
            self._showing[containment_id].add(approval["id"])
            containment = archive.documents.get(containment_id)
            if containment is not None:
                documents.append(containment)
                chain += stages.containment_stages(containment)
        caller = event["caller"]
        app = self._apps.get(caller.get("app_id") or "") if caller.get("kind") != "user" else None
        who = caller.get("name") or app or caller.get("email") or caller.get("app_id") or "Somebody"
        return _row(
            row_id,
            "start",
            event["vm"],
            at_ms=stages.ms(event["at"]),
            who=who,
            chain=chain,
            documents=documents,
        )

    def _order_row(self, containment: dict[str, Any]) -> Row:
        chain = [stages.order_stage(containment, self._names), *stages.containment_stages(containment)]
        by = containment["cause"].get("by") or {}
        who = self._names.get(by.get("slack_user", "")) or by.get("name") or "Startgate"
        at = stages.ms(containment["opened_at"])
        return _row(
            containment["id"],
            "order",
            containment["vm"],
            at_ms=at,
            who=who,
            chain=chain,
            documents=[containment],
        )

    def _event_row(self, row_id: str, containment: dict[str, Any] | None = None) -> Row:
        """A start that led to no approval, or not yet."""
        events, audit = self.events(row_id), self._audit.get(row_id, [])
        chain = []
        if events:
            sent = any(entry.get("accepted") for entry in events)
            text = "sent to the queue" if sent else "the bus takes nothing; it is tried again"
            chain.append(
                stages.stage(
                    "event", "Event", stages.DONE if sent else stages.NOW, text, at_ms=events[0]["at_ms"]
                )
            )
        chain += [
            stages.stage(
                "verdict",
                "Verdict",
                stages.DONE,
                _words(record),
                at_ms=stages.ms(record["at"]),
            )
            for record in audit
        ]
        if events and not audit:
            chain.append(stages.stage("verdict", "Verdict", stages.NOW, "not read yet"))
        if containment is not None:
            chain += stages.containment_stages(containment)
        vm_id = events[0]["vm_id"] if events else audit[0]["vm"]
        caller = (audit[0]["details"].get("caller") or {}).get("name") if audit else ""
        principal = self._principals.get(events[0]["principal"]) if events else None
        who = (principal.name if principal else "") or caller or "Somebody"
        at = events[0]["at_ms"] if events else stages.ms(audit[0]["at"])
        documents = [containment] if containment else []
        return _row(row_id, "start", _vm(vm_id), at_ms=at, who=who, chain=chain, documents=documents)

    def _put(self, row: Row) -> None:
        self._board.put(TOPIC, row["id"], row)


def start_id(vm_id: str, correlation_id: str) -> str:
    """The id of a start's row; hostile text cannot get into it."""
    return hashlib.sha256(f"{vm_id.lower()}\n{correlation_id.lower()}".encode()).hexdigest()[:20]


def _row(
    row_id: str,
    kind: str,
    vm: Mapping[str, Any],
    *,
    at_ms: float | None,
    who: str,
    chain: list[stages.Stage],
    documents: list[dict[str, Any]],
) -> Row:
    return {
        "id": row_id,
        "kind": kind,
        "vm": {"id": vm["resource_id"], "name": vm["name"], "group": vm["resource_group"]},
        "at_ms": at_ms or 0,
        "who": who,
        "tone": stages.tone(chain),
        "stages": chain,
        "documents": [document["id"] for document in documents],
        "version": ".".join(str(document["version"]) for document in documents),
    }


def _vm(resource_id: str) -> dict[str, str]:
    parts = resource_id.split("/")
    group = parts[4] if len(parts) > 4 else ""
    return {"resource_id": resource_id, "name": parts[-1], "resource_group": group}


def _words(record: Mapping[str, Any]) -> str:
    """An audit record in a few words: the verdict it carries, or its own kind."""
    details = record["details"]
    if "verdict" in details:
        return f"{details['verdict']} ({details.get('rule', '')})"
    return str(record["kind"]).replace(".", ": ").replace("_", " ")
