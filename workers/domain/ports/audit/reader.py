"""Reads the audit back."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol


class AuditReader(Protocol):
    """The audit, as it was written."""

    def records(self, since: datetime) -> AsyncIterator[str]:
        """The records that were written since then, oldest first, each as its JSON text.

        Raises:
            DependencyAway: the store does not answer.
        """
        ...
