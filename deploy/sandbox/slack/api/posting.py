"""What the app says: judged as Slack judges it, then put into a channel and on record."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.slack.api.arguments import Args
from deploy.sandbox.slack.blockkit import check_blocks, completed
from deploy.sandbox.slack.delivery import payloads
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.messages import Channel, Json, Message
from deploy.sandbox.slack.team.mrkdwn import mentions_in_layout, mentions_in_text

TEXT_MAX = 40_000
UPDATE_TEXT_MAX = 4_000
"""chat.update takes less than chat.postMessage: https://docs.slack.dev/reference/methods/chat.update"""
MARKDOWN_TEXT_MAX = 12_000
ATTACHMENTS_MAX = 100
METADATA_BYTES_MAX = 16_000


@dataclass(kw_only=True, slots=True)
class Content:
    """The checked content of a message. ``None`` means the app did not give that part."""

    text: str | None = None
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    metadata: Json | None = None
    mentions: list[Json] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def compose(args: Args, *, text_max: int = TEXT_MAX, blocks_max: int | None = None) -> Content:
    """Check a message's content; ``blocks_max`` bounds the texts of all blocks together.

    Raises:
        SlackError: ``no_text``, ``msg_too_long``, ``invalid_blocks``, ``invalid_blocks_format``,
            ``msg_blocks_too_long``, ``invalid_attachments``, ``too_many_attachments``,
            ``invalid_metadata_format``, ``metadata_too_large`` or ``markdown_text_conflict``.
    """
    content = Content(
        text=args.text("text") if "text" in args else None,
        blocks=_blocks(args),
        attachments=_attachments(args),
        metadata=_metadata(args),
    )
    if "markdown_text" in args:
        content.blocks = _markdown(args)
    if not (content.text or content.blocks or content.attachments):
        raise SlackError("no_text")
    if len(content.text or "") > text_max:
        raise SlackError("msg_too_long")
    if blocks_max is not None and text_length(content.blocks) > blocks_max:
        raise SlackError("msg_blocks_too_long")
    if content.blocks and not content.text and "markdown_text" not in args:
        content.warnings.append("missing_text_in_message")
    parse_names = args.flag("link_names") or args.text("parse") == "full"
    content.mentions = [
        *mentions_in_text(content.text or "", "/text", parse_names=parse_names),
        *mentions_in_layout(content.blocks or [], "/blocks"),
        *mentions_in_layout(content.attachments or [], "/attachments"),
    ]
    return content


def _blocks(args: Args) -> list[Json] | None:
    if "blocks" not in args:
        return None
    blocks = args.structure("blocks", "invalid_blocks_format")
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    problems = check_blocks(blocks, "message")
    if problems:
        raise SlackError("invalid_blocks", *map(str, problems))
    return completed(blocks)


def text_length(node: Any) -> int:
    """How many characters a layout shows."""
    if isinstance(node, list):
        return sum(map(text_length, node))
    if not isinstance(node, dict):
        return 0
    own = len(node["text"]) if isinstance(node.get("text"), str) else 0
    return own + sum(map(text_length, node.values()))


def _markdown(args: Args) -> list[Json]:
    if "text" in args or "blocks" in args:
        raise SlackError("markdown_text_conflict")
    text = args.text("markdown_text")
    if len(text) > MARKDOWN_TEXT_MAX:
        raise SlackError("msg_too_long")
    return completed([{"type": "markdown", "text": text}]) if text else []


def _attachments(args: Args) -> list[Json] | None:
    if "attachments" not in args:
        return None
    attachments = args.structure("attachments", "invalid_attachments")
    if not isinstance(attachments, list) or not all(isinstance(a, dict) for a in attachments):
        raise SlackError("invalid_attachments")
    if len(attachments) > ATTACHMENTS_MAX:
        raise SlackError("too_many_attachments")
    for index, attachment in enumerate(attachments):
        problems = check_blocks(attachment.get("blocks", []), "message", f"/attachments/{index}/blocks")
        if problems:
            raise SlackError("invalid_attachments", *map(str, problems))
    return [a | {"blocks": completed(a["blocks"])} if "blocks" in a else a for a in attachments]


def _metadata(args: Args) -> Json | None:
    if "metadata" not in args:
        return None
    metadata = args.structure("metadata", "invalid_metadata_format")
    if metadata == {}:
        return {}
    match metadata:
        case {"event_type": str(kind), "event_payload": dict()} if kind and set(metadata) <= {
            "event_type",
            "event_payload",
            "entities",
        }:
            if len(json.dumps(metadata).encode()) > METADATA_BYTES_MAX:
                raise SlackError("metadata_too_large")
            return dict(metadata)
        case _:
            raise SlackError("invalid_metadata_format")


def say(
    state: State,
    channel: Channel,
    content: Content,
    *,
    thread_ts: str | None = None,
    broadcast: bool = False,
    ephemeral_for: str | None = None,
) -> Message:
    """Post checked content as the app, and record it (``posted`` or ``ephemeral``, and ``mention``)."""
    identity = state.identity
    message = state.workspace.keep(
        Message(
            ts=state.workspace.ts(),
            channel=channel.id,
            user=identity.bot_user,
            team=identity.team_id,
            bot_id=identity.bot_id,
            app_id=identity.app_id,
            text=content.text or "",
            blocks=content.blocks or [],
            attachments=content.attachments or [],
            metadata=content.metadata or None,
            thread_ts=thread_ts,
            broadcast=broadcast,
            ephemeral_for=ephemeral_for,
        )
    )
    extra = {"user": ephemeral_for} if ephemeral_for else {"thread_ts": thread_ts, "broadcast": broadcast}
    note(state, "ephemeral" if ephemeral_for else "posted", message, content, **extra)
    if not ephemeral_for:
        _echo(state, channel, payloads.message_event(channel, message))
    return message


def rewrite(state: State, message: Message, content: Content) -> None:
    """Change a message of the app. Blocks, attachments and metadata that were not given stay, as in Slack."""
    channel = state.workspace.channels[message.channel]
    before = channel.tell(message)
    if content.text is not None:
        message.text = content.text
    if content.blocks is not None:
        message.blocks = content.blocks
    if content.attachments is not None:
        message.attachments = content.attachments
    if content.metadata is not None:
        message.metadata = content.metadata or None
    if not message.ephemeral_for:
        message.edited = {"user": state.identity.bot_id, "ts": f"{int(time.time())}.000000"}
        ts = state.workspace.ts()
        _echo(state, channel, payloads.message_changed_event(channel, message, before, ts))
    note(state, "updated", message, content)


def note(state: State, kind: str, message: Message, content: Content, **extra: object) -> None:
    """Record a message with the mentions it really makes."""
    where = {"channel": message.channel, "ts": message.ts}
    state.record.add(
        kind,
        **where,
        **extra,
        text=message.text,
        blocks=message.blocks,
        metadata=message.metadata,
        mentions=content.mentions,
    )
    for mention in content.mentions:
        state.record.add("mention", **where, mention=mention)


def remove(state: State, channel: Channel, message: Message, *, by: str = "") -> None:
    """Delete a message; ``by`` is the person who does, if not the app.

    A parent with replies leaves a tombstone: https://github.com/microsoft/vscode-github-triage-actions/pull/78
    """
    before = channel.tell(message)
    if channel.replies(message.ts):
        message.subtype, message.text = "tombstone", "This message was deleted."
        message.blocks, message.attachments, message.metadata = [], [], None
        channel.gone.add(message.ts)
    else:
        channel.drop(message)
    state.record.add("deleted", channel=channel.id, ts=message.ts, **({"by": by} if by else {}))
    if not message.ephemeral_for:
        _echo(state, channel, payloads.message_deleted_event(channel, before, state.workspace.ts()))


def _echo(state: State, channel: Channel, event: Json) -> None:
    """Tell the app of its own message, if it is in the channel and asked for such events."""
    listening = state.switches.echoes and state.subscribed(payloads.message_events(channel))
    if listening and state.identity.bot_user in channel.members:
        shared = state.workspace.shared_outside(channel)
        state.publish(payloads.event_callback(state, event, shared=shared))
