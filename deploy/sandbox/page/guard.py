"""Who may talk to the page: a browser on this machine that shows this very page, and nobody else.

The page can start machines and kill processes, so another site open in the same browser must not reach it,
neither by a form (``Origin``) nor by a name that it lets point to 127.0.0.1 (``Host``).
"""

from urllib.parse import urlsplit

from aiohttp import web

from deploy.sandbox.faults import Handler

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; object-src 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what does not come from this page."""
    problem = refusal(request)
    if problem:
        return web.json_response({"error": problem}, status=403, headers=HEADERS)
    return await handler(request)


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on an answer, a streamed one too."""
    response.headers.update(HEADERS)


def refusal(request: web.Request) -> str:
    """Why a request is not taken, as a sentence; empty if it is."""
    try:
        host = urlsplit(f"//{request.host}")
        own_port = host.port
    except ValueError:
        return "The Host header cannot be read."
    if host.hostname not in LOOPBACK_NAMES:
        return f"This page answers to 127.0.0.1 and localhost, not to {request.host[:100]!r}."
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        return f"This page takes requests from itself only, not from {origin[:100]!r}."
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return "This page takes requests from itself only."
    del own_port  # read for its ValueError: a port that is no number
    if request.method != "GET" and request.content_type != "application/json":
        return "Send JSON, with its Content-Type: a form of another site cannot."
    return ""
