"""What goes wrong: faults of the stand-ins for a while, and processes killed and started again."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.servicebus.faults import TROUBLES
from tests.chaos import people

PROCESSES = ("bot", "workers", "valkey", "servicebus")

_CHAT = r"^/api/chat\."
_API = r"^/api/"
_ANSWERS = r"^/(actions|commands|app)/"
_PASSING = ("internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited")
_METHODS = (
    *("chat.postMessage", "chat.postMessage", "chat.update", "conversations.open", "users.info"),
    *("users.lookupByEmail", "usergroups.users.list", "conversations.history", "views.open"),
)
_DENIED = (
    "AuthorizationFailed",
    "DenyAssignmentAuthorizationFailed",
    "RequestDisallowedByPolicy",
    "ScopeLocked",
)
"""Refusals that stay: a containment they meet ends INCOMPLETE, unless they are over before it gives up."""
_BUSY = ("AnotherOperationInProgress", "PreconditionFailed", "ServiceUnavailable", "InternalServerError")


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A fault in force from ``at_s`` for ``for_s`` seconds.

    Attributes:
        kind: a word for the count at the end.
        where: ``slack``, ``azure``, ``failures`` (how Azure's operations end), ``refusals`` (by Azure),
            ``refused`` (by Slack), ``socket`` or ``bus``.
        body: what that stand-in takes.
    """

    kind: str
    where: str
    at_s: float
    for_s: float
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Kill:
    """``kill -9`` of a process at ``at_s``; it is started again ``pause_s`` seconds later."""

    process: str
    at_s: float
    pause_s: float


@dataclass(frozen=True, kw_only=True)
class Failover:
    """Redis' replica takes the primary's place at ``at_s``: planned, or because the primary was killed."""

    at_s: float
    crash: bool


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """Slack's bot token is replaced at ``at_s``: the file has the new one so many seconds later."""

    at_s: float
    late_s: float


def draw_rotation(chance: random.Random, stage_s: float) -> Rotation | None:
    """In one round of five."""
    happens, at_s, late_s = chance.random() < 0.2, chance.uniform(0.0, stage_s), chance.uniform(0.0, 1.0)
    return Rotation(at_s=round(at_s, 2), late_s=round(late_s, 2)) if happens else None


def draw_failover(chance: random.Random, stage_s: float) -> Failover | None:
    """In one round of five."""
    happens, at_s, crash = chance.random() < 0.2, chance.uniform(0.0, stage_s), chance.random() < 0.5
    return Failover(at_s=round(at_s, 2), crash=crash) if happens else None


def draw_expired_token(chance: random.Random, stage_s: float) -> tuple[Trouble, ...]:
    """In one round of five, Azure takes no token for a moment, as when ours has just ended.

    Source: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling,
    https://learn.microsoft.com/rest/api/azure/#create-the-request (401 with ``WWW-Authenticate``).
    """
    happens, at_s, for_s = chance.random() < 0.2, chance.uniform(0.0, stage_s), chance.uniform(0.3, 1.0)
    times = chance.choice((1, 2, None))
    body = {"path": "", "status": 401, "times": times}
    expired = Trouble(kind="azure 401", where="azure", at_s=round(at_s, 2), for_s=round(for_s, 2), body=body)
    return (expired,) if happens else ()


def draw_kills(chance: random.Random, stage_s: float) -> tuple[Kill, ...]:
    """None to three, each of another process."""
    count = chance.choices((0, 1, 2, 3), weights=(25, 45, 22, 8))[0]
    return tuple(
        Kill(
            process=process,
            at_s=round(chance.uniform(0.0, stage_s), 2),
            pause_s=round(chance.choice((chance.uniform(0.0, 0.3), chance.uniform(0.3, 2.5))), 2),
        )
        for process in chance.sample(PROCESSES, count)
    )


def draw_troubles(chance: random.Random, stage_s: float, *, groups: list[str]) -> tuple[Trouble, ...]:
    """None to four; ``groups`` are the resource groups of the round's VMs."""
    count = chance.choices((0, 1, 2, 3, 4), weights=(15, 30, 30, 15, 10))[0]
    return tuple(_trouble(chance, stage_s, groups) for _ in range(count))


def _trouble(chance: random.Random, stage_s: float, groups: list[str]) -> Trouble:
    where = chance.choices(tuple(_DRAWN), weights=[weight for weight, _ in _DRAWN.values()])[0]
    at_s = round(chance.uniform(0.0, stage_s * 0.8), 2)
    for_s = round(chance.uniform(0.3, 2.5), 2)
    kind, body = _DRAWN[where][1](chance, groups)
    return Trouble(kind=f"{where} {kind}", where=where, at_s=at_s, for_s=for_s, body=body)


def _http(chance: random.Random) -> tuple[str, dict[str, Any]]:
    """A fault of an HTTP stand-in, without its path."""
    times = chance.choice((1, 2, 4, None))
    kind = chance.choice(("429", "500", "drop before", "drop after", "slow"))
    return kind, {
        "times": times,
        "probability": chance.choice((1.0, 1.0, 0.5)),
        **{
            "429": {"status": 429, "retry_after_s": chance.choice((1, 1, 2))},
            "500": {"status": chance.choice((500, 503))},
            "drop before": {"drop": "before"},
            "drop after": {"drop": "after"},
            "slow": {"delay_ms": chance.choice((200, 800, 1500))},
        }[kind],
    }


def _slack(chance: random.Random, _groups: list[str]) -> tuple[str, dict[str, Any]]:
    kind, fault = _http(chance)
    path = chance.choices((_CHAT, _API, _ANSWERS, ""), weights=(45, 35, 8, 12))[0]
    return kind, {"path": path, **fault}


def _azure(chance: random.Random, groups: list[str]) -> tuple[str, dict[str, Any]]:
    kind, fault = _http(chance)
    path = chance.choice(("", chance.choice(groups), "networkInterfaces", "virtualMachines"))
    return kind, {"path": path, "method": chance.choice(("*", "*", "GET", "PUT", "POST")), **fault}


def _failures(chance: random.Random, groups: list[str]) -> tuple[str, dict[str, Any]]:
    """An operation that Azure accepts, and that then ends otherwise, or never."""
    operation = chance.choice(("deallocate", "PUT", ""))
    ends = chance.choice(("Failed", "Failed", "Canceled", "Cancelled", "TimedOut", "never"))
    return f"operation ends {ends}", {
        "operation": operation,
        "target": chance.choice(groups),
        "ends": ends,
        "times": 1 if ends == "never" else chance.choice((1, 1, 2, 2)),
    }


def _refusals(chance: random.Random, groups: list[str]) -> tuple[str, dict[str, Any]]:
    """Azure understands a request, and refuses it."""
    code = chance.choice((*_DENIED, *_BUSY))
    part = chance.choice(("", "/networkSecurityGroups/", "/networkInterfaces/", "/virtualMachines/"))
    return code, {
        "code": code,
        "method": chance.choice(("WRITE", "WRITE", "*")) if code != "PreconditionFailed" else "WRITE",
        "path": f"{chance.choice(groups)}/.*{part}",
        "times": chance.choice((1, 2, None)),
    }


def _refused(chance: random.Random, _groups: list[str]) -> tuple[str, dict[str, Any]]:
    """Slack understands a call, and refuses it: for a moment, or for one person or channel."""
    times = chance.choice((1, 2, 4, None))
    kind = chance.choice(("passing", "passing", "person", "channel"))
    if kind == "passing":
        return kind, {"method": chance.choice(_METHODS), "error": chance.choice(_PASSING), "times": times}
    if kind == "person":
        errors = ("user_disabled", "cannot_dm_bot", "messages_tab_disabled", "channel_not_found")
        return kind, {
            "method": "chat.postMessage",
            "error": chance.choice(errors),
            "person": chance.choice((*people.OWNERS, *people.ON_CALL)),
            "times": times,
        }
    return kind, {
        "method": "chat.postMessage",
        "error": chance.choice(("is_archived", "not_in_channel", "channel_not_found", "restricted_action")),
        "channel": chance.choice(("vm-approvals", "vm-approvals", "vm-oncall")),
        "times": times,
    }


def _socket(chance: random.Random, _groups: list[str]) -> tuple[str, dict[str, Any]]:
    if chance.random() < 0.5:
        return "drop", {"drop": True}
    if chance.random() < 0.3:
        return "refuse", {"refuse": True, "drop": True}
    return "disconnect", {"disconnect": chance.choice(("warning", "refresh_requested", "link_disabled"))}


def _bus(chance: random.Random, _groups: list[str]) -> tuple[str, dict[str, Any]]:
    kind = chance.choice(list(TROUBLES))
    varied: dict[str, dict[str, Any]] = {
        "slow": {"delay_ms": chance.choice((50, 300))},
        "drop after send": {"drop_after_send": chance.choice((1, 2, 3))},
        "disabled": {"disabled": [chance.choice(("starts", "work", "notices", "*"))]},
    }
    return kind, {**TROUBLES[kind], **varied.get(kind, {})}


_DRAWN: dict[str, tuple[int, Callable[[random.Random, list[str]], tuple[str, dict[str, Any]]]]] = {
    "slack": (26, _slack),
    "azure": (22, _azure),
    "failures": (12, _failures),
    "refusals": (8, _refusals),
    "refused": (8, _refused),
    "socket": (7, _socket),
    "bus": (17, _bus),
}
"""Where a trouble comes from → how often, in a hundred, and what draws it."""
