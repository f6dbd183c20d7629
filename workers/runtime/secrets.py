"""What looks like a secret, taken out of texts before anybody sees them."""

import re

REDACTED = "[redacted]"

_SECRETS = re.compile(
    r"(?i)(xox[a-z]-[\w-]{6,}|xapp-[\w-]{6,}|SharedAccessKey=[^;\s]+|Bearer\s+\S+"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)|(?:sig|ticket)=[\w%.~+/=-]{8,}|\b[csth]=[\w%.~+/=-]{16,}"
    r"|\beyJ[\w-]{8,}(?:\.[\w-]*)*)"
)
"""Slack tokens, shared access keys, bearer tokens, passwords in URLs, signatures (also those in the addresses
of Azure's long-running operations), JSON web tokens."""


def redacted(text: str) -> str:
    """The text with everything that looks like a secret taken out."""
    return _SECRETS.sub(REDACTED, text)
