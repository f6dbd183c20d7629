"""A report as a picture and as a table: both show days and numbers only, so nothing in them is hostile."""

import csv
import io

from PIL import Image, ImageDraw, ImageFont

from workers.use_cases.orders.reading.report import (
    ANSWERS,
    ASKED,
    CONTAINED,
    FAILED,
    PASSED,
    TOLD,
    VERDICTS,
    Report,
)

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 960, 480, 60, 70, 60
_COLORS = {ASKED: "#1d6fb8", TOLD: "#5a9a6b", PASSED: "#8fa3b5", CONTAINED: "#b3261e", FAILED: "#d9a400"}
_INK, _PAPER, _LINE = "#1f2933", "#ffffff", "#d5dbe1"


def as_csv(report: Report) -> bytes:
    """One row a day."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["day (UTC)", *VERDICTS, *ANSWERS])
    for day in report.days:
        rows.writerow([day.day.isoformat(), *(day.counts[column] for column in (*VERDICTS, *ANSWERS))])
    return out.getvalue().encode()


def as_png(report: Report) -> bytes:
    """Stacked bars, one a day, each colour a verdict."""
    image = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=16)
    most = max((sum(day.counts[one] for one in VERDICTS) for day in report.days), default=0) or 1
    floor, room = _HEIGHT - _BOTTOM, _HEIGHT - _BOTTOM - _TOP
    draw.text((_LEFT, 14), "Starts by day and verdict", fill=_INK, font=ImageFont.load_default(size=20))
    for number, verdict in enumerate(VERDICTS):
        left = float(_LEFT + number * 178)
        draw.rectangle((left, 44, left + 14, 58), fill=_COLORS[verdict])
        draw.text((left + 20, 42), f"{verdict}: {report.total(verdict)}", fill=_INK, font=font)
    for share in (0.0, 0.5, 1.0):
        y = floor - room * share
        draw.line((_LEFT, y, _WIDTH - 20, y), fill=_LINE)
        draw.text((12, y - 9), f"{most * share:g}", fill=_INK, font=font)
    width = (_WIDTH - 20 - _LEFT) / len(report.days)
    every = max(1, round(60 / width))
    for number, day in enumerate(report.days):
        left, top = _LEFT + number * width, float(floor)
        for verdict in VERDICTS:
            height = room * day.counts[verdict] / most
            if height:
                draw.rectangle(
                    (left + 3, top - height, left + max(4.0, width - 3), top), fill=_COLORS[verdict]
                )
            top -= height
        if number % every == 0:
            draw.text((left + 3, floor + 10), f"{day.day:%b} {day.day.day}", fill=_INK, font=font)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
