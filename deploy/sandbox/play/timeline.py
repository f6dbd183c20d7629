"""Prints what happens, with milliseconds since the story began."""

import time


class Timeline:
    """One story's lines.

    Args:
        title: what the story is about.
        quiet: keep the lines without printing them.
    """

    def __init__(self, title: str, *, quiet: bool = False) -> None:
        self._begun = time.time() * 1000
        self._quiet = quiet
        self.lines: list[str] = []
        self._say(f"\n{title}")

    def at(self, ms: float, what: str) -> None:
        """Something happened at this Unix time in milliseconds."""
        self._say(f"  {ms - self._begun:7.0f} ms  {what}")

    def now(self, what: str) -> None:
        """Something happened now."""
        self.at(time.time() * 1000, what)

    def _say(self, line: str) -> None:
        self.lines.append(line)
        if not self._quiet:
            print(line, flush=True)
