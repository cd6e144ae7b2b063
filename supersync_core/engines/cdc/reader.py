"""Reading ahead: a thread of its own takes units from the source into a buffer that is bounded."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from supersync_core.connectors.changes import ChangeSource
from supersync_core.domain.change import Change, Position, Unit
from supersync_core.domain.streak import joined
from supersync_core.engines.cdc.settings import Settings

READ_S = 0.1
"""A read waits at most so long, so that a pause is obeyed and a confirmation sent within that time."""
BUFFERED_EVENTS = 32_768
"""Events that are read ahead (DeltaForge: event queue)."""
BUFFERED_BYTES = 64 << 20


@dataclass(frozen=True)
class Batch:
    """What is committed as one. `position`: of its end. `bytes`: as they came from the source."""

    changes: Sequence[Change]
    position: Position
    bytes: int


@dataclass
class _Buffer:
    """Units that were read and not taken."""

    units: deque[Unit] = field(default_factory=deque)
    events: int = 0
    bytes: int = 0

    def add(self, units: Sequence[Unit]) -> None:
        self.units.extend(units)
        self.events += sum(len(unit.changes) for unit in units)
        self.bytes += sum(unit.bytes for unit in units)

    def pop(self) -> Unit:
        unit = self.units.popleft()
        self.events -= len(unit.changes)
        self.bytes -= unit.bytes
        return unit

    @property
    def is_full(self) -> bool:
        return self.events >= BUFFERED_EVENTS or self.bytes >= BUFFERED_BYTES


class Reader:
    """The source's thread. The source is touched by no other one between `start` and `stop`, save for `cancel`."""

    def __init__(self, source: ChangeSource, settings: Settings) -> None:
        """Nothing is read yet; the source must be open when `start` is called."""
        self._source, self._settings = source, settings
        self._buffer, self._changed = _Buffer(), threading.Condition()
        self._error: BaseException | None = None
        self._stopping = self._paused = False
        self._confirmed: Position | None = None
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is in the buffer is dropped, as the log still has it."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._source.cancel()
        self._thread.join(10)

    def pause(self, paused: bool) -> None:
        """Read on or not; while not, the connection is kept alive."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def confirm(self, position: Position) -> None:
        """Tell the source soon that all up to `position` is stored."""
        with self._changed:
            self._confirmed = position
            self._changed.notify_all()

    def take(self, timeout_s: float) -> Batch | None:
        """The next batch; None when nothing came within that time. Raises what the source has raised.

        It waits for `max_ms` after the first unit for more, unless the batch is full.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not self._buffer.units:
                self._raise_error()
                left = deadline - time.monotonic()
                if left <= 0 or self._paused:
                    return None
                self._changed.wait(left)
            until = time.monotonic() + self._settings.max_ms / 1000
            while not self._is_enough() and (left := until - time.monotonic()) > 0 and self._error is None:
                self._changed.wait(left)
            batch = self._cut()
            self._changed.notify_all()
            return batch

    def _is_enough(self) -> bool:
        buffer, settings = self._buffer, self._settings
        return buffer.events >= settings.max_events or buffer.bytes >= settings.max_bytes

    def _cut(self) -> Batch:
        units: list[Unit] = []
        events = size = 0
        while self._buffer.units and events < self._settings.max_events and size < self._settings.max_bytes:
            unit = self._buffer.pop()
            units.append(unit)
            events, size = events + len(unit.changes), size + unit.bytes
        return Batch(joined(unit.changes for unit in units), units[-1].position, size)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while self._may_go_on():
                units = self._source.read(READ_S)
                with self._changed:
                    self._buffer.add(units)
                    self._changed.notify_all()
                self._confirm()
        except BaseException as error:  # it is raised where a batch is taken
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _may_go_on(self) -> bool:
        """Wait while the buffer is full or the pipeline paused; False: it is time to stop."""
        while True:
            with self._changed:
                if self._stopping:
                    return False
                if not self._paused and not self._buffer.is_full:
                    return True
                self._changed.wait(1.0)
            self._confirm()
            self._source.keep_alive()

    def _confirm(self) -> None:
        with self._changed:
            confirmed, self._confirmed = self._confirmed, None
        if confirmed is not None:
            self._source.confirm(confirmed)
