"""A link's turn that tests give and see given back."""

import asyncio


class Turn:
    """Whose turn it is, and how often it was given back."""

    def __init__(self) -> None:
        self.ours = asyncio.Event()
        self.given_back = 0

    async def to_settle(self) -> None:
        await self.ours.wait()

    def settled(self) -> None:
        self.given_back += 1
