"""What on-call is told about the policy file: that a new one is refused, and that it is good again."""

from typing import ClassVar

from pydantic import Field

from workers.domain.ids import POLICY_NOTICE
from workers.domain.model import UtcTime
from workers.domain.schema import Numbered


class PolicyNotice(Numbered):
    """The newest telling. There is one such document, and each telling has a card of its own in Slack.

    Attributes:
        number: how often on-call was told.
        at: when.
        process: who met the file: ``workers`` or ``bot``.
        problem: why the file is refused, a finding a line; empty if the file is good again.
        in_force: digest of the policy that the process goes by.
        refused: kind of process → digest of the file that it refuses now.
    """

    document_kind: ClassVar[str] = "notice about the policy file"

    id: str = POLICY_NOTICE
    version: int = 0
    number: int = 0
    at: UtcTime | None = None
    process: str = ""
    problem: str = ""
    in_force: str = ""
    refused: dict[str, str] = Field(default_factory=dict)

    @property
    def card_id(self) -> str:
        """The card of this telling: a message of its own, since an edit of an older one calls nobody."""
        return f"{POLICY_NOTICE[:2]}{self.number:0{len(POLICY_NOTICE) - 2}}"

    def refusing(
        self, process: str, digest: str, problem: str, *, in_force: str, at: UtcTime
    ) -> "PolicyNotice | None":
        """A process refuses a file, and goes by the policy that it had.

        Returns:
            ``None`` if that is on record. Of a file that another process refuses, too, it is only put on
            record: on-call is told once.
        """
        if self.refused.get(process) == digest:
            return None
        refused = {**self.refused, process: digest}
        if digest in self.refused.values():
            return self.changed(refused=refused)
        return self._told(at, process=process, problem=problem, in_force=in_force, refused=refused)

    def accepting(self, process: str, *, in_force: str, at: UtcTime) -> "PolicyNotice | None":
        """A process has a good file.

        Returns:
            ``None`` if it refused none. On-call is told once no process refuses any.
        """
        if process not in self.refused:
            return None
        refused = {name: digest for name, digest in self.refused.items() if name != process}
        if refused:
            return self.changed(refused=refused)
        return self._told(at, process=process, problem="", in_force=in_force, refused=refused)

    def _told(self, at: UtcTime, **changes: object) -> "PolicyNotice":
        return self.changed(number=self.number + 1, at=at, **changes)
