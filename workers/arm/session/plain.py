"""What a GET of the SDK answers, as the JSON that came.

The SDK would make models of it, which we would take apart again, for 0.5 to 1.2 ms of processor time a read.
Its methods give the bare body when they are called with ``stream=True``.
"""

from collections.abc import Awaitable
from typing import Any

from azure.core.exceptions import DecodeError

from workers.runtime.json_text import parsed


async def plain(call: Awaitable[Any]) -> dict[str, Any]:
    """The body of the answer to a call that was made with ``stream=True``.

    Raises:
        AzureError: Azure refuses, the connection ends too soon, or the body is no JSON object.
    """
    chunks = [chunk async for chunk in await call]
    try:
        body = parsed(b"".join(chunks))
    except (ValueError, RecursionError):
        raise DecodeError("the answer is not JSON") from None
    if not isinstance(body, dict):
        raise DecodeError("the answer is not a JSON object")
    return body
