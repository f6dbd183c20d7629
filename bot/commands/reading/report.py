"""``/vm-report [7d]``: starts by day and verdict, time to answer, silence and rejections, with files."""

import asyncio
import re

from bot.cards.blocks.message import Message
from bot.commands.command import Command
from bot.commands.reading.report_blocks import alt_text, sent, summary
from bot.commands.reading.report_files import as_csv, as_png
from bot.requests import Buttons, Dialogs, Typed
from bot.services import Services
from bot.slack.files import SentFile
from workers.domain.asking.decisions import may_see_all
from workers.domain.errors import NotFound
from workers.use_cases.orders.reading.report import report

USUAL_DAYS, MOST_DAYS = 7, 31
_SPAN = re.compile(r"(\d{1,3})\s*d(?:ays?)?")


class ReportListener:
    """Sends the files to whoever asked, and nobody else."""

    dialogs: Dialogs = {}
    buttons: Buttons = {}

    def __init__(self, services: Services) -> None:
        self._services = services

    async def typed(self, command: Typed) -> Message:
        """Read the audit of these days, and send what it says."""
        services, days = self._services, _days(command.text)
        found = await report(services.audit, services.clock.now(), days)
        picture = await asyncio.to_thread(as_png, found)  # drawing must not hold up clicks
        name = f"startgate-{found.days[0].day}-{found.days[-1].day}"
        await services.files.send(
            command.actor.slack_user,
            summary(found),
            [
                SentFile(f"{name}.png", "Starts by day and verdict", picture, alt_text(found)),
                SentFile(f"{name}.csv", "The same as a table", as_csv(found)),
            ],
        )
        return sent(found)


def _days(text: str) -> int:
    """How many days.

    Raises:
        NotFound: it is no such time.
    """
    found = _SPAN.fullmatch(text.strip().lower())
    days = int(found[1]) if found else 0 if text else USUAL_DAYS
    if not 1 <= days <= MOST_DAYS:
        raise NotFound(
            f"There is no report of {text[:40]}. Type a number of days, such as 7d, at most {MOST_DAYS}d."
        )
    return days


COMMAND = Command(
    name="/vm-report",
    arguments="[7d]",
    summary="Starts by day and verdict, time to answer, silence and rejections, as picture and table",
    details=f"Without a time, of {USUAL_DAYS} days.",
    who="on-call",
    may=may_see_all,
    listener=ReportListener,
)
