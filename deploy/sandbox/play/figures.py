"""Numbers out of the stand-ins' records: from the queue to the card, from the submit to the first write."""

from typing import Any

from deploy.sandbox.stage import CardCopy, Stage, Started


class Figures:
    """Collects samples in milliseconds."""

    def __init__(self) -> None:
        self.event_to_card_ms: list[float] = []
        self.reject_to_first_write_ms: list[float] = []

    async def asked(self, stage: Stage, start: Started, card: CardCopy) -> float:
        """From the event's arrival on the queue to the card's arrival in Slack."""
        enqueued = await stage.bus.wait_for(
            "the event on the queue",
            lambda e: e["kind"] == "enqueued" and e["queue"] == "starts",
            since=start.bus_seq,
        )
        took = float(card.at_ms) - float(enqueued["at_ms"])
        self.event_to_card_ms.append(took)
        return took

    async def rejected(self, stage: Stage, start: Started, submitted_ms: float) -> float:
        """From the Reject dialog's submit to the first ARM write on the wire."""
        writes = [w for w in await stage.writes(start.vm_id) if w["at_ms"] >= submitted_ms]
        took = min(float(w["at_ms"]) - float(w["duration_ms"]) for w in writes) - submitted_ms
        self.reject_to_first_write_ms.append(took)
        return took


def summary(samples: list[float]) -> dict[str, Any]:
    """Count, median and 95th percentile."""
    if not samples:
        return {"count": 0, "p50": None, "p95": None}
    ordered = sorted(samples)
    return {
        "count": len(ordered),
        "p50": round(ordered[len(ordered) // 2], 1),
        "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 1),
    }
