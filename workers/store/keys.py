"""Where things stand in Redis. Everything of one partition shares its hash tag, so one slot of a cluster."""

import functools
import hashlib

from workers.domain.asking.cards import Card
from workers.domain.ids import partition_of_id, partition_of_vm
from workers.domain.ports.store import Document
from workers.domain.starts.vm import VmRecord, VmRef

VM_NAMES = "sg:{inventory}:names"
"""Sorted set, all of one score: a VM's name, a NUL, its id, both in lower case. In the order of the names."""

PROCESSES = "sg:{processes}"
"""Hash: name of a process → what it says of itself."""


@functools.cache
def base(partition: int) -> str:
    """The prefix of a partition's keys, such as ``sg:{p7}``."""
    return f"sg:{{p{partition:x}}}"


@functools.cache
def due(partition: int) -> str:
    """Sorted set: document id → when it has to be looked at, in ms."""
    return f"{base(partition)}:due"


@functools.cache
def unshown(partition: int) -> str:
    """Sorted set: document id → when it changed without its card showing it yet, in ms."""
    return f"{base(partition)}:unshown"


@functools.cache
def standing(partition: int) -> str:
    """Set: ids of containments that hold a VM."""
    return f"{base(partition)}:standing"


@functools.cache
def audit(partition: int) -> str:
    """Stream of audit records."""
    return f"{base(partition)}:audit"


@functools.cache
def audit_head(partition: int) -> str:
    """Digest of the newest audit record."""
    return f"{base(partition)}:audit:head"


def once(partition: int, key: str) -> str:
    """A thing that must happen once."""
    return f"{base(partition)}:once:{key}"


def by_id(document_id: str) -> str:
    """An approval or containment."""
    return f"{base(partition_of_id(document_id))}:doc:{document_id}"


def exchanges(containment_id: str) -> str:
    """List: what was exchanged with Azure for a containment, oldest first."""
    return f"{base(partition_of_id(containment_id))}:exchanges:{containment_id}"


def said(card_id: str) -> str:
    """Hash: digest of a message of a card → what it says."""
    return f"{base(partition_of_id(card_id))}:said:{card_id}"


def card(card_id: str) -> str:
    """The card of an approval or containment."""
    return f"{base(partition_of_id(card_id))}:card:{card_id}"


def scheduled(document_id: str) -> str:
    """Sequence number of the scheduled message that will look at a document."""
    return f"{base(partition_of_id(document_id))}:scheduled:{document_id}"


def vm_record(vm: VmRef) -> str:
    """What is going on with a VM; its id may be long, so the key holds a digest."""
    return f"{base(partition_of_vm(vm.key))}:vm:{_digest(vm.key)}"


def past_of_vm(vm: VmRef) -> str:
    """Sorted set: what happened with a VM → when, in ms."""
    return f"{base(partition_of_vm(vm.key))}:past:{_digest(vm.key)}"


def past_of_caller(who: str) -> str:
    """Sorted set: what a caller did → when, in ms. Callers start VMs of every partition."""
    return f"sg:{{caller:{_digest(who)}}}:past"


def burst(pair: str) -> str:
    """Hash: what one caller started lately for one owner: how it looks → its lead, and id → how it looks."""
    return f"sg:{{burst:{pair}}}"


def noted(owner: str) -> str:
    """Sorted set: ids of an owner's newest questions → when their VMs were started, in ms."""
    return f"sg:{{noted:{owner}}}"


TURNS = f"{base(0)}:turns"
"""Sorted set: ids of containments that were begun lately → when, in ms."""


def inventory(subscription_id: str) -> str:
    """Hash: VM id in lower case → its line. All of the inventory shares one slot of a cluster."""
    return f"sg:{{inventory}}:of:{subscription_id.lower()}"


def cursor(name: str) -> str:
    """Hash: partition → the audit record up to which the reader of this name has come."""
    return f"sg:{{cursors}}:{name}"


def open_pages(target: str) -> str:
    """Hash: keys of calls to on-call that have not ended."""
    return f"sg:{{cursors}}:open:{target}"


def lease(name: str) -> str:
    """Whose periodic work of this name is."""
    return f"sg:{{leases}}:{name}"


def channels(workspace: str) -> str:
    """Hash: a Slack channel's name → its id, in one workspace."""
    return f"sg:{{channels}}:of:{workspace}"


def companion(document: Document) -> str:
    """The key that lives and goes with a document: its card, or for a card what it shows; else its own."""
    if isinstance(document, VmRecord):
        return vm_record(document.vm)
    return by_id(document.id) if isinstance(document, Card) else card(document.id)


def of(document: Document) -> tuple[int, str]:
    """A document's partition and key."""
    if isinstance(document, VmRecord):
        return partition_of_vm(document.vm.key), vm_record(document.vm)
    if isinstance(document, Card):
        return partition_of_id(document.id), card(document.id)
    return partition_of_id(document.id), by_id(document.id)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]
