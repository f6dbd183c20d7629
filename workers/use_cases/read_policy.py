"""The policy from its file, as both processes read it at start."""

from pathlib import Path

from workers.domain.errors import Finding, InvalidPolicy
from workers.domain.policy.file import load_policy
from workers.domain.policy.model import Policy


def read_policy(path: Path, *, conditions: bool = True) -> Policy:
    """The checked policy; without ``conditions``, all of it but the rules' expressions.

    Raises:
        InvalidPolicy: every error with line and remedy; a file that can't be read too.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        finding = Finding(line=1, column=1, where="file", problem=f"can't be read: {error}")
        raise InvalidPolicy([finding], path=str(path)) from None
    return load_policy(text, path=str(path), conditions=conditions)
