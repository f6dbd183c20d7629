"""The sandbox's page: what Azure, Startgate and Slack do, side by side, in a browser."""

from deploy.sandbox.page.server import Page

__all__ = ["Page"]
