"""An export of the audit: JSON lines that hold every record byte for byte, so that it verifies offline.

A record's line is ``{"partition", "id", "previous", "digest", "record"}``, ``record`` being the text that was
hashed (``jq '.record | fromjson'`` opens it). After a partition's records comes ``{"partition", "end",
"records"}`` with the digest of the last one, so that a file that was cut off is noticed.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from workers.domain.ids import PARTITIONS
from workers.store.audit.chain import Broken, ChainCheck, Entry, Flaw, Tail


class End(NamedTuple):
    """The closing line of a partition."""

    partition: int
    digest: str
    records: int


def line_of(item: Entry | End) -> str:
    """One line, without its line feed; ASCII, so that no terminal is misled."""
    if isinstance(item, Entry):
        return json.dumps(asdict(item))
    return json.dumps({"partition": item.partition, "end": item.digest, "records": item.records})


def read_export(path: Path) -> Iterator[Entry | End]:
    """The lines of an export, one at a time.

    Raises:
        ValueError: a line is not one of ours; names it by its number.
        OSError: the file can't be read.
    """
    with path.open(encoding="utf-8") as lines:
        for number, text in enumerate(lines, start=1):
            try:
                yield _parse(json.loads(text))
            except (ValueError, KeyError, TypeError):
                raise ValueError(f"{path}: line {number} is not a line of an export") from None


def _parse(fields: dict[str, object]) -> Entry | End:
    partition = int(str(fields["partition"]))
    if not 0 <= partition < PARTITIONS:
        raise ValueError("no such partition")
    if "end" in fields:
        return End(partition, str(fields["end"]), int(str(fields["records"])))
    return Entry(
        partition=partition,
        id=str(fields["id"]),
        record=str(fields["record"]),
        previous=str(fields["previous"]),
        digest=str(fields["digest"]),
    )


def verify_export(lines: Iterable[Entry | End]) -> list[ChainCheck]:
    """Check each partition of an export from its first record to its closing line.

    What was before the first record, only an earlier export tells: nothing is said about it here.
    """
    checks = {partition: ChainCheck(partition) for partition in range(PARTITIONS)}
    closed: set[int] = set()
    for item in lines:
        check = checks[item.partition]
        if isinstance(item, End):
            closed.add(item.partition)
            check.check_end(Tail(head=item.digest, last_id="", newest_ever=""))
            if check.count != item.records and check.broken is None:
                check.broken = _cut(
                    check, f"the closing line counts {item.records} records, here are {check.count}"
                )
        else:
            check.take(item)
    for partition, check in checks.items():
        if partition not in closed and check.broken is None:
            check.broken = _cut(check, "the closing line is missing: the file was cut off")
    return list(checks.values())


def _cut(check: ChainCheck, what: str) -> Broken:
    return Broken(partition=check.partition, id=check.last.id if check.last else "", flaw=Flaw.END, what=what)
