"""``/vm-report``: on-call alone gets a picture with words for whoever can't see it, and a table."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest
from PIL import Image

from bot.commands.reading.report import MOST_DAYS, ReportListener
from bot.requests import Typed
from bot.slack.files import SentFile
from deploy.sandbox.slack.blockkit import check_blocks
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.commands.test_nearest import Dialogs
from tests.unit.bot.services_rig import services_of
from workers.domain.audit import AuditRecord
from workers.domain.errors import NotFound


class Audit:
    def __init__(self, count: int) -> None:
        self._count = count

    async def records(self, since: datetime) -> AsyncIterator[str]:
        assert since <= a.NOW
        for _ in range(self._count):
            yield AuditRecord(kind="start.passed", at=a.NOW).model_dump_json()
        yield AuditRecord(kind="approval.rejected", at=a.NOW - timedelta(days=1)).model_dump_json()


class Files:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Sequence[SentFile]]] = []

    async def send(self, user: str, text: str, files: Sequence[SentFile]) -> None:
        self.sent.append((user, text, files))


async def reported(rig: Rig, text: str = "", count: int = 3) -> tuple[str, Files]:
    files = Files()
    listener = ReportListener(services_of(rig, None, audit=Audit(count), files=files))
    answer = await listener.typed(Typed(actor=a.oncall(), text=text, open_dialog=Dialogs().open))
    assert check_blocks(answer.blocks, "message") == []
    return str(answer.blocks), files


async def test_who_asks_gets_a_picture_with_words_and_a_table(rig: Rig) -> None:
    said, files = await reported(rig)
    assert "3 passed" in said
    assert "1 rejected" in said
    ((user, text, (picture, table)),) = files.sent
    assert user == a.oncall().slack_user
    assert "Starts in 7 days" in text
    image = Image.open(io.BytesIO(picture.content))
    assert (image.format, image.size) == ("PNG", (960, 480))
    assert f"{a.NOW.date().isoformat()} 3 passed" in picture.alt_text
    rows = list(csv.DictReader(io.StringIO(table.content.decode())))
    assert [row["passed"] for row in rows] == ["0"] * 6 + ["3"]
    assert rows[-2]["rejected"] == "1"


@pytest.mark.parametrize(
    ("text", "days"), [("", 7), ("1d", 1), ("30 days", 30), (f"{MOST_DAYS}d", MOST_DAYS)]
)
async def test_it_covers_the_days_that_were_typed(rig: Rig, text: str, days: int) -> None:
    _, files = await reported(rig, text)
    ((_, _, (picture, table)),) = files.sent
    assert len(table.content.decode().splitlines()) == days + 1
    assert len(picture.alt_text) <= 1000


@pytest.mark.parametrize("text", ["0d", "32d", "a week", "7h", "-1d"])
async def test_another_time_is_refused_with_what_to_type(rig: Rig, text: str) -> None:
    with pytest.raises(NotFound, match="such as 7d, at most 31d"):
        await reported(rig, text)
