"""Slack's limits, as tables. https://docs.slack.dev/reference/block-kit.

Lengths are in characters, counts in items; pairs are the least and the most.
"""

from typing import Final

BLOCKS: Final = {"message": 50, "modal": 100, "home": 100}
ID_MAX: Final = 255
URL_MAX: Final = 3000
ALT_TEXT_MAX: Final = 2000
MARKDOWN_TOTAL_MAX: Final = 12_000
"""All markdown blocks of a message together."""

MESSAGE_TEXT_TOTAL_MAX: Final = 13_200
"""All texts of a message's blocks together. Slack does not document it, and counts something for each block
on top: https://github.com/slackapi/bolt-js/issues/2509
"""

SECTION: Final = {"text": 3000, "field": 2000}
SECTION_FIELDS: Final = (1, 10)
HEADER_TEXT_MAX: Final = 150
IMAGE_TITLE_MAX: Final = 2000
ACTIONS_ELEMENTS: Final = (1, 25)
CONTEXT_ELEMENTS: Final = (1, 10)
CONTEXT_TEXT_MAX: Final = 3000
CONTEXT_ACTIONS_ELEMENTS: Final = (1, 5)
INPUT: Final = {"label": 2000, "hint": 2000}
VIDEO: Final = {"title": 200, "description": 200, "author_name": 50, "provider_name": 50}
TABLE: Final = {"rows": (1, 100), "cells": (1, 20), "column_settings": (0, 20)}
PLAN_TASKS: Final = (0, 50)
TASK_TEXT_MAX: Final = 3000
ALERT_TEXT_MAX: Final = 200

BUTTON: Final = {"text": 75, "value": 2000, "accessibility_label": 75, "agent_prompt": 4000}
CONFIRM: Final = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
OPTION: Final = {"text": 75, "value": 150, "description": 75}
OPTIONS: Final = (1, 100)
OPTION_GROUPS: Final = (1, 100)
OPTION_GROUP_LABEL_MAX: Final = 75
CHOICES: Final = (1, 10)
"""Options of checkboxes and radio buttons."""
OVERFLOW_OPTIONS: Final = (1, 5)
PLACEHOLDER_MAX: Final = 150
PLAIN_TEXT_INPUT_MAX: Final = 3000
FILES: Final = (1, 10)

VIEW: Final = {"title": 24, "submit": 24, "close": 24, "private_metadata": 3000, "callback_id": 255}
EXTERNAL_ID_MAX: Final = 255
