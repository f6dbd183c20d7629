"""Composition objects: texts, options, confirmations and what else blocks and elements are made of."""

from typing import Any

from deploy.sandbox.slack.blockkit import limits
from deploy.sandbox.slack.blockkit.checks import (
    Check,
    array,
    boolean,
    by_type,
    exactly_one,
    matching,
    one_of,
    shape,
    string,
)
from deploy.sandbox.slack.blockkit.report import Problem, Report

URL = matching(r"[a-z][a-z0-9+.-]*:\S+", "must be a valid URL", limits.URL_MAX)
HTTP_URL = matching(r"https?://\S+", "must be a valid URL", limits.URL_MAX)
ID = string(1, limits.ID_MAX)

PLAIN = ("plain_text",)
ANY_TEXT = ("plain_text", "mrkdwn")


def text(kinds: tuple[str, ...], most: int, least: int = 1) -> Check:
    """A text object of one of these kinds, with ``least`` to ``most`` characters."""
    words = string(least, most)
    shapes = {
        "plain_text": shape({"type": one_of("plain_text"), "text": words}, {"emoji": boolean}),
        "mrkdwn": shape({"type": one_of("mrkdwn"), "text": words}, {"verbatim": boolean}),
    }
    return by_type(shapes, kinds)


CONFIRM = shape(
    {
        "title": text(PLAIN, limits.CONFIRM["title"]),
        "text": text(ANY_TEXT, limits.CONFIRM["text"]),
        "confirm": text(PLAIN, limits.CONFIRM["confirm"]),
        "deny": text(PLAIN, limits.CONFIRM["deny"]),
    },
    {"style": one_of("primary", "danger")},
)


def option(kinds: tuple[str, ...], *, with_url: bool = False) -> Check:
    """An option; only checkboxes and radio buttons take mrkdwn, only overflow menus a URL."""
    return shape(
        {"text": text(kinds, limits.OPTION["text"]), "value": string(1, limits.OPTION["value"])},
        {"description": text(kinds, limits.OPTION["description"]), **({"url": URL} if with_url else {})},
    )


MENU_OPTION = option(PLAIN)
MENU_OPTIONS = array(MENU_OPTION, limits.OPTIONS)
OPTION_GROUP = shape({"label": text(PLAIN, limits.OPTION_GROUP_LABEL_MAX), "options": MENU_OPTIONS})
OPTION_GROUPS = array(OPTION_GROUP, limits.OPTION_GROUPS)

PLACEHOLDER = text(PLAIN, limits.PLACEHOLDER_MAX)
DISPATCH_CONFIG = shape(
    {},
    {"trigger_actions_on": array(one_of("on_enter_pressed", "on_character_entered"), (1, 2))},
)
CONVERSATION_FILTER = shape(
    {},
    {
        "include": array(one_of("im", "mpim", "private", "public"), (1, 4)),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
)
SLACK_FILE = shape({}, {"url": HTTP_URL, "id": ID}, exactly_one("url", "id"))
IMAGE_SOURCE: dict[str, Check] = {"image_url": HTTP_URL, "slack_file": SLACK_FILE}
ONE_SOURCE = exactly_one("image_url", "slack_file")

OFFERED = shape(
    {},
    {"options": array(MENU_OPTION, (0, limits.OPTIONS[1])), "option_groups": OPTION_GROUPS},
    exactly_one("options", "option_groups"),
)


def check_options(answer: Any) -> list[Problem]:
    """What is wrong with an app's answer to ``block_suggestion``."""
    report = Report("modal")
    OFFERED(answer, "", report)
    return report.problems
