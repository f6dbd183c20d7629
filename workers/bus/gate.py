"""When something we need is away, take nothing more: an outage must not burn delivery counts."""

import asyncio

import structlog

log = structlog.get_logger(__name__)

_FIRST_S = 1.0
_LONGEST_S = 30.0


class Gate:
    """Open, shut for a while, or half open: one message goes through to find out.

    One gate serves every receiver of a queue, so it shuts only for what stands in the way of all messages:
    Redis, Slack or Azure as a whole. A subscription that Azure throttles concerns only its own messages. Who
    handles them puts each off by itself, for as long as Azure asked (``Later``, which burns no delivery), and
    containments and questions note in their own documents when they are to be looked at again.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._failures = 0
        self._reopens_at = 0.0

    @property
    def shut(self) -> bool:
        """Whether it is shut or half open."""
        return self._failures > 0

    def trip(self, reason: str, *, wait_s: float | None = None) -> float:
        """Something is away. Shut for ``wait_s``, or longer each time; answers for how many seconds."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._reopens_at:
            return self._reopens_at - loop.time()
        self._failures += 1
        wait = wait_s if wait_s is not None else min(_LONGEST_S, _FIRST_S * 2 ** (self._failures - 1))
        self._reopens_at = loop.time() + wait
        log.warning("receiver pauses", queue=self._name, for_s=round(wait, 1), reason=reason)
        return wait

    def reset(self) -> None:
        """It answers again."""
        if self._failures:
            log.info("receiver goes on", queue=self._name)
        self._failures = 0
        self._reopens_at = 0.0

    @property
    def remaining_s(self) -> float:
        """Seconds until a message may be taken; 0 while open.

        Whoever trips it meanwhile does so because a message failed; the caller's next message finds out.
        """
        return max(0.0, self._reopens_at - asyncio.get_running_loop().time())
