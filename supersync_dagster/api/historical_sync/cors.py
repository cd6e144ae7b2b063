"""What lets pages of any origin call: headers on every answer, also where nobody has said an origin.

FastAPI's own middleware adds nothing then, and leaves a bare OPTIONS to be answered with 405.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READS = frozenset({"get-sync-status", "get-failed-calls"})
"""Functions that are asked with GET; the others with POST."""


class Cors:
    """Adds the headers."""

    def __init__(self, app: ASGIApp) -> None:
        """Around `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""

        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in cors_headers(scope["path"]).items():
                    headers[name] = value
                message["headers"] = headers.raw
            await send(message)

        await self._app(scope, receive, sender)


def cors_headers(path: str) -> dict[str, str]:
    """Those of a function's answers."""
    method = "GET" if path.rstrip("/").rpartition("/")[2] in READS else "POST"
    return {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Headers": "authorization, x-client-info, apikey, content-type",
        "Access-Control-Allow-Methods": f"{method}, OPTIONS",
        "Access-Control-Max-Age": "86400",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "no-store",
    }
