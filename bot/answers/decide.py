"""The card's buttons and the Reject dialog: who is it, may they, is it still open."""

from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.cards.blocks.answers import already_decided, not_now, recorded, refused
from bot.cards.blocks.dialogs import REASON, decided_dialog, not_allowed_dialog, not_now_dialog, reject_dialog
from bot.services import Desk, tell, unexpected
from workers.domain.asking.decisions import Answer
from workers.domain.errors import AlreadyDecided, NotAllowed, NotFound, NotYet

log = structlog.get_logger(__name__)


class DecideListener:
    """Confirm, Reject, and the dialog that Reject opens."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def confirm(self, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
        """The button Confirm; Slack itself has asked once more."""
        await ack()
        approval_id = _value(body)
        try:
            actor = await self._desk.directory.actor(body["user"]["id"])
            decided = await self._desk.decide(Answer.CONFIRM, approval_id, actor)
            await tell(client, body, recorded(decided.approval))
        except AlreadyDecided:
            await tell(client, body, already_decided(await self._desk.store.approval(approval_id)))
        except (NotAllowed, NotFound) as error:
            await tell(client, body, refused(error.diagnostics()))
        except NotYet as error:
            await tell(client, body, not_now(error.diagnostics()))
        except Exception as error:
            await tell(client, body, unexpected("confirm", error))

    async def reject(self, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
        """The button Reject: shows what will be done, and asks why. Nothing happens yet."""
        await ack()
        approval_id = _value(body)
        try:
            actor = await self._desk.directory.actor(body["user"]["id"])
            approval = await self._desk.decide.may(Answer.REJECT, approval_id, actor)
            await client.views_open(trigger_id=body["trigger_id"], view=reject_dialog(approval))
        except AlreadyDecided:
            await tell(client, body, already_decided(await self._desk.store.approval(approval_id)))
        except (NotAllowed, NotFound) as error:
            await tell(client, body, refused(error.diagnostics()))
        except NotYet as error:
            await tell(client, body, not_now(error.diagnostics()))
        except Exception as error:
            await tell(client, body, unexpected("reject", error))

    async def submit(self, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        """The Reject dialog's submit: authorized once more, recorded, and the containment set going.

        The acknowledgement comes after the deed: it takes milliseconds, and it can tell the loser of a race.
        """
        approval_id = str(view["private_metadata"])
        reason = _input(view, REASON)
        try:
            actor = await self._desk.directory.actor(body["user"]["id"])
            await self._desk.decide(Answer.REJECT, approval_id, actor, reason=reason, via="dialog")
        except AlreadyDecided:
            dialog = decided_dialog(await self._desk.store.approval(approval_id))
            await ack(response_action="update", view=dialog)
        except (NotAllowed, NotFound) as error:
            await ack(response_action="update", view=not_allowed_dialog(error.diagnostics()))
        except NotYet as error:
            await ack(response_action="update", view=not_now_dialog(error.diagnostics()))
        except Exception as error:
            await ack(response_action="update", view=not_allowed_dialog(unexpected("submit", error).text))
        else:
            await ack()


def _value(body: dict[str, Any]) -> str:
    """The button's value: an opaque id, looked up before anything is believed."""
    return str(body["actions"][0].get("value", ""))[:100]


def _input(view: dict[str, Any], block_id: str) -> str:
    """The text of an input block, whatever its action id is."""
    elements = view.get("state", {}).get("values", {}).get(block_id, {})
    return next((str(e.get("value") or "") for e in elements.values()), "")
