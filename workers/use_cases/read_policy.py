"""Reads the policy file, as both processes do at start and whenever it changes."""

import asyncio
from pathlib import Path

from workers.domain.errors import Finding, InvalidPolicy
from workers.domain.policy.model import Policy
from workers.domain.policy.reading.file import load_policy, policy_warnings
from workers.runtime.checks import CannotTell, Check, Failed


def read_policy(path: Path, *, conditions: bool = True) -> Policy:
    """The checked policy, of which metrics tell the digest from now on.

    Without ``conditions``, the rules' expressions are not checked.

    Raises:
        InvalidPolicy: with every error, its line and a remedy; also if the file can't be read.
    """
    try:
        file = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None
    return parse_policy(file, path, conditions=conditions)


def parse_policy(file: bytes, path: Path, *, conditions: bool = True) -> Policy:
    """The policy in this file's content; raises as ``read_policy``."""
    try:
        text = file.decode("utf-8")
    except UnicodeDecodeError as error:
        raise unreadable(path, error) from None
    # As a text file is read: its line ends are \n whatever they are on disk.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return load_policy(text, path=str(path), conditions=conditions).read_from(file)


def unreadable(path: Path, error: Exception) -> InvalidPolicy:
    """That the file can't be read at all."""
    finding = Finding(line=1, column=1, where="file", problem=f"can't be read: {error}")
    return InvalidPolicy([finding], path=str(path))


def policy_check(path: Path) -> Check:
    """What a doctor looks at: the file as the processes read it, and what in it is probably not meant."""

    def look() -> str:
        try:
            policy = read_policy(path)
        except InvalidPolicy as invalid:
            raise Failed("; ".join(part.strip() for part in invalid.diagnostics().splitlines())) from None
        if warned := policy_warnings(policy, path.read_text(encoding="utf-8"), path=str(path)):
            raise CannotTell("valid, but: " + " ".join(f"{one}" for one in warned))
        return f"valid; a rejection does: {', '.join(policy.lockdown.steps)}"

    return Check(
        name="policy",
        look=lambda: asyncio.to_thread(look),
        remedy="correct the file; `startgate policy check FILE` tells more",
    )
