"""Reads one address twice with tokens that are given one by one; tells what came of it, as JSON.

A process of its own, because the certificates that are trusted are read when it starts.
"""

import asyncio
import json
import sys
import time
from typing import Any, Self

from azure.core.credentials import AccessToken

from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.domain.errors import StartgateError


class Entra:
    """Opens itself, and gives ``token-1``, ``token-2`` and so on; keeps the claims it was asked with."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def open(self) -> Self:
        return self

    async def get_token(self, *_scopes: str, claims: str | None = None, **_: Any) -> AccessToken:
        self.asked.append(claims or "")
        return AccessToken(f"token-{len(self.asked)}", int(time.time()) + 3600)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


async def read(endpoint: str) -> dict[str, object]:
    entra, answers = Entra(), []
    async with Azure(endpoint, credential=entra) as azure:  # type: ignore[arg-type]
        for _ in range(2):
            try:
                async with asking("read the subscriptions"):
                    response = await azure.send("GET", "/subscriptions", api_version="2022-12-01")
                    answers.append(str(response.status_code))
            except StartgateError as error:
                answers.append(type(error).__name__)
    return {"asked": entra.asked, "answers": answers}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(read(sys.argv[1]))))  # noqa: T201 - its output
