"""A VM as the inventory describes it, where that can be read: a dialog waits for nothing."""

import structlog

from bot.services import Services
from workers.domain.starts.vm import KnownVm, VmRef

log = structlog.get_logger(__name__)


async def described(services: Services, vm: VmRef) -> KnownVm | None:
    """Its line; ``None`` if there is none, or if it can't be read."""
    try:
        return (await services.inventory.lines([vm])).get(vm.key)
    except Exception as error:
        log.warning("the inventory can't be read", vm=vm.name, because=str(error))
        return None
