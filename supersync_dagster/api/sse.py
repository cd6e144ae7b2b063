"""Event streams that all show the same thing: one look for all listeners."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager

from sse_starlette import EventSourceResponse

from supersync_core.errors import SupersyncError

logger = logging.getLogger(__name__)

RETRY_MS = 5_000
"""A client whose stream broke comes back after this time."""
PING_S = 15
"""Proxies close what is silent for longer than a minute."""
SEND_S = 30.0
"""A client that takes nothing for so long has gone."""

# A comment, without the empty line after it: for httpx-sse that would be an event without data.
_PING = b": ping\r\n"


class Broadcast:
    """Sends what `look` returns to every listener: at once, whenever it has changed, and every `every_s` seconds.

    While somebody listens, one task looks every `look_s`. A listener that is slow misses what was between, not the
    newest. Belongs to one event loop.
    """

    def __init__(self, event: str, look: Callable[[], Awaitable[bytes]], *, look_s: float, every_s: float) -> None:
        """Nobody listens yet. `look` returns one line of text."""
        self._event, self._look, self._look_s, self._every_s = event, look, look_s, every_s
        self._listeners = 0
        self._task: asyncio.Task[None] | None = None
        self._number, self._data, self._sent_at = 0, b"", 0.0
        self._changed = asyncio.Event()

    def response(self) -> EventSourceResponse:
        """A stream for one listener."""
        return EventSourceResponse(
            self._events(),
            headers={"Cache-Control": "no-store"},
            ping=PING_S,
            ping_message_factory=lambda: _PING,  # type: ignore[arg-type, return-value]  # bytes go out as they are
            send_timeout=SEND_S,
        )

    async def _events(self) -> AsyncIterator[bytes]:
        with self._listening():
            seen, retry = 0 if self._data else self._number, b"retry: %d\r\n" % RETRY_MS
            while True:
                while seen == self._number:
                    await self._changed.wait()
                seen = self._number
                yield b"id: %d\r\nevent: %s\r\n%sdata: %s\r\n\r\n" % (seen, self._event.encode(), retry, self._data)
                retry = b""

    @contextmanager
    def _listening(self) -> Iterator[None]:
        self._listeners += 1
        if self._task is None:
            self._task = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            self._listeners -= 1
            if not self._listeners and self._task is not None:
                self._task.cancel()
                # Who comes next waits for a look, and is not shown what was so long ago.
                self._task, self._data = None, b""

    async def _look_on(self) -> None:
        while True:
            begun = time.monotonic()
            try:
                self._publish(await self._look())
            except SupersyncError as error:
                # Streams stay open: what is there again later is shown again.
                logger.warning("nothing to send: %s", error)
            await asyncio.sleep(max(0.0, begun + self._look_s - time.monotonic()))

    def _publish(self, data: bytes) -> None:
        now = time.monotonic()
        if data == self._data and now - self._sent_at + self._look_s / 2 < self._every_s:
            return
        self._number, self._data, self._sent_at = self._number + 1, data, now
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
