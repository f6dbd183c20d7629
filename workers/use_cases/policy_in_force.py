"""The policy in force: read anew when its file changes, and kept when the new file has errors.

A change counts once two looks in a row saw the same content: somebody may still be writing the file, and the
first half of a policy can be a valid one. The content is compared, not times or the inode: where a volume is
mounted, a change is another target of a symbolic link.

A new file is checked whole, its conditions too, in every process: the bot must not go by a policy that the
workers refuse. That loads the CEL runtime there, some 10 MB, once the file has changed and not before.
"""

import hashlib
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import structlog

from workers.domain.errors import InvalidPolicy
from workers.domain.policy.model import Policy, digest_of, in_short
from workers.telemetry.health import Health
from workers.use_cases.read_policy import parse_policy, unreadable

log = structlog.get_logger(__name__)

TROUBLE = "policy file"
"""What health calls a file that is refused."""


class Found(StrEnum):
    """What a look at the file found."""

    SAME = "same"
    SETTLING = "settling"
    TAKEN = "taken"
    REFUSED = "refused"
    MENDED = "mended"


class Look(NamedTuple):
    """One look.

    Attributes:
        digest: of the file's content; of the reason where it can't be read.
        problem: why it is refused, a finding a line.
    """

    found: Found
    digest: str
    problem: str = ""


class PolicyInForce:
    """Gives the policy in force, whole: who judges something asks once and goes by the answer.

    Args:
        path: the file.
        policy: as it was read at start.
        health: shows its digest, and a file that is refused.
    """

    def __init__(self, path: Path, policy: Policy, health: Health) -> None:
        self._path = path
        self._policy = policy
        self._health = health
        self._seen = policy.digest
        self._settled = policy.digest
        self._refused = ""
        self._changed: list[Callable[[], None]] = []
        health.policy(policy.digest)

    def __call__(self) -> Policy:
        """The policy in force. The next call may give another one."""
        return self._policy

    def when_changed(self, call: Callable[[], None]) -> None:
        """Call this whenever another policy comes into force."""
        self._changed.append(call)

    def look(self, *, at_once: bool = False) -> Look:
        """Look at the file, and put it in force if it is another one without errors.

        Args:
            at_once: whether somebody said that the file is complete.
        """
        content, error = self._read()
        digest = digest_of(content) if content is not None else _digest_of_error(error)
        settling, self._seen = digest != self._seen, digest
        if digest == self._settled:
            return Look(Found.SAME, digest)
        if settling and not at_once:
            return Look(Found.SETTLING, digest)
        self._settled = digest
        try:
            if content is None:
                raise unreadable(self._path, error)
            policy = parse_policy(content, self._path)
        except InvalidPolicy as invalid:
            return self._refuse(digest, invalid)
        return self._take(policy)

    def _read(self) -> tuple[bytes | None, OSError]:
        try:
            return self._path.read_bytes(), OSError()
        except OSError as error:
            return None, error

    def _refuse(self, digest: str, invalid: InvalidPolicy) -> Look:
        problem = invalid.diagnostics()
        self._refused = digest
        self._health.trouble(
            TROUBLE,
            f"policy {in_short(self._policy.digest)} stays in force, the new file is refused: {problem}",
        )
        log.error("the new policy file is refused", in_force=self._policy.digest, problem=problem)
        return Look(Found.REFUSED, digest, problem)

    def _take(self, policy: Policy) -> Look:
        mended, self._refused = self._refused, ""
        self._health.trouble_over(TROUBLE)
        if policy.digest == self._policy.digest:
            if mended:
                log.info("the policy file is as it was before", in_force=policy.digest)
            return Look(Found.MENDED, policy.digest)
        log.info("a new policy is in force", before=self._policy.digest, in_force=policy.digest)
        self._policy = policy
        self._health.policy(policy.digest)
        for call in self._changed:
            call()
        return Look(Found.TAKEN, policy.digest)


def _digest_of_error(error: OSError) -> str:
    return hashlib.sha256(f"{type(error).__name__} {error.errno}".encode()).hexdigest()
