"""Typing commands and messages, and looking at the app's home."""

import asyncio
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from deploy.sandbox.slack.acts.people import APP, Act, seen_message, where, who
from deploy.sandbox.slack.acts.typed import How, as_sent, as_typed
from deploy.sandbox.slack.api.posting import remove
from deploy.sandbox.slack.api.respond import respond
from deploy.sandbox.slack.delivery import payloads
from deploy.sandbox.slack.delivery.deliver import Ack, Courier
from deploy.sandbox.slack.errors import RefusedActError, SlackError
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.members import Member
from deploy.sandbox.slack.team.messages import Channel, Json, Message


class Command(Act):
    """Typing a slash command. Slack has none in threads.

    Attributes:
        how: as the keyboard gives it; with a phone's smart punctuation; or pasted from a formatted page.
    """

    channel: str = APP
    command: str
    text: str = ""
    how: How = "plain"
    thread_ts: str | None = None
    wait_view_ms: float = 0


class Say(Act):
    """Sending a message."""

    channel: str = APP
    text: str
    thread_ts: str | None = None


class Delete(Act):
    """Deleting a message: one's own or, as an owner of the workspace may, anybody's. Here everybody may."""

    channel: str = APP
    ts: str


class Home(Act):
    """Opening the app's page; ``wait_view_ms`` waits so long for the app to publish it anew."""

    tab: Literal["home", "messages", "about"] = "home"
    wait_view_ms: float = 0


@dataclass(frozen=True, slots=True)
class Talk:
    """Acts of speech."""

    state: State
    courier: Courier

    async def command(self, act: Command) -> Json:
        """Send a command; an answer in the acknowledgement is posted like one to the response URL."""
        person = who(self.state, act.user)
        channel = where(self.state, person, act.channel)
        if act.thread_ts:
            sentence = f"{act.command} is not supported in threads. Sorry!"
            raise RefusedActError("not_supported_in_threads", sentence)
        known = next((c for c in self.state.commands if c.command == act.command), None)
        if known is None:
            raise RefusedActError("invalid_command", f"{act.command} is not a valid command.")
        text = as_typed(self.state, act.text, how=act.how, escaped=known.should_escape)
        trigger = self.state.tickets.trigger(self.state.identity.team_id, person.id)
        payload = payloads.slash_command(self.state, person, channel, known, text=text, trigger=trigger)
        ack = await self.courier.command(payload)
        answer = ack.as_json()
        if ack.payload:
            answer |= self._post_answer(payload, ack)
        if act.wait_view_ms and not ack.error:
            await trigger.opened(act.wait_view_ms / 1000)
        return answer | ({"view_id": trigger.view_id} if trigger.view_id else {})

    def _post_answer(self, payload: Json, ack: Ack) -> Json:
        path = payload["response_url"].removeprefix(self.state.base_url)
        try:
            message = respond(self.state, self.state.tickets.peek(path), ack.payload or {})
        except SlackError as refusal:
            self.state.record.add("refused", what="command answer", **refusal.body(), answer=ack.payload)
            return {"ok": False, "error": refusal.error, "messages": list(refusal.messages)}
        return {"ts": message.ts, "text": message.text} if message else {}

    async def message(self, act: Say) -> Json:
        """Post as the person; the app gets the events it subscribed to. Answers the message's ``ts``."""
        person = who(self.state, act.user)
        channel = where(self.state, person, act.channel)
        if channel.archived:
            raise RefusedActError("is_archived", f"{channel.name} is archived")
        if channel.kind == "im" and (self.state.tabs.read_only or not self.state.tabs.messages):
            raise RefusedActError(
                "messages_tab_read_only", "Sending messages to this app has been turned off."
            )
        thread_ts = None
        if act.thread_ts:
            parent = channel.messages.get(act.thread_ts)
            if parent is None:
                raise RefusedActError("no_such_message", f"there is no message {act.thread_ts} to reply to")
            thread_ts = parent.thread_ts or parent.ts
        text = as_sent(self.state, act.text)
        message = Message(
            ts=self.state.workspace.ts(),
            channel=channel.id,
            user=person.id,
            team=person.home(self.state.identity),
            text=text,
            thread_ts=thread_ts,
        )
        self.state.workspace.keep(message)
        self.state.record.add(
            "said", user=person.id, channel=channel.id, ts=message.ts, thread_ts=thread_ts, text=text
        )
        ack = await self._announce(person, channel, message)
        return ack.as_json() | {"ts": message.ts, "channel": channel.id}

    async def delete(self, act: Delete) -> Json:
        """Delete a message; its thread, if it has one, stays under a tombstone."""
        person = who(self.state, act.user)
        channel = where(self.state, person, act.channel)
        message = seen_message(person, channel, act.ts)
        remove(self.state, channel, message, by=person.id)
        return {"ok": True, "ack_ms": None, "ts": message.ts, "channel": channel.id}

    async def home(self, act: Home) -> Json:
        """Open the app's home, messages or about tab."""
        person = who(self.state, act.user)
        if act.tab == "home" and not self.state.tabs.home:
            raise RefusedActError("no_home_tab", "the app has no home tab")
        channel, _ = self.state.workspace.dm([person.id])
        opened = self.state.record.add("home_opened", user=person.id, tab=act.tab)
        event = payloads.home_opened(self.state, person, channel, act.tab)
        ack = await self._event("app_home_opened", event, person, channel)
        if act.wait_view_ms and not ack.error:
            await self._published(person.id, opened.seq, act.wait_view_ms / 1000)
        home = self.state.views.homes.get(person.id)
        return ack.as_json() | {"view": home.as_json(self.state.identity) if home else None}

    async def _published(self, user: str, since: int, timeout_s: float) -> None:
        """Wait until the person's home tab was published after entry ``since`` of the record."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                async for entry in self.state.record.follow(since):
                    match entry.data:
                        case {"what": "published", "user": whose} if whose == user:
                            return

    async def _announce(self, person: Member, channel: Channel, message: Message) -> Ack:
        me = self.state.identity.bot_user
        if me not in channel.members:
            return Ack()
        event = payloads.message_event(channel, message) | {"client_msg_id": str(uuid.uuid4())}
        ack = await self._event(payloads.message_events(channel), event, person, channel)
        if f"<@{me}>" in message.text and channel.kind == "channel":
            mention = {k: v for k, v in event.items() if k != "channel_type"} | {"type": "app_mention"}
            ack = await self._event("app_mention", mention, person, channel)
        return ack

    async def _event(self, name: str, event: Json, person: Member, channel: Channel) -> Ack:
        if not self.state.subscribed(name):
            return Ack()
        shared = self.state.workspace.shared_outside(channel)
        return await self.courier.event(payloads.event_callback(self.state, event, who=person, shared=shared))
