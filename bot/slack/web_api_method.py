"""What a request to Slack is called in metrics and traces."""

from yarl import URL

_WEB_API = "/api/"


def web_api_method(_method: str, url: URL) -> str:
    """Such as ``chat.postMessage``; ``response_url`` for an address that Slack gave with an interaction."""
    return url.name if url.path.startswith(_WEB_API) else "response_url"
