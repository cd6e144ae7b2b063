"""A request as the guard sees it, and how it is refused."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

from starlette._utils import get_route_path
from starlette.types import Scope

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Two of these would let one reader take the first and the next one the last.
_SINGLE = ("host", "origin", "content-type", "authorization", "content-length", "sec-fetch-site", "x-csrf-token")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}", re.ASCII)


@dataclass
class Refused(Exception):  # noqa: N818  # as the errors of the core are named
    """An answer that the guard gives in place of the application."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Visit:
    """One HTTP request or WebSocket."""

    def __init__(self, scope: Scope) -> None:
        """Read the headers. Those that may come but once and did not, are in `doubled`."""
        self.scope = scope
        self.is_websocket = scope["type"] == "websocket"
        self.method = "WEBSOCKET" if self.is_websocket else str(scope["method"])
        self.path = re.sub("/+", "/", "/" + get_route_path(scope))
        self.headers: dict[str, str] = {}
        self.doubled: list[str] = []
        for name, value in ((key.decode("latin-1").lower(), text.decode("latin-1")) for key, text in scope["headers"]):
            if name in self.headers and name in _SINGLE:
                self.doubled.append(name)
            # HTTP/2 clients and some proxies cut cookies into several headers.
            self.headers[name] = f"{self.headers[name]}; {value}" if name in self.headers else value
        given = self.headers.get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex

    @property
    def changes(self) -> bool:
        """Whether its method may change something."""
        return not self.is_websocket and self.method not in SAFE_METHODS

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; empty without one."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def remote(self) -> str:
        """The address of the other end."""
        client = self.scope.get("client")
        return str(client[0]) if client else "unknown"

    @property
    def wants_page(self) -> bool:
        """Whether a browser asks for a page, so that an error is better said on one."""
        return self.method == "GET" and "text/html" in self.headers.get("accept", "")

    def cookie(self, name: str) -> str | None:
        """The value of a cookie."""
        try:
            jar = SimpleCookie(self.headers.get("cookie", "")[:16_384])
        except CookieError:
            return None
        return jar[name].value if name in jar else None
