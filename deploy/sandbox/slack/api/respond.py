"""Answers to a response URL, and the like answers inside the acknowledgement of a command."""

import json

from aiohttp import web

from deploy.sandbox.slack.api.arguments import Args
from deploy.sandbox.slack.api.posting import compose, remove, rewrite, say
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.messages import Json, Message
from deploy.sandbox.slack.team.tickets import ResponseUrl

GONE = ("used_url", "expired_url", "invalid_token")


def respond(state: State, url: ResponseUrl, answer: Json) -> Message | None:
    """Do what an answer says: replace or delete the message acted on, or say something new.

    Without ``response_type: in_channel`` only the person sees it. It may go where the app is no member.

    Raises:
        SlackError: like posting the content would.
    """
    args = Args(answer)
    channel = state.workspace.channels[url.channel]
    original = channel.message(url.ts) if url.ts else None
    if args.flag("delete_original"):
        if original is None:
            raise SlackError("message_not_found")
        remove(state, channel, original)
        return None
    content = compose(args)
    if args.flag("replace_original") and original is not None:
        if original.bot_id != state.identity.bot_id:
            raise SlackError("cant_update_message")
        rewrite(state, original, content)
        return original
    private = args.text("response_type", "ephemeral") != "in_channel"
    return say(
        state,
        channel,
        content,
        thread_ts=args.text("thread_ts") or url.thread_ts,
        ephemeral_for=url.user if private else None,
    )


class ResponseUrls:
    """The addresses themselves: five uses within half an hour."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/{kind:actions|commands|app}/{team}/{number}/{secret}", self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        answer: Json | None = None
        try:
            url = self._state.tickets.use(request.path)
            answer = _read(await request.text())
            respond(self._state, url, answer)
        except SlackError as refusal:
            return self._refuse(refusal, answer)
        self._state.record.add("response_url", ok=True, answer=answer, uses=url.uses)
        return web.Response(text="ok")

    def _refuse(self, refusal: SlackError, answer: Json | None) -> web.Response:
        self._state.record.add("response_url", **refusal.body(), answer=answer)
        return web.json_response(refusal.body(), status=404 if refusal.error in GONE else 400)


def _read(text: str) -> Json:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise SlackError("invalid_payload")
    return answer
