"""Reads, makes and deletes the resources that a VM is made of, whichever kind they are."""

import asyncio
from collections.abc import Callable
from typing import Any

from workers.arm.hardening.parts import SPEC_TAG, VM_TAG, Part
from workers.arm.ids import ArmId
from workers.arm.read.networking import network
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.longrunning import Outcome, Receipt, operation_status
from workers.domain.containment.profile import OUR_TAG
from workers.domain.errors import DependencyAway, NotFound, StepFailed

_FIRST_LOOK_S, _LAST_LOOK_S = 0.2, 5.0
"""Seconds between looks: they double."""
_LOOKS_FOR_WHY = 5
"""The operation may say a moment later than the resource that it has failed."""
_ENDED_BADLY = ("Failed", "Canceled")


class Resources:
    """Waits for what Azure takes its time for; nothing else here sleeps.

    Args:
        azure: the clients.
        give_up_after_s: the longest that one resource may take.
    """

    def __init__(self, azure: Azure, *, give_up_after_s: float = 1800.0) -> None:
        self._azure = azure
        self._give_up_after_s = give_up_after_s

    async def find(self, part: Part) -> dict[str, Any] | None:
        """The resource as Azure has it, or ``None``."""
        at = ArmId.parse(part.id)
        try:
            async with asking(f"read the {part.title} {part.name}"):
                found = await self._operations(part).get(at.group, at.name)
        except NotFound as missing:
            if "ResourceGroupNotFound" in str(missing):
                raise StepFailed(
                    f"the resource group {at.group} does not exist; create it: az group create --name "
                    f"{at.group} --subscription {at.subscription_id} --location {part.body['location']}",
                    code="ResourceGroupNotFound",
                    final=True,
                ) from None
            return None
        return dict(found.as_dict())

    async def make(self, part: Part, found: dict[str, Any] | None) -> None:
        """Put it, and wait until Azure has made it.

        Args:
            part: what is to be.
            found: ours that ended badly, and is put once more; ``None`` if there must be none yet.

        Raises:
            Busy: somebody else made one of this name meanwhile.
            StepFailed: Azure refuses, or failed; says why.
        """
        at = ArmId.parse(part.id)
        receipt = Receipt()
        headers = {"If-None-Match": "*"} if found is None else {}
        async with asking(f"make the {part.title} {part.name}"):
            await self._operations(part).begin_create_or_update(
                at.group, at.name, part.body, headers=headers, polling=False, raw_response_hook=receipt
            )
        await self.wait(part, receipt.accepted.url)

    async def wait(self, part: Part, operation_url: str = "") -> None:
        """Wait until it reads back as made.

        Raises:
            StepFailed: it ended badly, or is gone, or takes too long.
        """
        found = await self._until(part, lambda one: one is None or network.settled(one) or ended_badly(one))
        if found is None or not network.settled(found):
            why = await self._why(part, operation_url) or (network.state_of(found) if found else "it is gone")
            raise StepFailed(f"Azure could not make the {part.title} {part.name}: {why}")

    async def delete(self, part: Part) -> None:
        """Delete it, and wait until it is gone."""
        at = ArmId.parse(part.id)
        async with asking(f"delete the {part.title} {part.name}"):
            await self._operations(part).begin_delete(at.group, at.name, polling=False)
        await self._until(part, lambda one: one is None)

    async def _until(
        self, part: Part, ended: Callable[[dict[str, Any] | None], bool]
    ) -> dict[str, Any] | None:
        """Read it again and again, until it is as wanted."""
        loop, pause_s = asyncio.get_running_loop(), _FIRST_LOOK_S
        deadline = loop.time() + self._give_up_after_s
        while loop.time() < deadline:
            try:
                found = await self.find(part)
            except DependencyAway as away:
                pause_s = max(pause_s, away.retry_after_s or 0)
            else:
                if ended(found):
                    return found
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LAST_LOOK_S)
        raise StepFailed(
            f"Azure takes longer than {self._give_up_after_s:.0f} s for the {part.title} {part.name}; run "
            "this again later, it goes on where it was",
            code="TakesTooLong",
        )

    async def _why(self, part: Part, operation_url: str) -> str:
        if not operation_url:
            return ""
        for _ in range(_LOOKS_FOR_WHY):
            state = await operation_status(self._azure, operation_url, f"make {part.name}")
            if state.outcome is Outcome.FAILED:
                return f"{state.code}: {state.message}"
            if state.outcome is not Outcome.RUNNING:
                break
            await asyncio.sleep(_FIRST_LOOK_S)
        return ""

    def _operations(self, part: Part) -> Any:
        """The SDK's operations for this kind; all have ``get``, and begin to write and to delete alike."""
        subscription_id = ArmId.parse(part.id).subscription_id
        if part.kind == "virtualMachines":
            return self._azure.compute(subscription_id).virtual_machines
        client = self._azure.network(subscription_id)
        return {
            "networkSecurityGroups": client.network_security_groups,
            "virtualNetworks": client.virtual_networks,
            "publicIPAddresses": client.public_ip_addresses,
            "networkInterfaces": client.network_interfaces,
        }[part.kind]


def made_for(found: dict[str, Any], vm_name: str) -> bool:
    """Whether Startgate made a resource for the VM of this name, by its tags."""
    tags = {name.lower(): str(value) for name, value in (found.get("tags") or {}).items()}
    return tags.get(OUR_TAG) == "startgate" and tags.get(VM_TAG, "").lower() == vm_name.lower()


def made_by(found: dict[str, Any]) -> str:
    """The digest of the specification by which a resource of ours was made; empty if it says none."""
    tags = {name.lower(): str(value) for name, value in (found.get("tags") or {}).items()}
    return tags.get(SPEC_TAG, "")


def ended_badly(found: dict[str, Any]) -> bool:
    """Whether Azure could not make it, so that it is put once more."""
    return network.state_of(found) in _ENDED_BADLY
