"""Reads the policy file, as both processes do at start."""

import hashlib
from pathlib import Path

from workers.domain.errors import Finding, InvalidPolicy
from workers.domain.policy.file import load_policy
from workers.domain.policy.model import Policy
from workers.telemetry.instruments import POLICY


def read_policy(path: Path, *, conditions: bool = True) -> Policy:
    """The checked policy, of which metrics tell the digest from now on.

    Without ``conditions``, the rules' expressions are not checked.

    Raises:
        InvalidPolicy: with every error, its line and a remedy; also if the file can't be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        finding = Finding(line=1, column=1, where="file", problem=f"can't be read: {error}")
        raise InvalidPolicy([finding], path=str(path)) from None
    policy = load_policy(text, path=str(path), conditions=conditions)
    POLICY.clear()
    POLICY.set(1, sha256=hashlib.sha256(text.encode()).hexdigest())
    return policy
