"""The Web API methods, a family to a file. Importing this package registers them all."""

from deploy.sandbox.slack.api.methods import (
    auth,
    chat,
    conversations,
    dnd,
    files,
    reactions,
    usergroups,
    users,
    views,
)
from deploy.sandbox.slack.api.webapi import METHODS

__all__ = [
    "METHODS",
    "auth",
    "chat",
    "conversations",
    "dnd",
    "files",
    "reactions",
    "usergroups",
    "users",
    "views",
]
