"""What a containment takes along with the VM: its blast radius, as far as Azure tells."""

from collections.abc import Iterator
from datetime import timedelta

from workers.domain.containment.plans import Impact
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.spec import StepName
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import Pool, PowerState

_RUNS = frozenset({PowerState.STARTING, PowerState.RUNNING})
_MOST_NAMED = 3


def impact_of(facts: Facts, profile: LockdownProfile) -> tuple[Impact, ...]:
    """One line for each thing that others will feel, or that no restore brings back; the worst first."""
    found: list[Impact] = []
    if StepName.ISOLATE in profile.steps or StepName.STOP in profile.steps:
        found += [*_pools(facts), *_sessions(facts)]
    if StepName.STOP in profile.steps:
        found += [*_stopped(facts), *_neighbours(facts)]
    found += [*_recovery(facts), *_unknown(facts)]
    return tuple(sorted(found, key=lambda one: not one.severe))


def _pools(facts: Facts) -> Iterator[Impact]:
    pools = [pool for nic in facts.network.nics for pool in nic.pools] if facts.network else []
    for pool in dict.fromkeys((pool.balancer, pool.name, pool.others, pool.gateway) for pool in pools):
        yield _of_pool(Pool(balancer=pool[0], name=pool[1], others=pool[2], gateway=pool[3]))


def _of_pool(pool: Pool) -> Impact:
    what = f"{'application gateway' if pool.gateway else 'load balancer'} {pool.balancer}"
    loses = f"{what}: backend pool {pool.name} loses"
    if pool.others is None:
        return Impact(text=f"{loses} a member; how many others it has is not known")
    if not pool.others:
        return Impact(text=f"{loses} its last member", severe=True)
    return Impact(text=f"{loses} a member, and keeps {pool.others}")


def _sessions(facts: Facts) -> Iterator[Impact]:
    around = facts.surroundings
    if around is None or around.sessions is None:
        return
    for session in around.sessions:
        since = f" for {session.minutes:.0f} min" if session.minutes is not None else ""
        who = session.user or "somebody"
        yield Impact(
            text=f"open Bastion session: {who}, {session.protocol or 'connected'}{since}", severe=True
        )
    if not around.sessions:
        yield Impact(text="no open session through the Bastion hosts of this subscription")


def _stopped(facts: Facts) -> Iterator[Impact]:
    machine = facts.machine
    if machine is None or machine.power not in _RUNS:
        return
    if machine.ephemeral:
        yield Impact(text="memory is lost")
        return
    yield Impact(text="memory is lost, and the contents of the temporary disk if its size has one")
    for nic in facts.network.nics if facts.network else ():
        for address in nic.passing_ips:
            said = (
                f"public IP {address} of {nic.name} is dynamic: Azure takes it away, and gives another later"
            )
            yield Impact(text=said, severe=True)


def _neighbours(facts: Facts) -> Iterator[Impact]:
    around = facts.surroundings
    if around is None or not around.availability_set:
        return
    said = f"availability set {around.availability_set}"
    if around.neighbours is None:
        yield Impact(text=f"{said}: which other VMs are in it is not known")
    elif not around.neighbours:
        yield Impact(text=f"{said}: no other VM is in it", severe=True)
    else:
        more = len(around.neighbours) - _MOST_NAMED
        names = ", ".join(around.neighbours[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        yield Impact(text=f"{said} keeps {names}")


def _recovery(facts: Facts) -> Iterator[Impact]:
    around, at = facts.surroundings, facts.gathered_at
    if around is None or facts.backup is None:
        return
    if not facts.backup.protected:
        yield Impact(text="no recovery point: Azure Backup does not protect the VM")
    elif around.recovery_point_at is not None and at is not None:
        yield Impact(text=f"last recovery point: {_age(at - around.recovery_point_at)} old")
    elif "last recovery point" not in {one.partition(":")[0] for one in around.unknown}:
        yield Impact(text="no recovery point yet")


def _unknown(facts: Facts) -> Iterator[Impact]:
    around = facts.surroundings
    for one in around.unknown if around else ():
        yield Impact(text=f"not known: {one}")


def _age(span: timedelta) -> str:
    minutes = max(0, int(span.total_seconds() // 60))
    units = ((1440, "day"), (60, "hour"), (1, "minute"))
    count, unit = next(((minutes // size, unit) for size, unit in units if minutes >= size), (0, "minute"))
    return f"{count} {unit}{'' if count == 1 else 's'}"
