"""Makes the zip of a story, and puts on record that it was made, by whom, and its digest."""

import asyncio
import hashlib
import io
from importlib import metadata
from pathlib import Path
from typing import BinaryIO, NamedTuple

from workers.domain.audit import AuditRecord
from workers.domain.errors import NotYet
from workers.domain.ids import reference as short
from workers.domain.ports.clock import Clock
from workers.domain.ports.evidence import EvidenceFile
from workers.domain.ports.store import Commit, Store
from workers.store.audit.log import AuditLog
from workers.store.evidence.bundle import Made, write
from workers.store.evidence.gather import Gathered, TooMany, gather

MOST_RECORDS = 20_000
"""Of one partition, in a process that answers people meanwhile: about 10 MB. The command has no bound."""


class Zip(NamedTuple):
    """What was made: of what, its digest, and the record for the audit that says so."""

    gathered: Gathered
    made: Made
    record: AuditRecord


async def make(gathered: Gathered, to: Path | BinaryIO, *, name: str, by: str, clock: Clock) -> Zip:
    """Write the zip.

    Args:
        gathered: what it holds.
        to: where it is written.
        name: of the file, for the audit.
        by: who has it made.
        clock: dates it.

    Raises:
        OSError: it can't be written.
    """
    now = clock.now()
    about = {
        "made_at": now.isoformat(),
        "made_by": by,
        "startgate": metadata.version("startgate"),
        "vm": gathered.vm,
        "about": list(gathered.ids),
        "went_by_retention": list(gathered.gone),
    }
    made = await asyncio.to_thread(write, to, gathered.files, about)
    record = AuditRecord(
        kind="evidence.made",
        at=now,
        about=gathered.ids[0],
        vm=gathered.vm,
        by=by,
        details={"manifest_sha256": made.digest, "file": name, "files": made.files},
    )
    return Zip(gathered, made, record)


class EvidenceMaker:
    """Makes it in memory, one at a time; see ``workers.domain.ports.evidence``."""

    def __init__(self, store: Store, audit: AuditLog, clock: Clock) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, reference: str, by: str) -> EvidenceFile:
        """As the port says."""
        async with self._one_at_a_time:
            try:
                gathered = await gather(self._store, self._audit, reference, most=MOST_RECORDS)
            except TooMany:
                raise NotYet(
                    f"The audit around it has more than {MOST_RECORDS} records, too many for a file in Slack."
                ) from None
            buffer, name = io.BytesIO(), f"evidence-{short(reference)}.zip"
            made = await make(gathered, buffer, name=name, by=by, clock=self._clock)
            await self._store.commit(Commit(partition=int(reference[1], 16), audit=(made.record,)))
        content = buffer.getvalue()
        return EvidenceFile(name, content, hashlib.sha256(content).hexdigest(), made.made.digest)
