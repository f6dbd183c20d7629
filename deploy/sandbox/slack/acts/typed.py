"""What becomes of typed text before an app gets it: mentions, links, a keyboard's own ideas."""

import re
from typing import Literal

from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.mrkdwn import escape

How = Literal["plain", "smart", "pasted"]

MARKUP = re.compile(r"(<[@#!][^<>]*>)")
NAME = re.compile(r"(?<![\w.])([@#])([\w][\w.-]*)")
LINK = re.compile(
    r"(?P<url>https?://[^\s<>]+)"
    r"|(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?<![\w.@/-])(?P<domain>(?:[\w-]+\.)+(?:com|net|org|io|dev|app|cloud|eu|de|uk|us))(?![\w.-])"
)
"""What Slack takes for a link. It knows all top-level domains, this a few."""

SMART = (
    (re.compile(r'(?<=\S)"'), "\u201d"),
    (re.compile(r'"'), "\u201c"),
    (re.compile(r"(?<=\S)'"), "\u2019"),
    (re.compile(r"'"), "\u2018"),
    (re.compile(r"--"), "\u2014"),
)


def as_typed(state: State, text: str, *, how: How, escaped: bool) -> str:
    """The ``text`` of a slash command.

    With *escape channels, users, and links* on, ``@olivia`` becomes ``<@U…|olivia>``, ``#name`` becomes
    ``<#C…|name>``, and what looks like a host ``<http://host|host>``; otherwise it comes as it was typed.
    https://docs.slack.dev/interactivity/implementing-slash-commands

    ``smart`` are the quotes and dashes that Macs and phones put in
    (https://github.com/mathew-fleisch/bashbot/issues/48), ``pasted`` the no-break spaces and en dashes of a
    formatted page.
    """
    if how == "smart":
        for pattern, put in SMART:
            text = pattern.sub(put, text)
    elif how == "pasted":
        text = text.replace(" ", "\u00a0").replace("-", "\u2013")
    return _encoded(state, text, labels=True) if escaped else text


def as_sent(state: State, text: str) -> str:
    """The ``text`` of a message: ``@olivia`` becomes ``<@U…>``, a host a link, the rest is escaped.

    https://docs.slack.dev/messaging/formatting-message-text; links: https://github.com/operable/cog/issues/121
    """
    return _encoded(state, text, labels=False)


def _encoded(state: State, text: str, *, labels: bool) -> str:
    """Markup that was typed as such stays."""
    parts = MARKUP.split(text)
    return "".join(part if MARKUP.fullmatch(part) else _linked(state, part, labels=labels) for part in parts)


def _linked(state: State, text: str, *, labels: bool) -> str:
    done, at = [], 0
    for match in LINK.finditer(text):
        done += [_named(state, text[at : match.start()], labels=labels), _link(match)]
        at = match.end()
    return "".join([*done, _named(state, text[at:], labels=labels)])


def _link(match: re.Match[str]) -> str:
    shown = escape(match[0])
    before = {"url": "", "email": "mailto:", "domain": "http://"}[match.lastgroup or "url"]
    return f"<{before}{shown}|{shown}>" if before else f"<{shown}>"


def _named(state: State, text: str, *, labels: bool) -> str:
    def mention(match: re.Match[str]) -> str:
        sign, name = match.groups()
        if sign == "@" and name in ("here", "channel", "everyone"):
            return f"<!{name}>"
        person = state.workspace.person(name) if sign == "@" else None
        if person is not None:
            return f"<@{person.id}|{person.handle}>" if labels else f"<@{person.id}>"
        channel = state.workspace.channel(name) if sign == "#" else None
        return f"<#{channel.id}|{channel.name}>" if channel is not None else match[0]

    return NAME.sub(mention, escape(text))
