"""Ids of documents. An id contains its kind and its partition, so it is all that is needed to find one."""

import functools
import hashlib
import re
import secrets

PARTITIONS = 16
"""Documents of one VM live in one partition; on a Redis cluster a partition is one hash slot."""


@functools.lru_cache(maxsize=4096)
def partition_of_vm(vm_key: str) -> int:
    """0 … 15. ``vm_key`` is ``VmRef.key``, so every spelling of a VM's id gives the same."""
    return hashlib.sha256(vm_key.encode()).digest()[0] % PARTITIONS


def approval_id(vm_key: str, dedupe_key: str) -> str:
    """The id of the approval for one start. It is derived, so a duplicate of the event gives the same id."""
    return f"a{partition_of_vm(vm_key):x}{dedupe_key[:24]}"


def containment_id(vm_key: str) -> str:
    """A new id for a containment."""
    return f"c{partition_of_vm(vm_key):x}{secrets.token_hex(12)}"


def lookup_id(vm_key: str) -> str:
    """A new id for a question about a VM."""
    return f"q{partition_of_vm(vm_key):x}{secrets.token_hex(12)}"


def canary_id() -> str:
    """A new id for a canary. Nobody can guess it."""
    return f"y{secrets.randbelow(PARTITIONS):x}{secrets.token_hex(12)}"


def access_id() -> str:
    """A new id for a request, in the partition of the documents below, which it changes when approved."""
    return f"g0{secrets.token_hex(12)}"


DEAD_LETTER_NOTICE = f"n{0:025}"
"""The one document of its kind."""


PAUSE = f"p{0:025}"
CAP_QUESTION = f"k{0:025}"
EXPECTATIONS = f"x{0:025}"
DELEGATIONS = f"d{0:025}"
POLICY_NOTICE = f"f{0:025}"
"""As that one."""


def report_id(about: str) -> str:
    """The id of a report about the policy. It is derived, so nothing is told twice."""
    return f"o0{hashlib.sha256(about.encode()).hexdigest()[:24]}"


def partition_of_id(document_id: str) -> int:
    """The partition that an id names.

    Raises:
        ValueError: not an id that Startgate made. (Ids come back from Slack and from operators.)
    """
    if len(document_id) != 26 or document_id[0] not in _KINDS or not document_id[1:].isalnum():  # noqa: PLR2004
        raise ValueError(f"not an id of a document: {document_id[:40]!r}")
    return int(document_id[1], 16)


def reference(document_id: str) -> str:
    """The short form of an id that cards show and ``startgate audit show`` takes: its first characters.

    Two documents may share one, once in millions; then both are meant.
    """
    return document_id[:_REFERENCE]


def is_reference(text: str) -> bool:
    """Whether this may be an id, or a reference of one."""
    return _ID_BEGINS.fullmatch(text) is not None


_KINDS = "acdfgknopqxy"
"""First characters of ids: approval, containment, delegations, notice about the policy file, request for what
needs two persons, question about the cap, notice about dead letters, report about the policy, pause, lookup,
expectations, canary."""
_REFERENCE = 9
_ID_BEGINS = re.compile(r"[ac][0-9a-f]{8,25}")
