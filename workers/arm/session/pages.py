"""Lists in ARM, page by page, as the JSON that Azure sent.

Not the SDK's pagers: they make a model of every resource, 0.45 ms of processor time and more for each. In a
burst a group is listed again and again for the few resources that are wanted, and a fleet of ten thousand
VMs is listed twice every few minutes.
"""

from collections.abc import AsyncGenerator
from typing import Any

from azure.core.exceptions import DecodeError

from workers.arm.session.clients import Azure
from workers.runtime.json_text import parsed

COMPUTE_VERSION = "2026-04-01"
NETWORK_VERSION = "2026-03-01"
"""What the SDK's clients of the same packages send, which a test compares."""


async def pages(azure: Azure, path: str, api_version: str) -> AsyncGenerator[list[dict[str, Any]], None]:
    """The resources on each page; the next one is asked for when it is wanted.

    Args:
        azure: whose endpoint is asked.
        path: of the list.
        api_version: for the first page; the address of the next brings its own.

    Raises:
        AzureError: Azure refuses, or answers what is no page.
        StepFailed: the next page is not at our endpoint.
        ValueError: what came is not JSON.
    """
    url, version = path, api_version
    while url:
        response = await azure.send("GET", url, api_version=version)
        try:
            page = parsed(response.content)
        except RecursionError:
            raise ValueError("the answer nests too deeply") from None
        if not isinstance(page, dict) or not isinstance(page.get("value"), list):
            raise DecodeError("the answer is not a page of a list")
        yield page["value"]
        url, version = str(page.get("nextLink") or ""), ""
