"""``files.*``: an upload in three steps, as ``files_upload_v2`` of the SDK takes them.

Sources: https://docs.slack.dev/messaging/working-with-files#uploading_files,
https://docs.slack.dev/reference/methods/files.getUploadURLExternal and
https://docs.slack.dev/reference/methods/files.completeUploadExternal
"""

import json
import secrets

from aiohttp import web

from deploy.sandbox.slack.api.arguments import Args
from deploy.sandbox.slack.api.ratelimits import Tier
from deploy.sandbox.slack.api.webapi import method
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.state import State, Upload
from deploy.sandbox.slack.team.messages import Json, Message
from deploy.sandbox.slack.team.workspace import new_id

SCOPES = ("files:write",)
ALT_TEXT_MAX = 1000


@method(
    "files.getUploadURLExternal", Tier.FOUR, scopes=SCOPES, needs=("filename", "length"), takes_json=False
)
def get_upload_url(state: State, args: Args) -> Json:
    if not args.text("length").isdecimal() or int(args.text("length")) == 0:
        raise SlackError("invalid_arguments", "length must be a number above 0")
    alt_text = args.text("alt_txt")
    if len(alt_text) > ALT_TEXT_MAX:
        raise SlackError("alt_txt_too_large")
    upload = Upload(
        id=new_id("F"), name=args.text("filename"), length=int(args.text("length")), alt_text=alt_text
    )
    state.uploads[secrets.token_urlsafe(16)] = upload
    ticket = next(key for key, one in state.uploads.items() if one is upload)
    return {"upload_url": f"{state.base_url}/upload/v1/{ticket}", "file_id": upload.id}


@method("files.completeUploadExternal", Tier.FOUR, scopes=SCOPES, needs=("files",))
def complete(state: State, args: Args) -> Json:
    asked = args.values["files"]
    asked = json.loads(asked) if isinstance(asked, str) else asked
    uploads = {one.id: one for one in state.uploads.values()}
    files: list[Json] = []
    for one in asked:
        upload = uploads.get(str(one.get("id")))
        if upload is None or not upload.content:
            raise SlackError("file_not_found")
        files.append(upload.as_json(str(one.get("title") or upload.name)))
    if args.text("channel_id"):
        _share(state, args, files)
    return {"files": files}


def _share(state: State, args: Args, files: list[Json]) -> None:
    me, channel = state.identity, state.workspace.channels.get(args.text("channel_id"))
    if channel is None:
        raise SlackError("channel_not_found")
    if me.bot_user not in channel.members:
        raise SlackError("not_in_channel")
    message = Message(
        ts=state.workspace.ts(),
        channel=channel.id,
        user=me.bot_user,
        team=me.team_id,
        text=args.text("initial_comment"),
        bot_id=me.bot_id,
        app_id=me.app_id,
        files=files,
    )
    state.workspace.keep(message)
    shown = [{key: one[key] for key in ("id", "name", "title", "size", "alt_txt")} for one in files]
    state.record.add(  # as every message, and its files
        "posted",
        channel=channel.id,
        ts=message.ts,
        thread_ts=None,
        broadcast=False,
        text=message.text,
        blocks=[],
        metadata=None,
        mentions=[],
        files=shown,
    )


class UploadUrls:
    """Where the bytes of files go, and where the page reads them."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """Both of them."""
        return [web.post("/upload/v1/{ticket}", self._take), web.get("/files/{id}", self._give)]

    async def _take(self, request: web.Request) -> web.Response:
        upload = self._state.uploads.get(request.match_info["ticket"])
        content = await request.read()
        if upload is None or upload.content or len(content) != upload.length:
            return web.Response(status=400, text="invalid upload")
        upload.content = content
        return web.Response(text=f"OK - {upload.length}")

    async def _give(self, request: web.Request) -> web.Response:
        uploads = {one.id: one for one in self._state.uploads.values()}
        upload = uploads.get(request.match_info["id"])
        if upload is None:
            return web.Response(status=404)
        kind = "image/png" if upload.name.endswith(".png") else "text/csv"
        return web.Response(body=upload.content, content_type=kind)
