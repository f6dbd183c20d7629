"""The way of every click, command and dialog: acknowledge, who is it, may they, do it, answer.

Listeners say what is particular to them. Errors are answered here: a refusal with who may, a failure with a
reference to the log.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.cards.audience import oncall_mention
from bot.cards.blocks.answers import as_dialog, not_done, refused, went_wrong
from bot.cards.blocks.brakes.paused import on_answer, on_dialog
from bot.cards.blocks.message import Message
from bot.commands.command import Command
from bot.commands.help_blocks import usage
from bot.requests import (
    Clicked,
    OnClick,
    OnCommand,
    OnMessage,
    OnSearch,
    OnSubmit,
    Outcome,
    Searched,
    Submitted,
    Typed,
    View,
    Wrote,
)
from bot.services import Services
from bot.slack.errors import Refused, slack_away, slack_refuses
from bot.slack.private import answer_click, answer_command, answer_message, send_direct
from workers.domain.containment.brakes.pause import Pause
from workers.domain.errors import (
    DependencyAway,
    NeverContained,
    NewerDocument,
    NotAllowed,
    NotFound,
    NotYet,
)
from workers.domain.starts.people import Actor
from workers.use_cases.refuse import refuse_unless

log = structlog.get_logger(__name__)

_LONGEST_VALUE = 2000
"""Characters of a button's value; Slack takes no more."""
_OPTIONS_WITHIN_S = 2.5
"""Slack waits three seconds for the options of a menu."""

Listener = Callable[..., Awaitable[None]]
"""A listener as Bolt takes it: it passes arguments by their names."""


class Flow:
    """Makes Bolt listeners."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def click(self, act: OnClick, *, now: bool = False) -> Listener:
        """A button's listener; with ``now``, the person is judged by what Slack says at this moment."""

        async def listener(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            try:
                answer = await act(
                    Clicked(
                        actor=await self._actor(body, now=now),
                        value=str(body["actions"][0].get("value", ""))[:_LONGEST_VALUE],
                        open_dialog=self._opening(client, body),
                    )
                )
            except Exception as error:  # whoever clicked is told, whatever it is
                answer = self._told(error)
            if answer is not None and body.get("view"):
                await self._answer_in_view(client, body, answer)
            elif answer is not None:
                await answer_click(client, body, answer.text, answer.blocks)

        return listener

    def page(self, turn: Callable[[Clicked], Awaitable[View]]) -> Listener:
        """The listener of a button in a dialog that shows another page of it."""

        async def listener(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            clicked = Clicked(
                actor=await self._actor(body, now=False),
                value=str(body["actions"][0].get("value", ""))[:_LONGEST_VALUE],
                open_dialog=self._opening(client, body),
            )
            try:
                view = await turn(clicked)
            except Exception as error:  # as above
                view = as_dialog(self._told(error))
            await client.views_update(view_id=body["view"]["id"], view=view)

        return listener

    async def _answer_in_view(self, client: AsyncWebClient, body: dict[str, Any], answer: Message) -> None:
        """Answer a click in a dialog or in Home, where nothing is said privately: as a dialog, or by DM."""
        try:
            with slack_away(), slack_refuses():
                await self._opening(client, body)(as_dialog(answer))
        except (Refused, DependencyAway) as error:
            log.info("no dialog can be opened for an answer", because=str(error))
            user = str(body["user"]["id"])
            conversation = self._services.directory.direct_message
            await send_direct(client, conversation, user, answer.text, answer.blocks)

    def command(self, command: Command, act: OnCommand) -> Listener:
        """A slash command's listener. Help is for everybody; who may not use the command is refused."""

        async def listener(
            ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, respond: AsyncRespond
        ) -> None:
            await ack()
            user = str(body["user_id"])
            try:
                answer = await self._typed(command, act, user, body, client)
            except Exception as error:  # as above
                answer = self._told(error)
            if answer is not None:
                answer = on_answer(answer, await self._pause())
                await answer_command(respond, user, answer.text, answer.blocks)

        return listener

    async def _typed(
        self, command: Command, act: OnCommand, user: str, body: dict[str, Any], client: AsyncWebClient
    ) -> Message | None:
        actor = await self._services.directory.actor(user, now=command.judged_now)
        text = str(body.get("text", "")).strip()
        permission = command.may(actor)
        if command.asks_for_usage(text):
            return usage(command, permission, self._oncall())
        services = self._services
        await refuse_unless(
            permission,
            actor,
            store=services.store,
            clock=services.clock,
            kind=f"{command.subject}.refused",
            wanted=f"{command.name} {text}".strip(),
        )
        return await act(Typed(actor=actor, text=text, open_dialog=self._opening(client, body)))

    def message(self, act: OnMessage) -> Listener:
        """The listener of messages that people write to the bot, or below one of its messages.

        Only what somebody has just sent counts: no edit, which has a subtype, and nothing that a bot wrote.
        Bolt has acknowledged an event before its listener runs.
        """

        async def listener(body: dict[str, Any], client: AsyncWebClient, context: AsyncBoltContext) -> None:
            event = body["event"]
            if not _written_to_us(event, context.bot_user_id or ""):
                return
            try:
                actor = await self._services.directory.actor(str(event["user"]), team=_home(event), now=True)
                answer = await act(
                    Wrote(
                        actor=actor,
                        text=str(event.get("text") or ""),
                        channel=str(event["channel"]),
                        thread=str(event.get("thread_ts") or ""),
                        event_id=str(body["event_id"]),
                    )
                )
            except Exception as error:  # as above
                answer = self._told(error)
            if answer is not None:
                await answer_message(client, event, answer.text, answer.blocks)

        return listener

    def submit(self, act: OnSubmit, *, now: bool = False) -> Listener:
        """A dialog's listener; ``now`` as for a click.

        The acknowledgement comes last: Slack shows what it carries in the dialog, and what is done here takes
        milliseconds of the three seconds that Slack allows.
        """

        async def listener(ack: AsyncAck, body: dict[str, Any], view: View, client: AsyncWebClient) -> None:
            user = str(body["user"]["id"])
            try:
                actor = await self._actor(body, now=now)
                outcome = await act(Submitted(actor=actor, view=view))
            except Exception as error:  # as above
                outcome = Outcome(view=as_dialog(self._told(error)))
            if outcome.errors:
                await ack(response_action="errors", errors=outcome.errors)
            elif outcome.view is not None:
                await ack(response_action="update", view=on_dialog(outcome.view, await self._pause()))
            else:
                await ack()
            if outcome.message is not None:
                message = on_answer(outcome.message, await self._pause())
                conversation = self._services.directory.direct_message
                await send_direct(client, conversation, user, message.text, message.blocks)

        return listener

    def search(self, act: OnSearch) -> Listener:
        """The listener of a menu that asks for its options. Whatever goes wrong, the menu is empty."""

        async def listener(ack: AsyncAck, body: dict[str, Any]) -> None:
            options: list[dict[str, Any]] = []
            try:
                async with asyncio.timeout(_OPTIONS_WITHIN_S):
                    searched = Searched(
                        actor=await self._actor(body, now=False),
                        query=str(body.get("value") or "")[:_LONGEST_VALUE],
                        view=body.get("view") or {},
                    )
                    options = await act(searched)
            except Exception as error:  # the next letter asks again
                log.warning("a menu has no options", because=str(error) or type(error).__name__)
            await ack(options=options)

        return listener

    async def _actor(self, body: dict[str, Any], *, now: bool) -> Actor:
        """Who clicked or submitted. The payload's ``team`` is always ours; ``user.team_id`` is their own."""
        user = body["user"]
        return await self._services.directory.actor(
            str(user["id"]), team=str(user.get("team_id") or ""), now=now
        )

    def _told(self, error: Exception) -> Message:
        if isinstance(error, NotAllowed):
            return refused(error.diagnostics(), self._oncall())
        if isinstance(error, NotFound | NotYet | NeverContained):
            return not_done(error.diagnostics())
        reference = secrets.token_hex(4)
        log.error("a listener failed", reference=reference, exc_info=error)
        return went_wrong(reference)

    def _oncall(self) -> str:
        return oncall_mention(self._services.policy().oncall)

    def _opening(self, client: AsyncWebClient, body: dict[str, Any]) -> Callable[[View], Awaitable[None]]:
        async def open_dialog(view: View) -> None:
            shown = on_dialog(view, await self._pause())
            if (body.get("view") or {}).get("type") == "modal":  # on top of the dialog with the button
                await client.views_push(trigger_id=body["trigger_id"], view=shown)
                return
            await client.views_open(trigger_id=body["trigger_id"], view=shown)

        return open_dialog

    async def _pause(self) -> Pause | None:
        """The pause that is on. Where that can't be read, nothing is said of it."""
        try:
            pause = await self._services.store.pause()
        except (DependencyAway, NewerDocument) as error:
            log.warning("it can't be told whether changes in Azure are paused", because=str(error))
            return None
        return pause if pause.on(self._services.clock.now()) else None


def _written_to_us(event: dict[str, Any], me: str) -> bool:
    """Whether a person has just sent it to the bot, or below a message of the bot's."""
    if event.get("subtype") or event.get("bot_id") or event.get("edited") or not event.get("user"):
        return False
    if event.get("thread_ts"):
        return not me or event.get("parent_user_id", me) == me
    return event.get("channel_type") == "im"


def _home(event: dict[str, Any]) -> str:
    """The writer's own workspace; empty where Slack does not say."""
    return str(event.get("user_team") or event.get("team") or "")
