"""A link that opens as fast as its broker answers: by itself the SDK sleeps 50 ms after each of nine frames.

What reaches behind the SDK's public face for this is here. Everything is still read by the SDK, in its own
task and order: it is asked again, at once, for as long as frames come. ``tests/contract/bus`` fails when an
update of it takes a part away, and links then open as slowly as by themselves.
"""
# ruff: noqa: SLF001

from typing import Any, TypeVar

Link = TypeVar("Link")


def reading_on(link: Link) -> Link:
    """The same receiver or sender; whenever it opens, it reads frames without a pause while some come."""
    behind: Any = link
    create = getattr(behind, "_create_handler", None)
    if create is None:
        return link

    def create_handler(auth: Any) -> None:
        create(auth)
        handler = behind._handler
        ready = handler.client_ready_async

        async def client_ready_async() -> bool:
            """As the SDK's own, which reads one frame, or none within the time that a read may take."""
            came = None
            while not await ready():
                last = getattr(handler._connection, "_last_frame_received_time", None)
                if last == came:
                    return False  # The SDK's pause: a broker that says nothing, or hung up, is not asked on.
                came = last
            # From now on it is asked before each read, and is quicker by itself. Two may come here: who reads
            # and who settles can have opened it both.
            vars(handler).pop("client_ready_async", None)
            return True

        handler.client_ready_async = client_ready_async

    behind._create_handler = create_handler
    return link
