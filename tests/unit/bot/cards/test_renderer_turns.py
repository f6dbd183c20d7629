"""One card is rendered by one task at a time, or its messages would be posted twice."""

import asyncio
from typing import Any

import pytest

from bot.cards.audience import Subjects
from bot.cards.renderer import Renderer


async def test_no_two_render_one_card_however_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: Any = None  # no port is used: what would use them is replaced below
    renderer = Renderer(
        store=nothing, poster=nothing, audience=nothing, note_asked=nothing, bursts=nothing, clock=nothing
    )
    at_once, most = 0, 0

    async def read(_card_id: str) -> tuple[Subjects, None]:
        return Subjects(None, None), None

    async def converge(_card_id: str, _known: object) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        for _ in range(3):
            await asyncio.sleep(0)
        at_once -= 1

    monkeypatch.setattr(renderer, "_read", read)
    monkeypatch.setattr(renderer, "_converge", converge)

    async def newcomer(turns: int) -> None:
        """Comes at any moment: also when one has let go and the next has not taken over yet."""
        for _ in range(turns):
            await asyncio.sleep(0)
        await renderer.render("a1")

    await asyncio.gather(*(newcomer(turns) for turns in range(40)))

    assert most == 1
    assert not renderer._locks
