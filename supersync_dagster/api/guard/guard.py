"""The middleware around the whole web server, Dagster's routes included.

Everything passes here: the name by which we are called, the page that asks, the token, the role for Dagster's own
writing routes, the size of the body; and every change and every refusal leaves an entry in the audit.
"""

import hmac
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette._utils import get_route_path
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from supersync_core.domain.access import Role
from supersync_core.errors import RetryError
from supersync_core.services.authentication import Credential
from supersync_dagster.api.auth import CSRF, IDENTITY, PERIMETER, REQUEST_ID, TRAIL, Trail
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.guard.answers import HOME, LOGIN, LOGOUT, add_headers, refuse
from supersync_dagster.api.guard.bodies import MAX_BODY, MAX_LARGE_BODY, read_body, replayed
from supersync_dagster.api.guard.graphql import NONE, Mutations, mutations_in_body, mutations_in_url
from supersync_dagster.api.guard.perimeter import FOREIGN, Perimeter
from supersync_dagster.api.guard.streams import StreamWatch, SubscriptionsOnly
from supersync_dagster.api.guard.visit import Refused, Visit

_DENIED = frozenset({401, 403, 415, 421, 429})
_EVENTS = "/api/v1/lineage"
"""Below this OpenLineage events come in."""


def wrap(app: ASGIApp, context: ApiContext, *, host: str, path_prefix: str = "") -> ASGIApp:
    """The guard around `app`, which listens on `host` and has Dagster's routes below `path_prefix`.

    Raises ConfigError when others than this machine would reach it and no authentication is configured.
    """
    return Guard(app, Perimeter(context, host), path_prefix.rstrip("/"))


@dataclass
class Admitted:
    """What the application is given in place of what came."""

    scope: Scope
    receive: Receive
    mutations: Mutations = NONE
    reads: bool = False


class Guard:
    """ASGI middleware for HTTP and WebSocket."""

    def __init__(self, app: ASGIApp, perimeter: Perimeter, path_prefix: str) -> None:
        """Stand before `app`."""
        self._app, self._perimeter = app, perimeter
        self._graphql = f"{path_prefix}/graphql"
        self._reports = f"{path_prefix}/report_asset_"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        visit = Visit(scope)
        scope.update({REQUEST_ID: visit.request_id, TRAIL: Trail(), PERIMETER: self._perimeter})
        try:
            credential = await self._identify(visit)
            admitted = await self._admit(visit, receive)
        except RetryError as error:
            refused = Refused(503, "UNAVAILABLE", str(error), {"Retry-After": "5"})
            await refuse(visit, refused, send, {})
        except Refused as refused:
            if refused.status in _DENIED and refused.status != 429:
                await self._perimeter.write_down(visit, visit.method, visit.path, refused.status)
            await refuse(visit, refused, send, {})
        else:
            watch = StreamWatch(self._perimeter, credential)
            if visit.is_websocket:
                await SubscriptionsOnly(self._app, self._perimeter, watch).serve(visit, receive, send)
            else:
                sender = watch.over(self._sender(visit, admitted, send, credential is not None))
                await self._app(admitted.scope, admitted.receive, sender)

    async def _identify(self, visit: Visit) -> Credential | None:
        """Put the identity into the scope. Raises Refused for whom nobody should hear: strangers and their pages."""
        if visit.doubled:
            raise Refused(400, "BAD_REQUEST", f"the header {visit.doubled[0]} comes twice")
        perimeter = self._perimeter
        perimeter.origins.check_host(visit)
        if get_route_path(visit.scope) in FOREIGN and not visit.is_websocket:
            # Nobody to us, whatever is shown: so a page of any origin may ask.
            visit.scope[IDENTITY] = None
            return None
        if visit.is_websocket:
            perimeter.origins.check_not_foreign(visit)
        elif visit.changes:
            perimeter.origins.check_change(visit)
        identity, credential = await perimeter.identify(visit)
        visit.scope[IDENTITY] = identity
        if identity is not None and identity.via == "session":
            visit.scope[CSRF] = perimeter.csrf_token(visit)
            if (visit.changes or visit.is_websocket) and not perimeter.origins.is_own_page(visit):
                raise Refused(403, "CROSS_SITE", "a session's cookie counts only with what our own pages send")
        return credential

    def _check_csrf(self, visit: Visit, body: bytes) -> None:
        """Raise Refused for what comes from a page of ours without its token, as a header or as a field of a form."""
        if CSRF not in visit.scope or not visit.path.startswith(f"{HOME}/") or visit.path in (LOGIN, LOGOUT):
            return
        given = visit.headers.get("x-csrf-token", "")
        if not given and visit.media_type == "application/x-www-form-urlencoded":
            given = parse_qs(body.decode("latin-1")).get("csrf_token", [""])[0]
        if not hmac.compare_digest(given.encode(), visit.scope[CSRF].encode()):
            raise Refused(403, "CSRF", "the page is too old, or its token is missing: load it again")

    async def _admit(self, visit: Visit, receive: Receive) -> Admitted:
        """What the application gets. Raises Refused for what the identity may not do with Dagster."""
        if visit.path.rstrip("/") == self._graphql and not visit.is_websocket:
            return await self._admit_graphql(visit, receive)
        if not visit.changes:
            return Admitted(visit.scope, receive, reads=True)
        reports = visit.path.startswith(self._reports)
        if reports:
            self._require(visit, Role.OPERATOR)
        large = reports or visit.path.startswith(_EVENTS)
        body = await read_body(visit, receive, MAX_LARGE_BODY if large else MAX_BODY)
        self._check_csrf(visit, body)
        return Admitted(visit.scope, replayed(body, receive))

    async def _admit_graphql(self, visit: Visit, receive: Receive) -> Admitted:
        if visit.method != "POST":
            # Dagster would execute it: a link, or an image on the page of a stranger, would be enough.
            if mutations_in_url(visit.scope.get("query_string", b"")).fields:
                raise Refused(405, "METHOD_NOT_ALLOWED", "mutations need POST", {"Allow": "POST"})
            return Admitted(visit.scope, receive, reads=True)
        if visit.media_type != "application/json":
            raise Refused(415, "UNSUPPORTED_MEDIA_TYPE", "GraphQL comes as JSON, with Content-Type: application/json")
        body = await read_body(visit, receive, MAX_LARGE_BODY)
        mutations = await run_in_threadpool(mutations_in_body, body)
        if mutations.fields:
            self._require(visit, mutations.role)
        # Dagster reads the query from the URL where it does not like the content type: it gets no choice.
        headers = [(name, value) for name, value in visit.scope["headers"] if name.lower() != b"content-type"]
        scope = {**visit.scope, "query_string": b"", "headers": [*headers, (b"content-type", b"application/json")]}
        return Admitted(scope, replayed(body, receive), mutations, reads=not mutations.fields)

    def _require(self, visit: Visit, role: Role) -> None:
        identity = visit.scope[IDENTITY]
        if identity is None or identity.role < role:
            raise Refused(403, "FORBIDDEN", f"this needs the role {role.word}")

    def _sender(self, visit: Visit, admitted: Admitted, send: Send, private: bool) -> Send:
        """A `send` that adds headers, and writes into the audit before the client sees that something was done."""

        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._write_down(visit, admitted, message["status"])
                add_headers(visit, message, private)
            await send(message)

        return sender

    async def _write_down(self, visit: Visit, admitted: Admitted, status: int) -> None:
        trail: Trail = visit.scope[TRAIL]
        if trail.settled or (admitted.reads and status not in _DENIED):
            return
        if trail.recorded and status < 400:
            return  # in the transaction that has just been committed
        for field in admitted.mutations.fields:
            await self._perimeter.write_down(visit, f"dagster.{field}", admitted.mutations.name, status)
        if not admitted.mutations.fields:
            await self._perimeter.write_down(visit, visit.method, visit.path, status)
