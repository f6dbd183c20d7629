"""Reads what is on record."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from workers.domain.audit import AuditRecord


class AuditReader(Protocol):
    """Reads the audit of all partitions."""

    def since(self, at: datetime) -> AsyncIterator[AuditRecord]:
        """Every record that was written from then on, oldest first.

        Raises:
            DependencyAway: the store does not answer.
        """
        ...
