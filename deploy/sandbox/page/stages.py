"""The stages of a way, read off a document. Nothing here knows which steps or states there are to be."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

Stage = dict[str, Any]
Document = Mapping[str, Any]

TODO, NOW, DONE, FAILED, SKIPPED, ALARM = "todo", "now", "done", "failed", "skipped", "alarm"
"""States of a stage. ``alarm`` is done too, and dangerous: somebody said no."""

STEP_STATES = {"TODO": TODO, "STARTED": NOW, "DONE": DONE, "FAILED": FAILED, "SKIPPED": SKIPPED}
ANSWER_STATES = {
    "PENDING": NOW,
    "TOLD": DONE,
    "CONFIRMED": DONE,
    "REJECTED": ALARM,
    "EXPIRED": ALARM,
    "WITHDRAWN": SKIPPED,
    "RULED": ALARM,
    "OBSERVED": SKIPPED,
}
RESULT_STATES = {"CONTAINED": DONE, "RESTORED": DONE, "INCOMPLETE": FAILED}


def stage(key: str, title: str, state: str, text: str = "", **more: Any) -> Stage:
    """One stage; ``more`` holds at_ms, took_ms, bars, signals, where they are known."""
    return {
        "key": key,
        "title": title,
        "state": state,
        "text": text,
        **{k: v for k, v in more.items() if v is not None},
    }


def event_stage(event: Document) -> Stage:
    """Who started the machine, and how."""
    caller = event["caller"]
    mfa = {True: "with MFA", False: "without MFA"}.get(caller.get("mfa"), "")
    from_ip = f"from {caller['ip']}" if caller.get("ip") else ""
    text = ", ".join(part for part in (mfa, from_ip, str(caller.get("kind", ""))) if part)
    return stage("event", "Event", DONE, text, at_ms=ms(event["at"]))


def facts_stage(facts: Document) -> Stage:
    """How long each fact took, and which did not come."""
    bars = sorted(facts.get("took_ms", {}).items(), key=lambda bar: -bar[1])
    missing = [fact["name"] for fact in facts.get("missing", [])]
    text = f"missing: {', '.join(missing)}" if missing else f"{len(bars)} facts"
    slowest = bars[0][1] if bars else None
    return stage(
        "facts",
        "Facts",
        FAILED if missing else DONE,
        text,
        bars=bars,
        took_ms=slowest,
        at_ms=ms(facts.get("gathered_at")),
    )


def risk_stage(approval: Document) -> Stage | None:
    """How high the risk is and what it looks like, with every signal; ``None`` if nobody assessed it."""
    risk = approval.get("risk")
    if not risk:
        return None
    signals = risk.get("signals", [])
    weights: dict[str, int] = {}
    for signal in signals:
        weights[signal["threat"]] = weights.get(signal["threat"], 0) + signal["weight"]
    looks_like = max(weights, key=lambda threat: weights[threat], default="nothing unusual")
    return stage(
        "risk",
        "Risk",
        ALARM if risk["level"] == "high" else DONE,
        f"{risk['level']}: {looks_like}",
        signals=signals,
        at_ms=ms(approval["opened_at"]),
    )


def verdict_stage(approval: Document, audit: Iterable[Document]) -> Stage:
    """What the policy wants, and which of its rules said so."""
    details: dict[str, Any] = {}
    for record in audit:
        if "verdict" in record["details"]:
            details = record["details"]
    rule = details.get("rule") or approval["terms"].get("rule", "")
    return stage(
        "verdict",
        "Verdict",
        DONE,
        f"{details.get('verdict', 'ask')} ({rule})",
        at_ms=ms(approval["opened_at"]),
    )


def asked_stage(approval: Document, names: Mapping[str, str]) -> Stage:
    """Who was asked; the card has reached Slack."""
    if approval["state"] == "OBSERVED":
        return stage("asked", "Asked", SKIPPED, "nobody: the policy only observes")
    asked_at = ms(approval.get("asked_at"))
    title = "Told" if _announced(approval) else "Asked"
    whom = [names.get(user, user) for user in approval.get("asked_whom", [])]
    if asked_at is None:
        closed = approval["state"] not in ("PENDING", "TOLD")
        return stage("asked", title, SKIPPED if closed else NOW, approval.get("notice", ""))
    since = asked_at - (ms(approval["event"]["at"]) or asked_at)
    text = ", ".join(whom) or approval.get("notice", "") or "the channel"
    return stage("asked", title, DONE, text, at_ms=asked_at, took_ms=max(since, 0))


def _announced(approval: Document) -> bool:
    """Whether its owner is only told, and asked nothing."""
    return bool(approval["terms"].get("verdict") == "tell")


def answer_stage(approval: Document, names: Mapping[str, str]) -> Stage:
    """The answer, or that it is waited for."""
    title = "Answer"
    state = str(approval["state"])
    decision = approval.get("decision")
    text = "waiting"
    if decision:
        first = decision.get("requested")
        two = f"{_who(first['by'], names)} and " if first else ""
        reason = f": “{decision['reason']}”" if decision.get("reason") else ""
        title, text = _title(state), f"{two}{_who(decision['by'], names)}{reason}"
    elif state == "TOLD":
        title, text = _title(state), "can be rejected; nothing happens otherwise"
    elif state != "PENDING":
        title, text = _title(state), approval.get("closed_because") or "nobody answered"
    elif request := _asked_for_second(approval):
        text = f"{_who(request['by'], names)} wants to confirm it, and waits for a second person"
    elif approval.get("escalated_at"):
        text = "on-call was told"
    elif approval.get("reminded_at"):
        text = "reminded"
    shown = DONE if state == "EXPIRED" and _announced(approval) else ANSWER_STATES.get(state, NOW)
    return stage("answer", title, shown, text, at_ms=ms(approval.get("closed_at")))


def _asked_for_second(approval: Document) -> Document | None:
    """What the first of two persons has asked for, unless its time is over."""
    request: Document | None = approval.get("confirm_request")
    return None if request is None or request.get("expired") else request


def _who(person: Document, names: Mapping[str, str]) -> str:
    return str(
        names.get(person.get("slack_user", "")) or person.get("name") or person.get("email") or "somebody"
    )


def order_stage(containment: Document, names: Mapping[str, str]) -> Stage:
    """Why a machine is contained without a question."""
    cause = containment["cause"]
    by = cause.get("by") or {}
    who = names.get(by.get("slack_user", "")) or by.get("name") or "Startgate"
    reason = f": “{cause['reason']}”" if cause.get("reason") else ""
    return stage("order", _title(cause["kind"]), ALARM, f"{who}{reason}", at_ms=ms(cause["at"]))


def containment_stages(containment: Document) -> list[Stage]:
    """Each step, and what became of the whole."""
    steps = [_step(step) for step in containment["steps"]]
    state = str(containment["state"])
    again = f", round {containment['round']}" if containment.get("round", 1) > 1 else ""
    ended, opened = ms(containment.get("ended_at")), ms(containment.get("opened_at"))
    text = f"read back{again}" if containment.get("verified_at") else f"under way{again}"
    if state not in ("PLANNED", "RUNNING", "RESTORING", "CONTAINED"):
        text = state.lower()
    took = ended - opened if ended and opened else None
    title = "Containing" if state in ("PLANNED", "RUNNING") else _title(state)
    result = stage("result", title, RESULT_STATES.get(state, NOW), text, at_ms=ended, took_ms=took)
    return [*steps, result]


def _step(step: Document) -> Stage:
    began, ended = ms(step.get("started_at")), ms(step.get("ended_at"))
    attempt = f"attempt {step['attempt']}: " if step.get("attempt", 0) > 1 else ""
    state = STEP_STATES.get(str(step["state"]), NOW)
    if state == TODO and step.get("attempt"):
        state = NOW  # an attempt failed and another follows
    took = ended - began if began and ended else None
    text = attempt + (step.get("note") or "")
    return stage(f"step.{step['name']}", _title(step["name"]), state, text, at_ms=ended, took_ms=took)


def tone(stages: Iterable[Stage]) -> str:
    """What a row looks like from afar: ``danger``, ``waiting``, ``fine`` or ``quiet``."""
    states = {s["key"]: s["state"] for s in stages if s["key"] != "risk"}  # a high risk is no outcome
    result, answer = states.get("result"), states.get("answer")
    if result == FAILED or (result == NOW and ALARM in states.values()):
        return "danger"
    if DONE in (result, answer):
        return "fine"
    if answer == ALARM:
        return "danger"
    return "waiting" if NOW in states.values() else "quiet"


def ms(text: str | None) -> float | None:
    """ISO time → Unix milliseconds."""
    return datetime.fromisoformat(text).timestamp() * 1000 if text else None


def _title(word: str) -> str:
    return word.replace("_", " ").capitalize() if not word.isupper() else word.capitalize()
