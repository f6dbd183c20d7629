"""``/vm-lockdown NAME-OR-ID [REASON]``: on-call contains a VM without an approval."""

from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.cards.blocks.answers import (
    already_contained,
    lockdown_started,
    not_now,
    refused,
    usage,
    vm_not_found,
)
from bot.cards.blocks.dialogs import (
    CHOICE,
    REASON,
    lockdown_dialog,
    not_allowed_dialog,
    not_now_dialog,
    value_of,
)
from bot.cards.blocks.message import Message
from bot.services import Desk, answer, unexpected
from workers.domain.errors import NotAllowed, NotYet
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import VmRef
from workers.use_cases.orders.find_vm import find_vm

USAGE = "/vm-lockdown NAME [REASON]"


class LockdownListener:
    """The command, and the dialog that asks which VM is meant."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def command(
        self, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, respond: AsyncRespond
    ) -> None:
        """Lock down the one VM that is meant beyond doubt, or ask."""
        await ack()
        wanted, _, reason = str(body.get("text", "")).strip().partition(" ")
        try:
            actor = await self._desk.directory.actor(body["user_id"])
            await self._desk.lock_down.may(actor, wanted=f"/vm-lockdown {wanted}")
            if not wanted:
                await answer(respond, usage(USAGE))
                return
            match = await find_vm(wanted, self._desk.inventory)
            if match.exact is not None:
                await answer(respond, await self._lock(match.exact, actor, reason))
            elif match.candidates:
                profile = self._desk.policy().lockdown
                dialog = lockdown_dialog(match.candidates, wanted, reason, profile)
                await client.views_open(trigger_id=body["trigger_id"], view=dialog)
            else:
                await answer(respond, vm_not_found(wanted, await self._desk.inventory.count()))
        except NotAllowed as error:
            await answer(respond, refused(error.diagnostics()))
        except NotYet as error:
            await answer(respond, not_now(error.diagnostics()))
        except Exception as error:
            await answer(respond, unexpected("vm-lockdown", error))

    async def chosen(
        self, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any], client: AsyncWebClient
    ) -> None:
        """The dialog's submit."""
        values = view["state"]["values"]
        option = values[CHOICE][CHOICE].get("selected_option") or {}
        reason = next((str(e.get("value") or "") for e in values.get(REASON, {}).values()), "")
        user = body["user"]["id"]
        try:
            actor = await self._desk.directory.actor(user)
            vm = await self._by_value(str(option.get("value", "")), str(view.get("private_metadata", "")))
            if vm is None:
                await ack(
                    response_action="errors",
                    errors={CHOICE: "This VM is no longer known. Close, and try again."},
                )
                return
            message = await self._lock(vm, actor, reason)
        except NotAllowed as error:
            await ack(response_action="update", view=not_allowed_dialog(error.diagnostics()))
            return
        except NotYet as error:
            await ack(response_action="update", view=not_now_dialog(error.diagnostics()))
            return
        except Exception as error:
            await ack(response_action="update", view=not_allowed_dialog(unexpected("lockdown", error).text))
            return
        await ack()
        channel = await self._desk.directory.direct_message(user)
        await client.chat_postMessage(channel=channel, text=message.text, blocks=message.blocks)

    async def _lock(self, vm: VmRef, actor: Actor, reason: str) -> Message:
        locked = await self._desk.lock_down(vm, actor, self._desk.policy().lockdown, reason=reason)
        if locked.joined:
            return already_contained(locked.containment)
        return lockdown_started(locked.containment, channel=self._desk.policy().oncall.channel)

    async def _by_value(self, value: str, typed: str) -> VmRef | None:
        """The chosen one of the VMs that what was typed stands for."""
        match = await find_vm(typed, self._desk.inventory)
        candidates = [match.exact] if match.exact is not None else [vm.ref for vm in match.candidates]
        return next((vm for vm in candidates if value_of(vm) == value), None)
