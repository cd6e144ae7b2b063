"""Fragments of pages as server-sent events: what has changed since the page was drawn."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Protocol

from fastapi import Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from supersync_core.errors import SupersyncError
from supersync_core.services.incident_pages import IncidentPulse
from supersync_dagster.api.deps import context_of
from supersync_dagster.api.sse import PING_S, RETRY_MS, SEND_S
from supersync_dagster.web.health import DATABASE_AWAY, chips_now
from supersync_dagster.web.live import LOOK_S, LiveBoard, View
from supersync_dagster.web.render import fragment, surroundings


class Painter(Protocol):
    """Draws what leads from one view to another. One for each listener: it may remember what it has drawn."""

    def paint(self, view: View, seen: str | None, around: Mapping[str, Any]) -> Iterator[tuple[str | None, str]]:
        """Pairs of an event's name (None: to be swapped in) and its data. `seen`: the view that is shown, if known."""


class Still:
    """For a page that shows nothing of the board: it hears of health and incidents only."""

    def paint(self, view: View, seen: str | None, around: Mapping[str, Any]) -> Iterator[tuple[str | None, str]]:
        """Nothing."""
        return iter(())


def stream(
    request: Request, painter: Painter, *, page_path: str, tag: str | None, pulse: str = ""
) -> EventSourceResponse:
    """For one listener, from the view named `tag` on; what the browser saw last goes before it.

    `pulse`: the tag of the incidents that it has seen: it hears `incidents-changed` when they are others.
    """
    tag = request.headers.get("last-event-id") or tag
    return EventSourceResponse(
        _events(request, painter, page_path, tag, pulse),
        headers={"Cache-Control": "no-store"},
        ping=PING_S,
        send_timeout=SEND_S,
    )


async def _events(
    request: Request, painter: Painter, page_path: str, seen: str | None, pulse: str
) -> AsyncIterator[ServerSentEvent]:
    live: LiveBoard = request.app.state.live
    context = context_of(request)
    incidents = _Incidents(request, pulse)
    shown = None
    while True:
        around = surroundings(request, page_path=page_path)
        chips = chips_now(context)
        try:
            view = await live.coming()
        except SupersyncError:
            chips = DATABASE_AWAY
        else:
            if view.tag != seen:
                for event, data in painter.paint(view, seen, around):
                    yield ServerSentEvent(data, event=event, id=view.tag, retry=RETRY_MS)
                seen = view.tag
        if chips is not None and chips != shown:
            shown = chips
            yield ServerSentEvent(fragment("health_partial.html", chips=chips, **around), retry=RETRY_MS)
        for event, data in incidents.paint(around):
            yield ServerSentEvent(data, event=event, retry=RETRY_MS)
        await asyncio.sleep(LOOK_S)


class _Incidents:
    """What one listener hears of incidents: how many are open, and that they are others than it has seen."""

    def __init__(self, request: Request, seen: str) -> None:
        self._pulse: IncidentPulse = request.app.state.incidents
        self._seen, self._open = seen, -1

    def paint(self, around: Mapping[str, Any]) -> Iterator[tuple[str | None, str]]:
        pulse = self._pulse.soon()
        if pulse is None:
            return
        if pulse.open != self._open:
            self._open = pulse.open
            yield None, fragment("open_incidents_partial.html", open=pulse.open, **around)
        if self._seen and pulse.tag != self._seen:
            self._seen = pulse.tag
            yield "incidents-changed", pulse.tag
