"""What looks like a secret, and taking it out of texts that people and logs see."""

import re

_SECRETS = re.compile(
    r"(?i)(xox[a-z]-[\w-]{6,}|xapp-[\w-]{6,}|SharedAccessKey=[^;\s]+|Bearer\s+\S+"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)|(?:sig|ticket)=[\w%.~+/=-]{8,}|\b[csth]=[\w%.~+/=-]{16,}"
    r"|\beyJ[\w-]{8,}(?:\.[\w-]*)*)"
)
"""Slack tokens, shared access keys, bearer tokens, passwords in URLs, signatures, JSON web tokens.

``c``, ``s``, ``t`` and ``h`` are the parameters that sign the address of an operation in Azure.
"""

_MARKS = ("xox", "xapp-", "sharedaccesskey=", "bearer", "://", "g=", "cket=", "c=", "s=", "t=", "h=", "eyj")
"""Without one of these, folded, a text holds none of them. No i: the expression takes Turkish ones, too."""

REDACTED = "[redacted]"


def redacted(text: str) -> str:
    """The text with everything that looks like a secret taken out."""
    return _SECRETS.sub(REDACTED, text)


def may_hold_secret(text: str) -> bool:
    """A quick look: if it says no, ``redacted`` would change nothing. The expression itself is slow."""
    folded = text.casefold()
    return any(mark in folded for mark in _MARKS)
