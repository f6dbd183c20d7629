"""What a slash command is: how it is typed, who may use it, and what listens to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.cards.blocks.message import Message
from bot.requests import Buttons, Dialogs, Typed
from bot.services import Services
from workers.domain.asking.decisions import Permission
from workers.domain.starts.people import Actor

VM_NAME = "VM is a name, the beginning of one, `group/name`, a resource id, or an address of the portal."


class CommandListener(Protocol):
    """Listens to one command, its dialogs and the buttons of its answers."""

    @property
    def dialogs(self) -> Dialogs:
        """Its dialogs."""
        ...

    @property
    def buttons(self) -> Buttons:
        """Its buttons. Whoever presses one may have lost the permission since it was shown."""
        ...

    async def typed(self, command: Typed) -> Message | None:
        """Somebody who may use the command typed it; answers what only they see.

        Raises:
            NotAllowed, NotFound, NotYet: they are told so.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One slash command.

    Attributes:
        name: with its slash.
        arguments: what follows it; what may be left out is in brackets.
        example: arguments that somebody could type.
        summary: what it does, in one line without a full stop.
        details: more about the arguments, as mrkdwn; may be empty.
        who: who may use it, for readers who are nobody in particular; empty for everybody.
        may: whether this person may use it; see ``workers.domain.asking.decisions``.
        listener: makes the listener.
        judged_now: whether the person is judged by what Slack says at this moment, also in its dialogs: for
            what is dangerous. Otherwise Slack may have said it minutes ago.
        opens_form: whether a form opens where nothing follows the command; otherwise its usage is shown.
    """

    name: str
    arguments: str = ""
    example: str = ""
    summary: str
    details: str = ""
    who: str = ""
    may: Callable[[Actor], Permission]
    listener: Callable[[Services], CommandListener]
    judged_now: bool = False
    opens_form: bool = False

    @property
    def subject(self) -> str:
        """What the audit calls it: ``lockdown`` for ``/vm-lockdown``."""
        return self.name.removeprefix("/vm-")

    @property
    def typed(self) -> str:
        """How it is typed: ``/vm-lockdown NAME [REASON]``."""
        return f"{self.name} {self.arguments}".strip()

    @property
    def description(self) -> str:
        """One line for lists, without a full stop."""
        return f"{self.summary} ({self.who} only)" if self.who else self.summary

    def asks_for_usage(self, text: str) -> bool:
        """Whether what follows the command is ``help``, or nothing where something is needed."""
        needed = bool(self.arguments) and not self.arguments.startswith("[") and not self.opens_form
        return text.lower() == "help" or (needed and not text)


def members(actor: Actor) -> Permission:
    """For commands that show each person what is theirs: everybody who counts in this workspace."""
    return Permission(allowed=not actor.barred, reason=actor.barred or "open to members")


def everybody(_actor: Actor) -> Permission:
    """For commands that change nothing and tell nothing about VMs."""
    return Permission(allowed=True, reason="open to everybody")
