"""``/vm-restore NAME-OR-ID [start] [REASON]``: on-call lets a VM go, after seeing what comes back."""

from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.cards.blocks.answers import (
    already_restoring,
    cannot_restore,
    none_contained,
    refused,
    restore_started,
    usage,
)
from bot.cards.blocks.dialogs import CHOICE, REASON, candidate_value, not_allowed_dialog
from bot.cards.blocks.restore_dialog import (
    START,
    cannot_restore_dialog,
    restore_choice_dialog,
    restore_dialog,
    typed_before,
)
from bot.services import Desk, answer, unexpected
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.errors import NotAllowed, NotFound, NotYet
from workers.domain.starts.vm import KnownVm, VmRef
from workers.use_cases.orders.contained import contained_vms
from workers.use_cases.orders.find_vm import by_id, find_among

log = structlog.get_logger(__name__)

USAGE = "/vm-restore NAME [start] [REASON]"


class RestoreListener:
    """The command, the dialog that asks which VM is meant, and the one that shows what comes back."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def command(
        self, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, respond: AsyncRespond
    ) -> None:
        """Show what restoring the VM brings back, or ask which one is meant. Nothing happens yet."""
        await ack()
        wanted, start, reason = _parsed(str(body.get("text", "")))
        try:
            actor = await self._desk.directory.actor(body["user_id"])
            await self._desk.restore.may(actor, wanted=f"/vm-restore {wanted}")
            if not wanted:
                await answer(respond, usage(USAGE))
                return
            vm = by_id(wanted)
            if vm is None:
                contained = await contained_vms(self._desk.store, self._desk.inventory)
                match = find_among(wanted, contained)
                if match.exact is None and not match.candidates:
                    await answer(respond, none_contained(wanted, len(contained)))
                    return
                if match.exact is None:
                    dialog = restore_choice_dialog(match.candidates, wanted, start=start, reason=reason)
                    await client.views_open(trigger_id=body["trigger_id"], view=dialog)
                    return
                vm = match.exact
            containment = await self._desk.restore.of(vm)
            if containment.state is ContainmentState.RESTORING:
                await answer(respond, already_restoring(containment))
                return
            known = await self._described(containment.vm)
            dialog = restore_dialog(containment, known, start=start, reason=reason)
            await client.views_open(trigger_id=body["trigger_id"], view=dialog)
        except NotAllowed as error:
            await answer(respond, refused(error.diagnostics()))
        except (NotFound, NotYet) as error:
            await answer(respond, cannot_restore(error.diagnostics()))
        except Exception as error:
            await answer(respond, unexpected("vm-restore", error))

    async def chosen(self, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        """The first dialog's submit: shows what comes back for the chosen VM. Nothing happens yet."""
        option = view["state"]["values"][CHOICE][CHOICE].get("selected_option") or {}
        value = str(option.get("value", ""))
        try:
            actor = await self._desk.directory.actor(body["user"]["id"])
            await self._desk.restore.may(actor, wanted="/vm-restore, chosen in the dialog")
            contained = await contained_vms(self._desk.store, self._desk.inventory)
            known = next((vm for vm in contained if candidate_value(vm) == value), None)
            if known is None:
                errors = {CHOICE: "This VM is no longer contained. Close, and try again."}
                await ack(response_action="errors", errors=errors)
                return
            containment = await self._desk.restore.of(known.ref)
            dialog = _dialog(containment, known, *typed_before(view))
        except NotAllowed as error:
            dialog = not_allowed_dialog(error.diagnostics())
        except (NotFound, NotYet) as error:
            dialog = cannot_restore_dialog(error.diagnostics())
        except Exception as error:
            dialog = cannot_restore_dialog(unexpected("vm-restore chosen", error).text)
        await ack(response_action="update", view=dialog)

    async def submit(
        self, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any], client: AsyncWebClient
    ) -> None:
        """The dialog's submit: authorized once more, recorded, and the undo set going."""
        values = view["state"]["values"]
        reason = next((str(e.get("value") or "") for e in values.get(REASON, {}).values()), "")
        ticked = values.get(START, {}).get(START, {}).get("selected_options") or []
        user = body["user"]["id"]
        try:
            actor = await self._desk.directory.actor(user)
            ordered = await self._desk.restore(
                str(view["private_metadata"]), actor, start=bool(ticked), reason=reason, via="dialog"
            )
        except NotAllowed as error:
            await ack(response_action="update", view=not_allowed_dialog(error.diagnostics()))
            return
        except (NotFound, NotYet) as error:
            await ack(response_action="update", view=cannot_restore_dialog(error.diagnostics()))
            return
        except Exception as error:
            text = unexpected("vm-restore submit", error).text
            await ack(response_action="update", view=cannot_restore_dialog(text))
            return
        await ack()
        said = already_restoring if ordered.joined else restore_started
        message = said(ordered.containment)
        channel = await self._desk.directory.direct_message(user)
        await client.chat_postMessage(channel=channel, text=message.text, blocks=message.blocks)

    async def _described(self, vm: VmRef) -> KnownVm | None:
        """The VM as the inventory describes it; a restore needs it only for the subscription's name."""
        try:
            return (await self._desk.inventory.lines([vm])).get(vm.key)
        except Exception as error:
            log.warning("the inventory can't be read", vm=vm.name, because=str(error))
            return None


def _parsed(text: str) -> tuple[str, bool, str]:
    """The VM as typed, whether the word ``start`` follows, and the reason."""
    wanted, _, rest = text.strip().partition(" ")
    first, _, reason = rest.strip().partition(" ")
    if first.lower() == START:
        return wanted, True, reason.strip()
    return wanted, False, rest.strip()


def _dialog(containment: Containment, known: KnownVm, start: bool, reason: str) -> dict[str, Any]:  # noqa: FBT001 - as it was kept
    if containment.state is ContainmentState.RESTORING:
        return cannot_restore_dialog(f"{containment.vm.name} is being restored already.")
    return restore_dialog(containment, known, start=start, reason=reason)
