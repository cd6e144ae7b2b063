"""Imports the calls of a span: window by window, each with its own checkpoint, several at once.

    windows ──┬── worker: read a page ── keep what failed ── may we still? ── write page, checkpoint ── tell ──┬── done
              └── worker: ...                                                                                  ┘

The target commits a page together with how far its window is, so a run that was killed at any moment is gone on with
from there: no call is lost, and none is counted twice.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

from supersync_core.connectors.calls import CallSink, CallSource
from supersync_core.domain.historical_sync import CallCounts, FailedRecord, Span, Window, WindowState
from supersync_core.engines.retry import retrying
from supersync_core.errors import Cancelled

T = TypeVar("T")


class CallJournal(Protocol):
    """Hears how the import goes. Any thread may call; what it raises ends the import."""

    def total(self, count: int | None) -> None:
        """So many calls there will be; None: nobody knows."""

    def keep(self, window: str, failed: Sequence[FailedRecord]) -> None:
        """These records are no calls. They may come again after an interruption."""

    def permit(self) -> None:
        """A page is about to be written. Raises LeaseLost when that is not ours to do any more."""

    def tell(self, counts: CallCounts) -> None:
        """So much is committed in all. Never less than before."""


@dataclass(frozen=True)
class ImportSettings:
    """What is imported, and how: windows of at most `size`, `workers` at once."""

    span: Span
    size: timedelta = timedelta(days=1)
    workers: int = 1


class CallImporter:
    """One import. `cancel` may be called from any thread."""

    def __init__(self, source: CallSource, connect: Callable[[], CallSink], journal: CallJournal) -> None:
        """`connect` makes a connection to the target. Nothing is asked yet."""
        self._source, self._connect, self._journal = source, connect, journal
        self._lock = threading.Lock()
        self._states: dict[str, WindowState] = {}
        self._sinks: set[CallSink] = set()
        self._stopping = threading.Event()
        self._cancelled = False

    @property
    def counts(self) -> CallCounts:
        """What is committed by now."""
        with self._lock:
            return self._sum()

    def run(self, settings: ImportSettings) -> CallCounts:
        """Import all of it; what is committed in the end. Raises Cancelled after `cancel`."""
        try:
            self._begin(settings.span)
            windows = self._retrying(lambda: self._source.windows(settings.span, settings.size))
            waiting = SimpleQueue[Window]()
            for window in windows:
                if not self._states.get(window.name, WindowState()).done:
                    waiting.put(window)
            self._work(waiting, min(settings.workers, waiting.qsize()))
            self._retrying(self._forget)
        finally:
            self._source.close()
        return self.counts

    def cancel(self) -> None:
        """Let `run` end within two seconds."""
        self._cancelled = True
        self._stop()

    def _begin(self, span: Span) -> None:
        """See what an earlier run has committed, and how much there is in all."""
        self._states.update(self._retrying(self._committed))
        self._journal.tell(self.counts)
        self._journal.total(self._retrying(lambda: self._source.count(span)))

    def _work(self, waiting: "SimpleQueue[Window]", workers: int) -> None:
        with ThreadPoolExecutor(max(workers, 1), "calls") as pool:
            futures = [pool.submit(self._empty, waiting) for _ in range(workers)]
            wait(futures, return_when=FIRST_EXCEPTION)
            errors = [error for one in futures if one.done() and (error := one.exception()) is not None]
            if errors:
                self._stop()
        if self._cancelled:
            raise Cancelled("cancelled on request")
        if errors:
            raise errors[0]

    def _empty(self, waiting: "SimpleQueue[Window]") -> None:
        """Import windows until none is left."""
        while not self._stopping.is_set():
            try:
                window = waiting.get_nowait()
            except Empty:
                return
            self._retrying(partial(self._import, window))

    def _import(self, window: Window) -> None:
        """Import what is left of a window, over a connection of its own."""
        with self._connected() as sink:
            # After an interruption only the target knows whether the last page was committed.
            state = sink.windows().get(window.name, WindowState())
            self._note(window, state)
            for page in self._source.read(window, state.position):
                self._journal.keep(window.name, page.failed)
                self._journal.permit()
                self._raise_if_stopped()
                state = sink.write(window.name, page, state)
                self._note(window, state)
            sink.finish(window.name, state)

    def _committed(self) -> Mapping[str, WindowState]:
        with self._connected() as sink:
            return sink.windows()

    def _forget(self) -> None:
        with self._connected() as sink:
            sink.forget()

    @contextmanager
    def _connected(self) -> Iterator[CallSink]:
        """A connection that `cancel` reaches."""
        sink = self._connect()
        with self._lock:
            self._sinks.add(sink)
        try:
            self._raise_if_stopped()
            yield sink
        finally:
            with self._lock:
                self._sinks.discard(sink)
            sink.close()

    def _note(self, window: Window, state: WindowState) -> None:
        with self._lock:
            self._states[window.name] = state
            # Within the lock: what is told never goes back.
            self._journal.tell(self._sum())

    def _sum(self) -> CallCounts:
        return sum((state.counts for state in self._states.values()), CallCounts())

    def _retrying(self, attempt: Callable[[], T]) -> T:
        def once() -> T:
            self._raise_if_stopped()
            return attempt()

        return retrying(once, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def _raise_if_stopped(self) -> None:
        if self._stopping.is_set():
            raise Cancelled("cancelled on request")

    def _stop(self) -> None:
        self._stopping.set()
        self._source.cancel()
        with self._lock:
            sinks = list(self._sinks)
        for sink in sinks:
            sink.cancel()
