"""Block Kit as Slack judges it: structure, lengths and what belongs where, on each surface."""

from deploy.sandbox.slack.blockkit.completion import completed, completed_view
from deploy.sandbox.slack.blockkit.composition import check_options
from deploy.sandbox.slack.blockkit.surfaces import check_blocks, check_view

__all__ = ["check_blocks", "check_options", "check_view", "completed", "completed_view"]
