"""The button *Contain them* below a rejection: on-call contains what else the account started."""

from collections.abc import Sequence

from bot.answers.oncall.follow_blocks import FOLLOW, MOST_AT_ONCE, WHICH, chosen_of, follow_dialog, followed
from bot.cards.blocks.inputs import given_reason
from bot.cards.replies.oncall_thread import CONTAIN_THEM
from bot.requests import Clicked, Outcome, Submitted
from bot.services import Services
from workers.domain.asking.approvals import Approval
from workers.domain.containment.containment import Containment
from workers.domain.errors import NeverContained, NotFound
from workers.domain.starts.owners.owner_tags import owner_from_tags
from workers.domain.starts.vm import KnownVm, VmRef
from workers.use_cases.orders.reading.also_started import also_started

__all__ = ["CONTAIN_THEM", "FOLLOW", "FollowCaller"]


class FollowCaller:
    """Shows what else the caller of a rejected start has started, and contains what is chosen of it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def pressed(self, clicked: Clicked) -> None:
        """Show it, and ask. Nothing happens yet."""
        await self._services.lock_down.may(
            clicked.actor, wanted=f"contain what else was started: {clicked.value}"
        )
        approval = await self._services.store.approval(clicked.value)
        vms = [(vm, await self._held(vm.ref)) for vm in await self._started(approval)]
        await clicked.open_dialog(follow_dialog(approval, vms, self._services.policy().lockdown))

    async def submitted(self, dialog: Submitted) -> Outcome:
        """Lock each of the chosen VMs down; authorized once more, and each is judged by itself."""
        approval_id = str(dialog.view["private_metadata"])
        await self._services.lock_down.may(
            dialog.actor, wanted=f"contain what else was started: {approval_id}"
        )
        approval = await self._services.store.approval(approval_id)
        started = await self._started(approval)
        chosen = chosen_of(dialog.view, started)[:MOST_AT_ONCE]
        if not chosen:
            return Outcome(errors={WHICH: "Choose a VM, or close this dialog."})
        lines = {vm.ref.key: vm for vm in started}
        policy, contained, refused = self._services.policy(), list[VmRef](), dict[str, str]()
        for vm in chosen:
            line = lines[vm.key]
            owner = owner_from_tags(line.tags, policy.owner.tags, tags_known=line.tags_known)
            try:
                await self._services.lock_down(
                    vm,
                    dialog.actor,
                    policy.lockdown,
                    reason=given_reason(dialog.view),
                    via="dialog",
                    owner=owner,
                )
            except NeverContained as never:
                refused[vm.name] = never.diagnostics()
            else:
                contained.append(vm)
        return Outcome(message=followed(contained, refused))

    async def _started(self, approval: Approval) -> Sequence[KnownVm]:
        services = self._services
        return [one.vm for one in (await also_started(services.store, services.inventory, approval)).vms]

    async def _held(self, vm: VmRef) -> Containment | None:
        try:
            held = (await self._services.store.vm_record(vm)).containment_id
            containment = await self._services.store.containment(held) if held else None
        except NotFound:
            return None
        return containment if containment is not None and containment.active else None
