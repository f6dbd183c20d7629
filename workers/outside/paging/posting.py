"""One POST to a service that calls people, and what its answer means."""

from collections.abc import Mapping

import aiohttp

from workers.domain.errors import DependencyAway
from workers.domain.ports.paging import PageRefused
from workers.runtime.secrets import redacted

WITHIN = aiohttp.ClientTimeout(total=5)
_LONGEST_REASON = 300
_AGAIN = frozenset({408, 425, 429})


async def post(name: str, url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Send it, and wait for an answer of the 200s.

    Raises:
        DependencyAway: no answer, a server's error, or throttling, with what ``Retry-After`` asks for.
        PageRefused: any other answer. A redirection is one: it is not followed.
    """
    try:
        async with (
            aiohttp.ClientSession(timeout=WITHIN, trust_env=True) as http,
            http.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            if answer.ok and answer.status < 300:  # noqa: PLR2004 - HTTP's
                return
            said = redacted((await answer.content.read(2000)).decode(errors="replace"))[:_LONGEST_REASON]
            reason = f"answered {answer.status}: {said}".strip()
            if answer.status >= 500 or answer.status in _AGAIN:  # noqa: PLR2004 - HTTP's
                after = answer.headers.get("Retry-After", "")
                raise DependencyAway(name, reason, retry_after_s=float(after) if after.isdecimal() else None)
            raise PageRefused(reason)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        because = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise DependencyAway(name, redacted(because)[:_LONGEST_REASON]) from error
