"""What happens in a round, drawn from its seed alone: the same seed and number give the same plan."""

import random
import uuid
from dataclasses import dataclass, field, replace

from tests.chaos import people
from tests.chaos.troubles import (
    Failover,
    Kill,
    Rotation,
    Trouble,
    draw_expired_token,
    draw_failover,
    draw_kills,
    draw_rotation,
    draw_troubles,
)

STAGE_S = 4.0
"""Seconds in which everything begins; a person who waits for a card may act a little later."""
BLOCK = 25
"""Rounds that share one system, and so one policy."""
ON_SILENCE = ("contain", "escalate", "isolate", "contain", "leave")
SCHEMAS = ("eventgrid", "cloudevents", "activitylog", "diagnostic", "alert")


@dataclass(frozen=True, kw_only=True)
class VmPlan:
    """A new VM. ``owners`` are the keys of those its tag really names; ``ghost`` does not exist in Azure."""

    name: str
    group: str
    tags: dict[str, str]
    owners: tuple[str, ...] = ()
    nics: tuple[dict[str, object], ...] = ()
    classic: bool = False
    ghost: bool = False


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One message: the record of this index is sent at ``at_s``; ``fresh_id`` makes it a true duplicate."""

    record: int
    at_s: float
    fresh_id: bool = False


@dataclass(frozen=True, kw_only=True)
class StartPlan:
    """A start. With ``deliveries`` the messages are put on the bus one by one, else Azure publishes them.

    ``again`` starts a VM that may be contained by then.
    """

    vm: int
    at_s: float
    caller: str
    correlation_id: str
    schema: str
    array: bool = False
    fails: bool = False
    again: bool = False
    repeat: int = 1
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ActPlan:
    """What a person does: about a start's card once they see it, or a command at ``after_s``.

    Attributes:
        what: ``confirm``, ``reject``, ``peek`` (opens the Reject dialog, and closes it) or ``lockdown``.
        times: how often, all at once.
        how: for a lockdown: ``id``, ``name`` or ``part`` of the name.
        after_s: from the moment the card is seen; for a lockdown from the round's beginning.
        think_s: between an open dialog and its submit.
    """

    who: str
    what: str
    target: int
    after_s: float
    think_s: float = 0.0
    times: int = 1
    how: str = "id"
    reason: str = "not expected"


@dataclass(frozen=True, kw_only=True)
class RoundPlan:
    """A whole round. ``deleted`` are VMs (by index) that vanish at so many seconds."""

    seed: int
    number: int
    vms: tuple[VmPlan, ...]
    starts: tuple[StartPlan, ...]
    acts: tuple[ActPlan, ...]
    troubles: tuple[Trouble, ...]
    kills: tuple[Kill, ...]
    garbage: tuple[float, ...] = ()
    deleted: dict[int, float] = field(default_factory=dict)
    failover: Failover | None = None
    rotation: Rotation | None = None


def random_of(seed: int, number: int) -> random.Random:
    """The round's only source of chance."""
    return random.Random(f"{seed}/{number}")


def on_silence_of(seed: int, number: int) -> str:
    """The policy's word on silence in the block that a round belongs to."""
    return ON_SILENCE[(seed + number // BLOCK) % len(ON_SILENCE)]


def plan_round(seed: int, number: int) -> RoundPlan:
    """Draw a round."""
    chance = random_of(seed, number)
    vms = tuple(_vm(chance, seed, number, index) for index in range(chance.choice((1, 2, 2, 3))))
    starts = tuple(start for index, vm in enumerate(vms) for start in _starts(chance, index, vm))
    acts = tuple(
        act for index, start in enumerate(starts) for act in _acts(chance, index, vms[start.vm], start)
    )
    lockdowns = tuple(_lockdown(chance, index) for index, vm in enumerate(vms) if chance.random() < 0.25)
    deleted = {
        index: round(chance.uniform(1.0, STAGE_S), 2)
        for index, vm in enumerate(vms)
        if not (vm.ghost or vm.classic) and chance.random() < 0.06
    }
    plan = RoundPlan(
        seed=seed,
        number=number,
        vms=vms,
        starts=starts,
        acts=acts + lockdowns,
        troubles=draw_troubles(chance, STAGE_S, groups=[vm.group for vm in vms]),
        kills=draw_kills(chance, STAGE_S),
        garbage=tuple(_at(chance) for _ in range(chance.random() < 0.2)),
        deleted=deleted,
    )
    # Drawn last, so that the rest of a round stays what it was for its seed.
    failover = draw_failover(chance, STAGE_S)
    troubles = plan.troubles + draw_expired_token(chance, STAGE_S)
    return replace(plan, failover=failover, troubles=troubles, rotation=draw_rotation(chance, STAGE_S))


def _at(chance: random.Random, latest: float = STAGE_S) -> float:
    return round(chance.uniform(0.0, latest), 2)


def _vm(chance: random.Random, seed: int, number: int, index: int) -> VmPlan:
    token = f"{chance.getrandbits(24):06x}"
    kind = chance.choices(("plain", "classic", "ghost"), weights=(90, 4, 6))[0]
    odd = kind == "ghost" and chance.random() < 0.5
    name = f"vm{seed}r{number}n{index}-{token}" + ("<!here><@U0HOSTILE9>" if odd else "")
    owners, tags = _owner(chance)
    if chance.random() < 0.3:
        tags["note"] = people.HOSTILE_TEXT
    nic: dict[str, object] = {"public_ip": "20.60.1.7", "open": ["22"]}
    nics = chance.choices(((nic,), (nic, {"open": []}), (), ({"nsg": "none"},)), weights=(50, 25, 10, 15))[0]
    return VmPlan(
        name=name,
        group=f"rg-{seed}-{number}-{index}-{token}",
        owners=owners,
        tags=tags,
        nics=() if kind == "classic" else nics,
        classic=kind == "classic",
        ghost=kind == "ghost",
    )


def _owner(chance: random.Random) -> tuple[tuple[str, ...], dict[str, str]]:
    """Those whom the tag names, and the tags. Half of the odd ones are hostile."""
    one, other = chance.sample(people.OWNERS, 2)
    choice = chance.random()
    if choice < 0.6:
        return (one,), {"owner": people.EMAIL_OF[one].upper() if choice < 0.1 else people.EMAIL_OF[one]}
    if choice < 0.7:
        return (one, other), {"contact": f"{people.EMAIL_OF[one]}; {people.SLACK_OF[other]}"}
    if choice < 0.78:
        return (one,), {"owner": people.SLACK_OF[one]}
    if choice < 0.84:
        return (), {"owner": people.EMAIL_OF["leo"]}
    if choice < 0.92:
        return (), {"owner": people.HOSTILE_TEXT}
    return (), {}


def _starts(chance: random.Random, index: int, vm: VmPlan) -> list[StartPlan]:
    first = _start(chance, index, vm, _at(chance, 1.5), again=False)
    starts = [first]
    if not vm.ghost and chance.random() < 0.25:
        starts.append(_start(chance, index, vm, round(first.at_s + chance.uniform(0.5, 4.0), 2), again=True))
    return starts


def _start(chance: random.Random, index: int, vm: VmPlan, at_s: float, *, again: bool) -> StartPlan:
    schema = chance.choice(SCHEMAS)
    fails = not vm.classic and chance.random() < 0.08
    crafted = vm.ghost or chance.random() < 0.5
    deliveries: tuple[Delivery, ...] = ()
    if crafted:
        records = 3 if schema == "activitylog" else 1
        order = list(range(records))
        chance.shuffle(order)
        wanted = order + [chance.choice(order) for _ in range(chance.choice((0, 0, 1, 2)))]
        deliveries = tuple(
            Delivery(
                record=record, at_s=round(at_s + chance.uniform(0.0, 1.5), 2), fresh_id=chance.random() < 0.5
            )
            for record in wanted
        )
    return StartPlan(
        vm=index,
        at_s=at_s,
        caller=chance.choice(people.CALLERS),
        correlation_id=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        schema=schema,
        array=chance.random() < 0.3 and schema != "diagnostic",
        fails=fails,
        again=again,
        repeat=chance.choice((1, 1, 2, 3)),
        deliveries=deliveries,
    )


def _acts(chance: random.Random, index: int, vm: VmPlan, start: StartPlan) -> list[ActPlan]:
    """Nobody answers, one does, or several do at once."""
    crowd = [*vm.owners, *vm.owners, *people.ON_CALL, *people.COLLEAGUES, *people.STRANGERS]
    if start.caller in people.SLACK_OF:
        crowd.append(start.caller)
    count = chance.choices((0, 1, 2, 3, 4), weights=(15, 25, 30, 20, 10))[0]
    together = round(chance.uniform(0.0, 1.5), 2)
    acts = []
    for _ in range(count):
        alone = chance.random() < 0.4
        acts.append(
            ActPlan(
                who=chance.choice(crowd),
                what=chance.choices(("confirm", "reject", "peek"), weights=(40, 52, 8))[0],
                target=index,
                after_s=round(chance.uniform(0.0, 2.5), 2) if alone else together,
                think_s=round(chance.choice((0.0, 0.0, chance.uniform(0.1, 1.5))), 2),
                times=chance.choice((1, 1, 1, 2)),
                reason=chance.choice(("not expected", people.HOSTILE_TEXT, "who is this?")),
            )
        )
    return acts


def _lockdown(chance: random.Random, index: int) -> ActPlan:
    return ActPlan(
        who=chance.choice((*people.ON_CALL, *people.ON_CALL, *people.STRANGERS, *people.OWNERS)),
        what="lockdown",
        target=index,
        after_s=_at(chance),
        think_s=round(chance.uniform(0.0, 0.5), 2),
        how=chance.choice(("id", "name", "part")),
        reason=chance.choice(("odd traffic", people.HOSTILE_TEXT)),
    )
