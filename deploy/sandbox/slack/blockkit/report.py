"""What a check found, and where."""

from dataclasses import dataclass, field
from typing import Literal

Surface = Literal["message", "modal", "home"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing Slack refuses. ``at`` is a JSON pointer, such as ``/blocks/0/text``."""

    message: str
    at: str

    def __str__(self) -> str:
        return f"{self.message} [json-pointer:{self.at}]"


@dataclass(slots=True)
class Report:
    """All problems of one layout. ``surface`` is where it is to be shown."""

    surface: Surface
    problems: list[Problem] = field(default_factory=list)

    def say(self, message: str, at: str) -> None:
        self.problems.append(Problem(message, at))
