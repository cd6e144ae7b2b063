"""Answers of the guard itself, and the headers that every answer carries."""

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from supersync_dagster.api.guard.visit import Refused, Visit

HOME, LOGIN, LOGOUT = "/supersync", "/supersync/login", "/supersync/logout"
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'self'"
)
"""What one of our pages may load and run, unless it says so itself: nothing of another host, nothing inline."""
_PAGES = ("/supersync", "/api/docs")
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    # A page of a stranger must not lay ours under the mouse of somebody.
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def add_headers(visit: Visit, start: Message, private: bool) -> None:
    """Add to `http.response.start` what it does not say itself. `private`: not everybody may see this answer."""
    headers = MutableHeaders(raw=start["headers"])
    for name, value in _ALWAYS.items():
        headers.setdefault(name, value)
    headers["X-Request-ID"] = visit.request_id
    if private:
        headers.setdefault("Cache-Control", "private")
    if visit.path.startswith(_PAGES) and headers.get("content-type", "").startswith("text/html"):
        headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    if visit.path.endswith("/notebook"):
        # Dagster shows what somebody has written, with its scripts, as a page of this origin.
        headers["Content-Security-Policy"] = "sandbox allow-scripts"
    start["headers"] = headers.raw


def login_address(visit: Visit) -> str:
    """The login page, which afterwards leads to what was asked for."""
    query = visit.scope.get("query_string", b"").decode("latin-1")
    here = visit.path + (f"?{query}" if query else "")
    return LOGIN if here == "/" else f"{LOGIN}?{urlencode({'next': here})}"


async def refuse(visit: Visit, refused: Refused, send: Send, headers: Mapping[str, str]) -> None:
    """Answer in place of the application."""
    if visit.is_websocket:
        # Before it is accepted: the client sees a 403.
        await send({"type": "websocket.close", "code": 1008, "reason": refused.code})
        return
    if refused.status == 401 and visit.wants_page and "authorization" not in visit.headers:
        await _answer(visit, 303, b"", {"Location": login_address(visit), **headers}, send)
        return
    body = json.dumps({"code": refused.code, "message": refused.message}).encode()
    full = {"Content-Type": "application/json", "Cache-Control": "no-store", **refused.headers, **headers}
    await _answer(visit, refused.status, body, full, send)


async def _answer(visit: Visit, status: int, body: bytes, headers: Mapping[str, str], send: Send) -> None:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    start: Message = {
        "type": "http.response.start",
        "status": status,
        "headers": [*raw, (b"content-length", str(len(body)).encode())],
    }
    add_headers(visit, start, private=False)
    await send(start)
    await send({"type": "http.response.body", "body": b"" if visit.method == "HEAD" else body})
