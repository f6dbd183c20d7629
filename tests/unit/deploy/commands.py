"""The commands that stand in code blocks of the operator's pages, in their order."""

import re
from pathlib import Path
from typing import NamedTuple

from tests.unit.deploy.templates import ROOT

PAGES = (ROOT / "deploy" / "azure" / "README.md", ROOT / "deploy" / "README.md")
_BLOCK = re.compile(r"(?ms)^ *```console\n(.*?)^ *```$")
_COMMAND = re.compile(r"(?m)^ *\$ ((?:.*\\\n)*.*)$")


class Typed(NamedTuple):
    """A command of a page.

    Attributes:
        text: in one line, without a comment.
    """

    page: Path
    text: str

    @property
    def ours(self) -> bool:
        """Whether it is one of Startgate's."""
        return self.text.split()[0] in {"startgate", "startgate-bot"}


def commands() -> list[Typed]:
    """Every command in a block marked as ``console``."""
    return [
        Typed(page, " ".join(re.sub(r"\s+#.*$", "", typed).replace("\\\n", " ").split()))
        for page in PAGES
        for block in _BLOCK.findall(page.read_text(encoding="utf-8"))
        for typed in _COMMAND.findall(block)
    ]


def other_blocks() -> list[str]:
    """The languages of all other code blocks, and what they begin with."""
    return [
        f"{page.name} {language}: {first}"
        for page in PAGES
        for language, first in re.findall(r"(?m)^ *```([a-z]*)\n *(.*)$", page.read_text(encoding="utf-8"))
        if language not in ("", "console")
    ]
