"""The book of channels in memory: for tests of what stands above it. Same contract, no Redis."""


class MemoryChannelBook:
    """``workers.domain.ports.ChannelBook`` in a dict."""

    def __init__(self) -> None:
        self._channels: dict[tuple[str, str], str] = {}

    async def look_up(self, workspace: str, name: str) -> str | None:
        """The id noted for this name."""
        return self._channels.get((workspace, name))

    async def note(self, workspace: str, name: str, channel: str) -> None:
        """Remember it."""
        self._channels[workspace, name] = channel
