"""HTTP mode: what Slack posts to an app's request URL, signed."""

import hashlib
import hmac
import io
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from deploy.sandbox.slack.team.messages import Json

USER_AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"


class HttpStatusError(Exception):
    """The app answered with something else than 200. ``status`` is what it said."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the request URL answered {status}")
        self.status = status


def signature(secret: str, timestamp: str, body: str | bytes) -> str:
    """``X-Slack-Signature`` of a body, version 0.

    https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    base = f"v0:{timestamp}:".encode() + (body.encode() if isinstance(body, str) else body)
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


@dataclass(kw_only=True, slots=True)
class RequestUrl:
    """Where the app listens in HTTP mode, and the secret its requests are signed with."""

    url: str
    signing_secret: str
    session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        self.session = aiohttp.ClientSession()

    async def stop(self) -> None:
        if self.session is not None:
            await self.session.close()
            self.session = None

    async def send(self, kind: str, payload: Json, headers: dict[str, str], timeout_s: float) -> Any:
        """Post a payload in the shape Slack uses for its ``kind``; the answer's JSON, or its text.

        Raises:
            ConnectionError: nobody listens there.
            HttpStatusError: the status was not 200.
            TimeoutError: no answer within ``timeout_s`` seconds.
        """
        if kind == "events_api":
            return await self._post(json.dumps(payload), "application/json", headers, timeout_s)
        form = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
        return await self._post(urlencode(form), "application/x-www-form-urlencoded", headers, timeout_s)

    async def verify(self, token: str, timeout_s: float = 3.0) -> Json:
        """The handshake when a request URL is entered: does the app echo the challenge?"""
        challenge = hashlib.sha256(str(time.time_ns()).encode()).hexdigest()
        payload = {"token": token, "challenge": challenge, "type": "url_verification"}
        answer = await self.send("events_api", payload, {}, timeout_s)
        echoed = answer.get("challenge") if isinstance(answer, dict) else str(answer).strip()
        return {"ok": echoed == challenge, "answer": answer}

    async def ssl_check(self, token: str, timeout_s: float = 3.0) -> Json:
        """The certificate check, which Slack sends unsigned."""
        form = urlencode({"ssl_check": "1", "token": token})
        content_type = "application/x-www-form-urlencoded"
        answer = await self._post(form, content_type, {}, timeout_s, signed=False)
        return {"ok": True, "answer": answer}

    async def raw(self, body: bytes, headers: dict[str, str], timeout_s: float = 10.0) -> tuple[int, str]:
        """Post bytes as they are; the status and the text that came back, 0 if the connection was cut."""
        if self.session is None:
            raise ConnectionError("not started")
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self.session.post(
                self.url, data=io.BytesIO(body), headers=headers, timeout=timeout
            ) as response:
                return response.status, await response.text(errors="replace")
        except aiohttp.ClientConnectionError as error:
            return 0, str(error)

    async def _post(
        self, body: str, content_type: str, headers: dict[str, str], timeout_s: float, *, signed: bool = True
    ) -> Any:
        if self.session is None:
            raise ConnectionError("not started")
        sent = {"Content-Type": content_type, "User-Agent": USER_AGENT, **headers}
        if signed:
            timestamp = str(int(time.time()))
            sent["X-Slack-Request-Timestamp"] = timestamp
            sent["X-Slack-Signature"] = signature(self.signing_secret, timestamp, body)
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self.session.post(self.url, data=body, headers=sent, timeout=timeout) as response:
                if response.status != 200:
                    raise HttpStatusError(response.status)
                text = await response.text()
        except TimeoutError:
            raise  # aiohttp's own timeouts are ClientErrors, too
        except aiohttp.ClientError as error:
            raise ConnectionError(str(error)) from error
        try:
            return json.loads(text) if text else None
        except ValueError:
            return text
