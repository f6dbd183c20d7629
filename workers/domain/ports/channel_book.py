"""Which Slack channel is meant by a name, kept over restarts: finding one again may take minutes."""

from typing import Protocol


class ChannelBook(Protocol):
    """Names and ids of channels, a page for each workspace."""

    async def look_up(self, workspace: str, name: str) -> str | None:
        """The id noted for this name, without ``#``; it may be out of date.

        Raises:
            DependencyAway: the store does not answer.
        """
        ...

    async def note(self, workspace: str, name: str, channel: str) -> None:
        """Remember that this name is this channel's; raises as ``look_up``."""
        ...
