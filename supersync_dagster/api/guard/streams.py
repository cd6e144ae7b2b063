"""Connections that stay open: they end soon after the right to them has ended, and change nothing."""

import json
import time

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Send

from supersync_core.errors import RetryError
from supersync_core.services.authentication import Credential
from supersync_dagster.api.guard.graphql import mutations_in_request
from supersync_dagster.api.guard.perimeter import Perimeter
from supersync_dagster.api.guard.visit import Refused, Visit

RECHECK_S = 15.0
"""So long may a stream go on after its token was revoked."""


class StreamWatch:
    """Looks now and then whether the credential with which a stream began is still somebody's."""

    def __init__(self, perimeter: Perimeter, credential: Credential | None) -> None:
        """`credential` None: nobody was asked for one."""
        self._perimeter, self._credential = perimeter, credential
        self._looked_at = time.monotonic()

    async def has_ended(self) -> bool:
        """Whether the right to this stream is over."""
        if self._credential is None or time.monotonic() - self._looked_at < RECHECK_S:
            return False
        self._looked_at = time.monotonic()
        try:
            return await self._perimeter.known(self._credential) is None
        except RetryError:
            return False  # the ledger is away: the next look will tell

    def over(self, send: Send) -> Send:
        """A `send` that ends the answer when the right to it is over."""
        ended = False

        async def watched(message: Message) -> None:
            nonlocal ended
            if ended:
                return
            if message["type"] == "http.response.body" and message.get("more_body") and await self.has_ended():
                ended = True
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        return watched


class SubscriptionsOnly:
    """Serves a WebSocket to Dagster's GraphQL on which nothing is asked to change."""

    def __init__(self, app: ASGIApp, perimeter: Perimeter, watch: StreamWatch) -> None:
        """Stand before `app`."""
        self._app, self._perimeter, self._watch = app, perimeter, watch
        self._closed = False

    async def serve(self, visit: Visit, receive: Receive, send: Send) -> None:
        """Let messages through until one of them is refused, or the right to the connection is over."""

        async def checked_receive() -> Message:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            try:
                await run_in_threadpool(_check_frame, message)
            except Refused as refused:
                await self._perimeter.write_down(visit, visit.method, visit.path, refused.status)
                return await self._close(send, refused.code)
            return message

        async def checked_send(message: Message) -> None:
            if self._closed:
                return
            if message["type"] == "websocket.send" and await self._watch.has_ended():
                await self._close(send, "UNAUTHENTICATED")
                return
            await send(message)

        await self._app(visit.scope, checked_receive, checked_send)

    async def _close(self, send: Send, reason: str) -> Message:
        if not self._closed:
            self._closed = True
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        return {"type": "websocket.disconnect", "code": 1008}


def _check_frame(message: Message) -> None:
    """Raise Refused for what is no JSON object, and for a mutation, in whatever kind of message."""
    try:
        frame = json.loads(message.get("text") or "")
    except (ValueError, RecursionError):
        raise Refused(400, "BAD_MESSAGE", "a message is JSON") from None
    if not isinstance(frame, dict):
        raise Refused(400, "BAD_MESSAGE", "a message is a JSON object")
    payload = frame.get("payload")
    if isinstance(payload, dict) and "query" in payload and mutations_in_request(payload).fields:
        raise Refused(403, "FORBIDDEN", "mutations need POST")
