"""A round as it should be, made by hand, for tests that then spoil one thing in it."""

import hashlib
import json

from tests.chaos.evidence import Act, Evidence, Json, StartFact, VmFact

VM = "/subscriptions/s/resourcegroups/rg-1/providers/microsoft.compute/virtualmachines/vm-1"
NIC = "/subscriptions/s/resourceGroups/rg-1/providers/Microsoft.Network/networkInterfaces/vm-1-nic"
LOCKDOWN = (
    "/subscriptions/s/resourceGroups/rg-1/providers/Microsoft.Network/networkSecurityGroups/"
    "startgate-lockdown-standard-westeurope"
)
APPROVAL, CONTAINMENT = "a1" + "0" * 24, "c1" + "0" * 24
OLIVIA, NADIA, SAM = "U0OLIVIAC1", "U0NADIAC07", "U0SAMCCC09"
CHANNEL = "C0APPROVALS"


def record(kind: str, at_ms: float, about: str = APPROVAL, by: str = "startgate", **details: object) -> Json:
    """An audit record about the VM."""
    return {"kind": kind, "at_ms": at_ms, "about": about, "vm": VM, "by": by, "details": details}


def request(method: str, path: str, at_ms: float) -> Json:
    """A request of the product that reached Azure."""
    return {"kind": "request", "method": method, "path": path, "at_ms": at_ms, "duration_ms": 1.0}


def posted(seq: int, at_ms: float, *, ts: str, thread_ts: str | None = None, **changes: object) -> Json:
    """A message of the card that the bot posted."""
    payload = {"card": APPROVAL, "intent": f"i{seq}"}
    return {
        "kind": "posted",
        "seq": seq,
        "at_ms": at_ms,
        "channel": CHANNEL,
        "ts": ts,
        "thread_ts": thread_ts,
        "text": "vm-1",
        "blocks": [],
        "metadata": {"event_payload": payload},
        "mentions": [],
    } | changes


def ephemeral(seq: int, at_ms: float, user: str, text: str) -> Json:
    """What one person alone was told."""
    return {
        "kind": "ephemeral",
        "seq": seq,
        "at_ms": at_ms,
        "user": user,
        "text": text,
        "blocks": [],
        "mentions": [],
    }


def opened_dialog(seq: int, at_ms: float, user: str) -> Json:
    """A dialog in front of one person."""
    view: Json = {"blocks": []}
    return {"kind": "view", "what": "opened", "seq": seq, "at_ms": at_ms, "user": user, "view": view}


def chain(*records: str) -> tuple[list[tuple[str, str, str]], str]:
    """An audit whose links hold."""
    entries, head = [], ""
    for text in records:
        digest = hashlib.sha1((head + text).encode(), usedforsecurity=False).hexdigest()
        entries.append((head, text, digest))
        head = digest
    return entries, head


def healthy() -> Evidence:
    """A start that olivia, the owner, rejected at 2000 ms; sam was refused; the VM is contained."""
    nic = {"id": NIC, "etag": "1", "properties": {"macAddress": "m", "networkSecurityGroup": {"id": "own"}}}
    locked = json.loads(json.dumps(nic)) | {"etag": "2"}
    locked["properties"]["networkSecurityGroup"] = {"id": LOCKDOWN}
    by = {"slack_user": OLIVIA}
    return Evidence(
        vms=[
            VmFact(
                key=VM,
                name="vm-1",
                owners=frozenset({OLIVIA}),
                after={"power": "deallocated", "nics": [{"name": "vm-1-nic", "nsg": LOCKDOWN}]},
                nics_before={NIC: nic},
                nics_after={NIC: locked},
            )
        ],
        starts=[StartFact(vm=VM, correlation_id="corr-1", approval_id=APPROVAL, accepted=True)],
        acts=[
            Act(
                who=OLIVIA, what="reject", vm=VM, at_ms=1900.0, approval=APPROVAL,
                answer={"ack_ms": 5.0, "view_id": "V1"},
            ),
            Act(
                who=OLIVIA, what="submit", vm=VM, at_ms=1990.0, approval=APPROVAL,
                answer={"ack_ms": 5.0, "closed": True},
            ),
            Act(who=SAM, what="confirm", vm=VM, at_ms=1500.0, approval=APPROVAL, answer={"ack_ms": 5.0}),
        ],
        azure=[
            request("PUT", NIC, 2500.0),
            request("POST", f"{VM}/deallocate", 2500.0),
        ],
        slack=[
            posted(1, 1100.0, ts="1.1"),
            ephemeral(2, 1510.0, SAM, "Not allowed"),
            opened_dialog(3, 1910.0, OLIVIA),
            posted(4, 3100.0, ts="1.2", thread_ts="1.1"),
        ],
        bus=[
            {"kind": "enqueued", "queue": "starts", "message_id": "m"},
            {"kind": "delivered", "queue": "starts", "message_id": "m", "delivery_count": 0},
        ],
        approvals={
            APPROVAL: {
                "state": "REJECTED",
                "event": {"vm": {"resource_id": VM}, "correlation_id": "corr-1"},
                "decision": {"answer": "reject", "by": by},
                "containment_id": CONTAINMENT,
            }
        },
        containments={
            CONTAINMENT: {
                "state": "CONTAINED",
                "vm": {"resource_id": VM},
                "cause": {"kind": "rejection", "by": by, "approval_id": APPROVAL},
                "profile": {"steps": ["isolate", "stop"]},
                "steps": [],
            }
        },
        cards={
            APPROVAL: {
                "copies": [{"channel": CHANNEL, "root": {"intent": "i1"}, "replies": {"r": {"intent": "i4"}}}]
            }
        },
        audit=[
            record("approval.opened", 1000.0, correlation_id="corr-1"),
            record("decision.refused", 1505.0, by=f"sam ({SAM})"),
            record("approval.rejected", 2000.0, by=f"olivia ({OLIVIA})"),
            record("containment.contained", 3000.0, CONTAINMENT),
        ],
        chains={0: chain("one", "two"), 1: ([], "")},
        messages=[(CHANNEL, {"ts": "1.1", "blocks": [], "metadata": {"event_payload": {"card": APPROVAL}}})],
        dead_letters={"starts": [], "work": [], "notices": []},
        logs={"bot": "ready", "workers": "ready"},
    )  # fmt: skip
