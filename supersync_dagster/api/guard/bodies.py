"""Reading a request's body before the application does, within limits of size and time."""

import asyncio

from starlette.types import Message, Receive

from supersync_dagster.api.guard.visit import Refused, Visit

MAX_BODY = 1_000_000
MAX_LARGE_BODY = 16_000_000
"""Bytes: Dagster's own UI may send a run's whole configuration, and an OpenLineage event the plan of a query."""
BODY_S = 30.0
"""So long may a client take to send it."""


async def read_body(visit: Visit, receive: Receive, limit: int) -> bytes:
    """The whole body. Raises Refused for one that is too large or comes too slowly."""
    length = visit.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    try:
        return await asyncio.wait_for(_read(receive, limit), BODY_S)
    except asyncio.TimeoutError:
        raise Refused(408, "TOO_SLOW", f"the body did not arrive within {BODY_S:.0f} s") from None


async def _read(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "DISCONNECTED", "the client has gone")
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return bytes(body)


def _too_large(limit: int) -> Refused:
    return Refused(413, "TOO_LARGE", f"a body has at most {limit} bytes")


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, and then what comes after it."""
    first = True

    async def again() -> Message:
        nonlocal first
        if not first:
            return await receive()
        first = False
        return {"type": "http.request", "body": body, "more_body": False}

    return again
