"""Where Azure Resource Manager is, and which addresses may be sent our token."""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from workers.runtime.addresses import is_loopback

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The checked address of ARM.

    Attributes:
        url: without a slash at the end, such as ``https://management.azure.com``.
        loopback: it is this machine, the only place where plain http and fixed tokens are taken.
    """

    url: str
    loopback: bool

    @classmethod
    def parse(cls, url: str) -> "Endpoint":
        """Check an address.

        Raises:
            ValueError: not an absolute http(s) address, or plain http to somewhere else than this machine.
        """
        parts = urlsplit(url.strip())
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username or parts.query:
            raise ValueError(f"not the address of Azure Resource Manager: {url[:200]!r}; use https://…")
        loopback = is_loopback(url.strip())
        if parts.scheme == "http" and not loopback:
            raise ValueError(
                f"plain http to {parts.hostname} would show our token to the network; use https, "
                "or http on 127.0.0.1 for tests"
            )
        return cls(url=url.strip().rstrip("/"), loopback=loopback)

    @property
    def scope(self) -> str:
        """What a token for this endpoint is asked for, where the settings don't say."""
        return f"{self.url}/.default"

    def owns(self, url: str) -> bool:
        """Whether an address lies at this endpoint or a regional name below it, on the same scheme and port.

        Addresses of operations come from answers and from the store; our token goes nowhere else.
        """
        ours, theirs = urlsplit(self.url), urlsplit(url)
        same_host = theirs.hostname == ours.hostname or (
            not self.loopback and (theirs.hostname or "").endswith(f".{ours.hostname}")
        )
        return same_host and theirs.scheme == ours.scheme and _port(theirs) == _port(ours)


def _port(parts: SplitResult) -> int | None:
    return parts.port or _DEFAULT_PORTS.get(parts.scheme)
