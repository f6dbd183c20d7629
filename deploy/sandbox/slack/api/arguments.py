"""The arguments of a Web API call, in any encoding Slack accepts."""

import json
from typing import Any

from aiohttp import web

from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.team.messages import Json

TRUE = ("1", "true")


class Args:
    """Typed reading of arguments. Forms and queries give strings where JSON gives values; both are taken."""

    def __init__(self, values: Json) -> None:
        self.values = values

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """A string; numbers are taken as their digits."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, (dict, list, bool)):
            raise SlackError("invalid_arguments", f"must provide a string [json-pointer:/{name}]")
        return str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.values.get(name)
        if value is None:
            return default
        return value if isinstance(value, bool) else str(value).lower() in TRUE

    def number(self, name: str, default: int) -> int:
        value = self.values.get(name)
        if value in (None, ""):
            return default
        try:
            return int(str(value))
        except ValueError:
            raise SlackError("invalid_arguments", f"must be a number [json-pointer:/{name}]") from None

    def structure(self, name: str, error: str) -> Any:
        """A JSON value, given as such or as its text.

        Raises:
            SlackError: with ``error`` as its code, if the text is not JSON.
        """
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError(error) from None

    def ids(self, name: str) -> list[str]:
        """A comma-separated list, or a JSON array."""
        value = self.values.get(name)
        if isinstance(value, list):
            return [str(item) for item in value]
        return [part.strip() for part in self.text(name).split(",") if part.strip()]


async def read_arguments(request: web.Request, *, takes_json: bool) -> tuple[Json, list[str]]:
    """The arguments and Slack's warnings about how they came.

    A method that takes no JSON ignores a JSON body, so its arguments come out missing, as with Slack.

    Raises:
        SlackError: ``invalid_json``, ``json_not_object`` or ``invalid_post_type``.
    """
    values: Json = dict(request.query)
    if request.method != "POST" or not request.body_exists:
        return values, []
    kind = request.content_type
    if kind == "application/json":
        if not takes_json:
            return values, []
        return values | await _json_object(request), ([] if request.charset else ["missing_charset"])
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.post()
        return values | {key: value for key, value in form.items() if isinstance(value, str)}, []
    if await request.read():
        raise SlackError("invalid_post_type")
    return values, []


async def _json_object(request: web.Request) -> Json:
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(body, dict):
        raise SlackError("json_not_object")
    return body
