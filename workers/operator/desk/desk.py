"""What the commands share that act: who types, the policy, and the use cases that Slack calls, too."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, NamedTuple

import typer

from workers.bus.connection import connected
from workers.bus.nudger import BusNudger
from workers.domain.audit import AuditRecord
from workers.domain.errors import DependencyAway, InvalidPolicy, NotAllowed, StartgateError
from workers.domain.ids import partition_of_vm
from workers.domain.policy.model import Policy
from workers.domain.policy.signed_in import actor_of
from workers.domain.ports.groups import NoGroups
from workers.domain.ports.store import Commit
from workers.domain.starts.owners.owner_tags import owner_from_tags
from workers.domain.starts.people import Actor, Owner
from workers.domain.starts.vm import VmRef
from workers.operator.session import BROKEN, UNREACHABLE, Session, fail, operator, session
from workers.runtime.environment import read_environment
from workers.runtime.terminal import safe_line
from workers.settings import DeskSettings, WorkersSettings
from workers.use_cases.asking.decide import Decide
from workers.use_cases.containment.never import GuardedByInventory
from workers.use_cases.orders.access.answer import AnswerAccess
from workers.use_cases.orders.access.ask import AskSecond
from workers.use_cases.orders.lockdown import LockDown
from workers.use_cases.orders.looking.look_up import LookUp
from workers.use_cases.orders.reading.overview import Overview
from workers.use_cases.orders.restore import Restore
from workers.use_cases.read_policy import read_policy

if TYPE_CHECKING:
    from workers.operator.desk.identity import Unproved

REFUSED = 3
"""Exit code: whoever types may not do this."""
VIA = "command line"


class Desk(NamedTuple):
    """Connections, the policy, who acts, and what they may ask for."""

    session: Session
    policy: Policy
    actor: Actor
    overview: Overview
    decide: Decide
    lock_down: LockDown
    restore: Restore
    look_up: LookUp
    second: AskSecond
    access: AnswerAccess


@contextlib.asynccontextmanager
async def desk(wanted: str) -> AsyncIterator[Desk]:
    """A person's own desk; what they may not do ends the command with 3, what can't be done with 1.

    Service Bus may be away, too: what is written is found by the workers' resync.

    Args:
        wanted: what was typed, for the audit of a refusal.
    """
    # Only who acts pays for importing azure-identity, which the workers' process would, too.
    from workers.operator.desk.identity import Unproved, signed_in  # noqa: PLC0415 - see above

    ours = read_environment(DeskSettings)
    async with session() as opened:
        policy = policy_of(opened.settings)
        try:
            actor = actor_of(await signed_in(ours), policy)
        except Unproved as unproved:
            await _note_unproved(opened, wanted, unproved)
            fail(REFUSED, unproved.diagnostics())
        async with _nudging(opened.settings) as nudger:
            store, clock = opened.store, opened.clock
            guarded = GuardedByInventory(lambda: policy, opened.inventory)

            def observes() -> bool:
                return policy.observes

            made = Desk(
                session=opened,
                policy=policy,
                actor=actor,
                overview=overview(opened),
                decide=Decide(
                    store=store,
                    nudger=nudger,
                    clock=clock,
                    groups=NoGroups(),
                    observes=observes,
                    person=None,
                ),
                lock_down=LockDown(
                    store=store, nudger=nudger, clock=clock, guarded=guarded, observes=observes
                ),
                restore=Restore(store=store, nudger=nudger, clock=clock, policy=lambda: policy),
                look_up=LookUp(store=store, nudger=nudger, clock=clock),
                second=AskSecond(store=store, nudger=nudger, clock=clock, policy=lambda: policy),
                access=AnswerAccess(
                    store=store,
                    nudger=nudger,
                    clock=clock,
                    policy=lambda: policy,
                    inventory=opened.inventory,
                    groups=NoGroups(),
                ),
            )
            with answered():
                yield made


@contextlib.contextmanager
def answered() -> Iterator[None]:
    """Inside, an answer of ours that is no success ends the command with one line and its exit code."""
    try:
        yield
    except NotAllowed as refused:
        fail(REFUSED, safe_line(f"{refused.diagnostics()} The attempt was logged."))
    except DependencyAway:
        raise
    except StartgateError as error:
        fail(BROKEN, safe_line(error.diagnostics()))


def overview(opened: Session) -> Overview:
    """What is read without being anybody."""
    return Overview(
        store=opened.store, inventory=opened.inventory, observes=lambda: _observes(opened.settings)
    )


def _observes(settings: WorkersSettings) -> bool:
    """Whether the policy here only observes. One with errors does not keep anybody from looking."""
    try:
        return read_policy(settings.policy, conditions=False).observes
    except InvalidPolicy as invalid:
        typer.echo(safe_line(f"the mode is not known: {invalid.diagnostics()}"), err=True)
        return False


def policy_of(settings: WorkersSettings) -> Policy:
    """The policy in force; ends the command if it has errors."""
    try:
        return read_policy(settings.policy)
    except InvalidPolicy as invalid:
        fail(BROKEN, invalid.diagnostics())


def alone(opened: Session) -> AskSecond:
    """For a command that acts for nobody in particular: it refuses what takes two persons."""
    return AskSecond(store=opened.store, clock=opened.clock, policy=lambda: policy_of(opened.settings))


@contextlib.asynccontextmanager
async def _nudging(settings: WorkersSettings) -> AsyncIterator[BusNudger]:
    try:
        connecting = connected(
            connection=settings.servicebus_connection,
            namespace=settings.servicebus_namespace,
            credential=settings.identity,
        )
    except ValueError as error:
        fail(UNREACHABLE, str(error))
    async with connecting as client:
        nudger = BusNudger(client, quiet_s=settings.servicebus_quiet_s)
        try:
            yield nudger
        finally:
            await nudger.close()


async def _note_unproved(opened: Session, wanted: str, why: "Unproved") -> None:
    """Nobody is known for sure then, so the record names the account of the computer, and says what is it."""
    by = f"{operator()}, not proved"
    record = AuditRecord(
        kind="identity.refused",
        at=opened.clock.now(),
        by=by,
        details={"wanted": wanted[:500], "reason": why.diagnostics()[:500], "via": VIA},
    )
    await opened.store.commit(Commit(partition=partition_of_vm(by), audit=(record,)))


async def owner_of(vm: VmRef, at: Desk) -> Owner | None:
    """Who is told of a lockdown; ``None`` where the VM's tags are not known."""
    known = (await at.session.inventory.lines([vm])).get(vm.key)
    if known is None:
        return None
    return owner_from_tags(known.tags, at.policy.owner.tags, tags_known=True)
