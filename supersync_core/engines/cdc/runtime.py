"""One CDC pipeline while it runs: it reads, processes, delivers, commits, until it is told to end.

`run` works in the caller's thread; the reader and each sink have threads of their own. Wishes (`pause`, `stop`) may
come from any thread.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from enum import Enum
from typing import Any

from supersync_core.connectors.changes import ChangeSink, ChangeSource
from supersync_core.domain.change import Change, Position
from supersync_core.domain.streak import first_transaction
from supersync_core.engines.cdc.committing import is_committed, raise_failure, replay_from
from supersync_core.engines.cdc.delivery import Courier, Delivered
from supersync_core.engines.cdc.flight import Flight, send
from supersync_core.engines.cdc.journal import DeadLetter, Journal, QueueFull
from supersync_core.engines.cdc.reader import Batch, Reader
from supersync_core.engines.cdc.replaying import Replays
from supersync_core.engines.cdc.sensing.config import SensingConfig
from supersync_core.engines.cdc.sensing.observer import Observer
from supersync_core.engines.cdc.settings import Settings
from supersync_core.engines.cdc.tally import Tally
from supersync_core.errors import AbortError, RetryError, SupersyncError

TAKE_S = 0.1
STOP_PATIENCE_S = 3.0
"""When it is told to end, sinks have so long for what they were given; what they have not got is read again."""
REPORT_S = 1.0
"""How it goes is said so often, and at once when something changes."""
FULL_S = 1.0
"""With a full queue of dead letters that blocks, it is tried again so often."""

Process = Callable[[Sequence[Change]], Sequence[Change]]
"""A step between source and sinks: events in, events out. Raises AbortError when it cannot go on."""


class Stage(str, Enum):
    """Where a death may happen; `on_stage` is called as each begins."""

    OPEN = "open"
    TAKEN = "taken"
    PROCESSED = "processed"
    DELIVERED = "delivered"
    COMMITTED = "committed"
    CONFIRMED = "confirmed"
    CLOSE = "close"


class Runtime:
    """A source, what is done to its events, and its sinks."""

    def __init__(  # noqa: PLR0913  # the parts of a pipeline
        self,
        source: ChangeSource,
        sinks: Sequence[ChangeSink],
        journal: Journal,
        settings: Settings,
        *,
        steps: Sequence[Process] = (),
        sensing: SensingConfig | None = None,
        on_stage: Callable[[Stage], None] = lambda stage: None,
    ) -> None:
        """Nothing is connected yet. `sensing` None: nobody looks at what the events look like."""
        self._source, self._sinks, self._journal, self._settings = source, sinks, journal, settings
        self._steps, self._observer, self._on_stage = steps, Observer(sensing, journal), on_stage
        self.tally = Tally()
        self._couriers: list[Courier] = []
        self._reader: Reader | None = None
        self._stopping, self._paused, self._trouble = threading.Event(), threading.Event(), threading.Event()
        self._replays = Replays(journal)
        self._position: Position | None = None
        self._flights: deque[Flight] = deque()
        self._reported, self._settled, self._stop_at = 0.0, 0.0, float("inf")
        self._full = False

    def stop(self) -> None:
        """Deliver and commit what was taken, then end. From any thread."""
        self._stop_at = time.monotonic() + STOP_PATIENCE_S
        self._stopping.set()

    def pause(self, paused: bool) -> None:
        """Take nothing more, or go on; the connection is kept. From any thread."""
        (self._paused.set if paused else self._paused.clear)()
        if self._reader is not None:
            self._reader.pause(paused)

    def run_forever(self) -> Tally:
        """Run until `stop`. Raises RetryError when the source is lost (start again), AbortError when all is over."""
        return self._run(lambda: False)

    def drain_until(self, position: Position) -> Tally:
        """The same until everything up to `position` is committed."""
        return self._run(lambda: self.tally.position is not None and self.tally.position >= position)

    def _run(self, is_done: Callable[[], bool]) -> Tally:
        try:
            self._open()
            while not is_done() and not self._stopping.is_set():
                self._step()
            self._land(0)
            self._settle(finish=True)
            self._report(last=True)
            self._observer.keep()
        except SupersyncError:
            # What the sinks have of it by now need not come again.
            self._stop_at = time.monotonic() + STOP_PATIENCE_S
            with contextlib.suppress(SupersyncError):
                self._land(0)
            raise
        finally:
            self._close()
        return self.tally

    def _open(self) -> None:
        self._on_stage(Stage.OPEN)
        saved = self._journal.checkpoints()
        tables = self._source.tables()
        for sink in self._sinks:
            courier = Courier(sink, saved.get(sink.id), self._settings.deadline_s, self._trouble.set)
            self._couriers.append(courier)
            try:
                courier.has = sink.open(tables) or courier.has
            except SupersyncError as error:
                if sink.required:
                    raise
                courier.leave_out(f"{type(error).__name__}: {error}")
        begin = self._source.open(replay_from({courier.sink.id: courier.has for courier in self._couriers}))
        self._position = begin
        self._begin(begin)
        self._observer.open()
        self._reader = Reader(self._source, self._settings)
        self._reader.pause(self._paused.is_set())
        self._reader.start()

    def _begin(self, begin: Position) -> None:
        """Note from where sinks get what comes that have nothing yet: should they fail, it is theirs all the same."""
        new = [courier for courier in self._couriers if courier.has is None]
        for courier in new:
            courier.has = begin
        if new:
            positions = {courier.sink.id: begin for courier in new}
            self._patiently(lambda: self._journal.commit(positions, [], events=0, bytes=0))

    def _step(self) -> None:
        """Take a batch and send it on its way; land what has arrived."""
        assert self._reader is not None
        batch = None if self._paused.is_set() else self._reader.take(TAKE_S)
        if batch is not None:
            self._on_stage(Stage.TAKEN)
            self._flights.append(self._send(batch))
        elif self._paused.is_set():
            self._stopping.wait(TAKE_S)
        elif not self._flights:
            self._send_again()
        # The next batch is taken while the sinks are at work on those before it.
        self._land(self._settings.max_inflight if batch is not None else 0)
        if batch is None and time.monotonic() - self._settled >= REPORT_S:
            self._settle(finish=False)
        self._report()

    def _send(self, batch: Batch) -> Flight:
        changes: Sequence[Change] = batch.changes
        for step in self._steps:
            changes = step(changes)
        self._observer.look(changes)
        self._on_stage(Stage.PROCESSED)
        self._position = batch.position
        return send(self._couriers, batch, changes, self._replays.take(self._couriers, batch.position, is_new=True))

    def _send_again(self) -> None:
        """Dead letters, while nothing else comes."""
        assert self._position is not None
        again = self._replays.take(self._couriers, self._position, is_new=False)
        if again:
            self._flights.append(send(self._couriers, Batch((), self._position, 0), (), again))

    def _land(self, in_flight: int) -> None:
        """Wait until at most so many batches are on their way, and commit the others in order."""
        while len(self._flights) > in_flight:
            flight = self._flights.popleft()
            delivered = [self._wait(delivery) for delivery in flight.deliveries]
            self._on_stage(Stage.DELIVERED)
            if is_committed(delivered, self._settings.policy, self._settings.quorum):
                self._replays.land(flight.again, delivered, flight.batch.position)
                self._commit(flight.batch, delivered)
                continue
            # What comes after a batch that is not committed is not committed either.
            self._flights.clear()
            if not self._stopping.is_set():
                raise_failure(delivered)

    def _wait(self, delivery: "Future[Delivered]") -> Delivered:
        while True:
            with contextlib.suppress(TimeoutError):
                return delivery.result(REPORT_S)
            self._report()
            if time.monotonic() > self._stop_at:
                for courier in self._couriers:
                    courier.give_up()

    def _settle(self, *, finish: bool) -> None:
        """Let sinks that lag store what is due, or all they have, and commit that."""
        self._settled = time.monotonic()
        settled = [self._wait(courier.settle(finish)) for courier in self._couriers if courier.lags]
        if settled:
            self._store(settled, [], events=0, bytes=0)
        for one in settled:
            if one.error is not None and one.sink.required and not self._stopping.is_set():
                raise_failure([one])

    def _commit(self, batch: Batch, delivered: Sequence[Delivered]) -> None:
        dead = [
            DeadLetter(one.sink.id, refused, batch.position)
            for one in delivered
            for refused in one.refused
            if not refused.put_aside
        ]
        self._store(delivered, dead, events=len(batch.changes), bytes=batch.bytes)
        self.tally.add(batch, delivered)

    def _store(self, delivered: Sequence[Delivered], dead: Sequence[DeadLetter], *, events: int, bytes: int) -> None:
        """Store how far each sink is, and confirm to the source what all have."""
        positions = {
            one.sink.id: max(one.stored, courier.has or one.stored)
            for one in delivered
            for courier in self._couriers
            if courier.sink is one.sink and one.error is None and one.stored is not None
        }
        has = {one.sink.id: one.has for one in self._couriers if one.has is not None} | positions
        done = self._replays.take_done(has)
        self._patiently(lambda: self._journal.commit(positions, dead, events=events, bytes=bytes, replayed=done))
        for courier in self._couriers:
            courier.has = has.get(courier.sink.id)
        self._on_stage(Stage.COMMITTED)
        assert self._reader is not None
        # Every sink's, also of those that are left out: they will want it after a restart.
        self._reader.confirm(min(courier.has for courier in self._couriers if courier.has is not None))
        self._on_stage(Stage.CONFIRMED)

    def _patiently(self, store: Callable[[], None]) -> None:
        """Until it is stored: a ledger that is away, and a full queue, hold the pipeline up and end nothing."""
        while True:
            try:
                store()
            except QueueFull:
                self._full = True
                self._trouble.set()
            except RetryError:
                if self._stopping.is_set():
                    raise
            else:
                self._full = False
                return
            self._report()
            if self._stopping.wait(FULL_S) and self._full:
                raise AbortError("the dead letter queue is full: take something out, then resume")

    def _report(self, *, last: bool = False) -> None:
        """Say how it goes, every second, when something has changed, and as the last word."""
        now = time.monotonic()
        if not last and now - self._reported < REPORT_S and not self._trouble.is_set():
            return
        self._reported = now
        self._trouble.clear()
        with contextlib.suppress(RetryError):
            self._journal.report(self.status())
            self._observer.keep(now)
            self._replays.look(self._couriers)

    def status(self) -> Mapping[str, Any]:
        """Errors by sink, whether the queue of dead letters holds it up, and how far it is behind the source."""
        return {
            "sink_errors": {courier.sink.id: courier.error for courier in self._couriers if courier.error},
            "blocked_by_dead_letters": self._full,
            "paused": self._paused.is_set(),
            "lag_seconds": self._lag_s(),
            "last_ts_ms": self.tally.last_ts_ms,
            "counters": self.tally.counters(),
        }

    def _lag_s(self) -> float:
        """Age of the oldest event that is on its way; without one, how late those of the last moment were committed."""
        waiting = next((flight.batch.changes for flight in self._flights if flight.batch.changes), None)
        if waiting is not None:
            return max(0.0, round(time.time() - first_transaction(waiting).ts_ms / 1000, 3))
        return self.tally.lag_s if time.monotonic() - self.tally.moved_at < 2 * REPORT_S else 0.0

    def _close(self) -> None:
        self._on_stage(Stage.CLOSE)
        if self._reader is not None:
            self._reader.stop()
        for courier in self._couriers:
            courier.end()
        self._source.close()
