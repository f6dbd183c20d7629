"""How the checks read evidence: writes to Azure, people in the audit, mentions."""

import json
import re

from tests.chaos import people
from tests.chaos.evidence import Evidence, Json, StartFact, VmFact

_WRITES = frozenset({"PUT", "POST", "PATCH", "DELETE"})
_READS_BY_POST = (
    "/backupstatus",
    "/effectivenetworksecuritygroups",
    "/getactivesessions",
    "/microsoft.resourcegraph/resources",
)
_USER = re.compile(r"\(([UW][A-Z0-9]{5,20})\)$")


def group_of(vm_key: str) -> str:
    """The resource group's path, in lower case; each VM has one of its own."""
    return vm_key.partition("/providers/")[0] + "/"


def writes(evidence: Evidence, vm: VmFact | None = None) -> list[Json]:
    """ARM requests of the product that change something, about one VM's group if given; faulty ones too."""
    return [
        entry
        for entry in evidence.azure
        if entry["kind"] == "request"
        and entry["method"] in _WRITES
        and not entry["path"].lower().endswith(_READS_BY_POST)
        and (vm is None or entry["path"].lower().startswith(group_of(vm.key)))
    ]


def began_ms(request: Json) -> float:
    """When a request reached Azure, in Unix ms."""
    return float(request["at_ms"]) - float(request.get("duration_ms", 0.0))


def user_of(label: str) -> str:
    """The Slack user id in an audit record's ``by``; empty if it is nobody's."""
    match = _USER.search(label)
    return match[1] if match else ""


def may(evidence: Evidence, answer: str, who: str, vm_key: str, start: StartFact | None) -> bool:
    """Whether this person may give this answer about this VM, by the chaos world's own table."""
    vm = evidence.vm(vm_key)
    owners = vm.owners if vm else frozenset()
    return any(people.allowed(answer, who, owners, caller) for caller in _callers(evidence, start))


def _callers(evidence: Evidence, start: StartFact | None) -> list[str]:
    """Who pressed start: at first, and in the starts that joined that question."""
    if start is None:
        return [""]
    joined = [
        other.caller
        for other in evidence.starts
        if evidence.approvals.get(other.approval_id, {}).get("joined_to") == start.approval_id
    ]
    return [start.caller, *joined]


def vm_of(document: Json) -> str:
    """The key of the VM that a document is about."""
    return str((document.get("vm") or document["event"]["vm"])["resource_id"]).lower()


def acted(evidence: Evidence, who: str, what: str, vm_key: str) -> bool:
    """Whether this person really did this in Slack."""
    return any(act.who == who and act.what == what and act.vm == vm_key for act in evidence.acts)


def roots(evidence: Evidence) -> list[Json]:
    """Posted copies of cards."""
    return [entry for entry in posts(evidence) if not entry["thread_ts"]]


def posts(evidence: Evidence) -> list[Json]:
    """Posted messages that carry the metadata of a card of this round."""
    return [
        entry
        for entry in evidence.slack
        if entry["kind"] == "posted" and card_of(entry) and card_of(entry) not in evidence.of_others
    ]


def card_of(message: Json) -> str:
    """The card that a message belongs to."""
    return str(payload_of(message).get("card", ""))


def payload_of(message: Json) -> Json:
    """A message's metadata; empty if it has none."""
    payload: Json = (message.get("metadata") or {}).get("event_payload") or {}
    return payload


def shown(entry: Json) -> str:
    """All that a message says, as text."""
    return json.dumps([entry.get("text"), entry.get("blocks")], ensure_ascii=False)
