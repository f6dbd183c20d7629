"""What a doctor looks at in a moment, looked at by the process itself: when it starts, and every hour."""

import asyncio
from collections.abc import Sequence

import structlog

from workers.runtime.checks import Check, State, findings
from workers.runtime.lifecycle import leave_if_cancelled
from workers.telemetry.health import Health

log = structlog.get_logger(__name__)

EVERY_S = 3600.0


async def look_now_and_then(health: Health, checks: Sequence[Check], *, every_s: float = EVERY_S) -> None:
    """Show in health what fails, for as long as it does, for ever. The process works meanwhile."""
    while True:
        for found in await findings(checks):
            name = f"doctor: {found.name}"
            if found.state is State.FAIL:
                health.trouble(name, f"{found.what} → {found.remedy}" if found.remedy else found.what)
                log.warning(
                    "a check of the doctor fails", check=found.name, found=found.what, remedy=found.remedy
                )
            else:
                health.trouble_over(name)
        leave_if_cancelled()
        await asyncio.sleep(every_s)
