"""The menus of VMs: they look in the inventory while somebody types, and say what each VM is now.

Source: https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element#external_select
"""

from collections.abc import Mapping, Sequence
from datetime import tzinfo

import structlog

from bot.cards.blocks.inputs import ANY_VM, CONTAINED_VM, typed_before, value_of, vm_option
from bot.cards.blocks.kit import MOST_OPTIONS
from bot.cards.blocks.message import Block
from bot.commands.nearest import MOST
from bot.commands.typed_vm import typed_vm
from bot.requests import OnSearch, Searched
from bot.services import Services
from workers.domain.errors import StartgateError
from workers.domain.starts.likeness import Nearest
from workers.domain.starts.vm import KnownVm, VmRef
from workers.use_cases.orders.reading.contained import Held, held_vms
from workers.use_cases.orders.reading.find_vm import all_of, find_among, find_vm, ranked

log = structlog.get_logger(__name__)


class VmSearch:
    """Gives the options of the menus of VMs. Who is not on call is shown none."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.menus: Mapping[str, OnSearch] = {ANY_VM: self.any_vm, CONTAINED_VM: self.contained_vm}

    async def any_vm(self, searched: Searched) -> list[Block]:
        """VMs of the inventory: those that fit, or the nearest names where none does."""
        if not searched.actor.on_call:
            return []
        wanted = _wanted(searched)
        inventory = self._services.inventory
        match = await find_vm(wanted, inventory)
        found: Sequence[KnownVm] = match.candidates if wanted else await all_of(inventory)
        if match.exact is not None:
            known = await inventory.lines([match.exact])
            found = [known.get(match.exact.key) or _unlisted(match.exact, self._services)]
        elif not found:
            names = await inventory.near(wanted.rpartition("/")[2], limit=MOST)
            found = [vm for name in names for vm in await inventory.named(name)]
        return await self._options(found, await self._held(), searched)

    async def contained_vm(self, searched: Searched) -> list[Block]:
        """VMs that are contained: those that fit, or the nearest names where none does."""
        if not searched.actor.on_call:
            return []
        wanted = _wanted(searched)
        held = await held_vms(self._services.store, self._services.inventory)
        known = [one.vm for one in held]
        match = find_among(wanted, known)
        found: Sequence[KnownVm] = match.candidates if wanted else ranked(known)
        if match.exact is not None:
            found = [vm for vm in known if vm.ref.key == match.exact.key]
        elif not found:
            nearest = Nearest(wanted.rpartition("/")[2], most=MOST)
            nearest.see({vm.ref.name for vm in known})
            found = [vm for name in nearest.names() for vm in known if vm.ref.name == name]
        return await self._options(found, held, searched)

    async def _held(self) -> Sequence[Held]:
        """What is contained; a menu that can't tell that still names VMs."""
        try:
            return await held_vms(self._services.store, self._services.inventory)
        except StartgateError as error:
            log.warning("a menu does not say what is contained", because=str(error))
            return ()

    async def _options(
        self, found: Sequence[KnownVm], held: Sequence[Held], searched: Searched
    ) -> list[Block]:
        zone = await self._services.directory.zone(searched.actor.slack_user)
        return options_of(found, held, zone, self._services)


def options_of(
    found: Sequence[KnownVm], held: Sequence[Held], zone: tzinfo, services: Services
) -> list[Block]:
    """The options of these VMs, each with what it is now."""
    by_key = {one.vm.ref.key: one.containment for one in held}
    now = services.clock.now()
    return [
        vm_option(vm, by_key.get(vm.ref.key), zone=zone, now=now)
        for vm in {vm.ref.key: vm for vm in found}.values()
    ][:MOST_OPTIONS]


async def chosen_vm(value: str, services: Services) -> VmRef | None:
    """The VM whose option was chosen; ``None`` if it is no longer known."""
    found = await services.inventory.named(value.partition(":")[2])
    return next((vm.ref for vm in found if value_of(vm.ref) == value), None)


def _wanted(searched: Searched) -> str:
    """What was typed in the menu; at first, what was typed with the command."""
    return typed_vm(searched.query or typed_before(searched.view)).vm


def _unlisted(vm: VmRef, services: Services) -> KnownVm:
    """A VM that is meant by its id and is not in the inventory."""
    return KnownVm(ref=vm, seen_at=services.clock.now())
