"""What one person's Home is about, read anew each time."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

import structlog

from bot.cards.blocks.overview.rows import worst_first
from bot.services import Services
from workers.domain.asking.approvals import Approval
from workers.domain.asking.delegations import Delegation
from workers.domain.asking.urgency import by_urgency
from workers.domain.containment.brakes.pause import Pause
from workers.domain.containment.containment import Containment
from workers.domain.errors import StartgateError
from workers.domain.starts.owners.owner_tags import owner_from_tags
from workers.domain.starts.people import Actor, Owner
from workers.domain.starts.vm import KnownVm, PowerState, VmRef
from workers.use_cases.orders.reading.lately import LateStart, last_starts

log = structlog.get_logger(__name__)

_OWNED_FOR = timedelta(minutes=10)
_AGES_STAND = timedelta(minutes=5)
_MOST_LISTED = 50_000
_MOST_VMS = 8


class OwnStart(NamedTuple):
    """The last start of a VM of the reader's."""

    vm: VmRef
    start: LateStart


class HomeContent(NamedTuple):
    """What a Home shows.

    Attributes:
        mine: open questions that ask its reader, the most urgent first.
        starts: the last starts of the reader's VMs, the newest first.
        open: all open questions by urgency; ``None`` for who is not on call.
        contained: contained VMs, incomplete ones first; ``None`` for who is not on call.
        pause: the last pause, which may be over.
        now: when it was read.
        delegations: which the reader has given and was given.
        in_stead_of: id of a question in ``mine`` → the delegation by which alone they may answer it.
        doubt: why something may be missing in ``mine``, as a sentence; empty if nothing is.
    """

    mine: Sequence[Approval]
    starts: Sequence[OwnStart]
    open: Sequence[Approval] | None
    contained: Sequence[Containment] | None
    pause: Pause
    now: datetime
    delegations: Sequence[Delegation] = ()
    in_stead_of: Mapping[str, Delegation] = MappingProxyType({})
    doubt: str = ""

    @property
    def key(self) -> str:
        """Another one when a document has changed, or after some minutes: ages stand in it."""
        asked = [f"{one.id}.{one.version}" for one in (*self.mine, *(self.open or ()))]
        held = [f"{one.id}.{one.version}" for one in self.contained or ()]
        starts = [f"{own.vm.key}{own.start.at.isoformat()}" for own in self.starts]
        stead = [f"{one.giver}{one.to}{one.until.isoformat()}" for one in self.delegations]
        paused = f"{self.pause.version}{self.pause.on(self.now)}"
        stead.append(self.doubt)
        aged = int(self.now.timestamp() / _AGES_STAND.total_seconds())
        return " ".join([*asked, *held, *stead, *starts, paused, str(aged)])


class HomeReader:
    """Reads Homes. Whose VM is whose comes from the inventory, which is gone through once in ten minutes."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._owned: list[tuple[Owner, KnownVm]] = []
        self._owned_at: datetime | None = None
        self._listing = asyncio.Lock()

    async def __call__(self, actor: Actor) -> HomeContent:
        """What this person's Home is to show.

        Raises:
            DependencyAway: the store does not answer.
        """
        services, now = self._services, self._services.clock.now()
        questions, pause, delegations = await asyncio.gather(
            services.overview.questions(), services.store.pause(), services.store.delegations()
        )
        given = delegations.given_by(actor.slack_user, now)
        received = delegations.given_to(actor.slack_user, now)
        waiting = await services.overview.waiting_among(questions, delegations, actor, now)
        contained = worst_first(await services.overview.contained()) if actor.on_call else None
        return HomeContent(
            mine=by_urgency(waiting.questions),
            starts=await self._starts(actor, now),
            open=by_urgency(questions) if actor.on_call else None,
            contained=contained,
            pause=pause,
            now=now,
            delegations=(*given, *received),
            in_stead_of=waiting.in_stead_of,
            doubt=waiting.reader.doubt,
        )

    async def _starts(self, actor: Actor, now: datetime) -> Sequence[OwnStart]:
        """Of the VMs that tags give to this person. Where they can't be read, none are shown."""
        try:
            # Not by user group: Slack tells of twenty a minute, and the inventory may name more.
            vms = [vm for owner, vm in await self._owners(now) if actor.owns(owner)]
            vms.sort(key=lambda vm: (vm.power is not PowerState.RUNNING, vm.ref.name.lower(), vm.ref.key))
            found = await asyncio.gather(
                *(last_starts(self._services.store, vm.ref, most=1) for vm in vms[:_MOST_VMS])
            )
        except StartgateError as error:
            log.warning("a Home shows no starts", user=actor.slack_user, because=str(error))
            return ()
        starts = [OwnStart(vm.ref, one) for vm, of_it in zip(vms, found, strict=False) for one in of_it]
        return sorted(starts, key=lambda own: own.start.at, reverse=True)

    async def _owners(self, now: datetime) -> list[tuple[Owner, KnownVm]]:
        async with self._listing:
            if self._owned_at is None or now - self._owned_at >= _OWNED_FOR:
                tags = self._services.policy().owner.tags
                listed = await self._services.inventory.containing("", limit=_MOST_LISTED)
                owners = ((owner_from_tags(vm.tags, tags, tags_known=vm.tags_known), vm) for vm in listed)
                self._owned = [(owner, vm) for owner, vm in owners if owner.known]
                self._owned_at = now
            return self._owned
