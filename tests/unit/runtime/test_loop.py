"""A process that serves runs on uvloop, where there is one."""

import asyncio
import sys

import pytest

from workers.runtime import loop


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop for Windows")
def test_a_process_runs_on_uvloop() -> None:
    seen = []

    async def main() -> None:
        seen.append(type(asyncio.get_running_loop()).__module__)

    loop.run(main())
    assert seen == ["uvloop"]


def test_on_windows_it_runs_on_asyncio_s_own_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    seen = []

    async def main() -> None:
        seen.append(type(asyncio.get_running_loop()).__module__)

    loop.run(main())
    assert seen[0].startswith("asyncio")
