"""The table sync engine: bytes from a source's snapshot into a target's transaction.

open both ── lock target, read checkpoint ── plan ── COPY to | COPY from ── merge ── checkpoint ── commit
"""

import contextlib
import threading
import time
from dataclasses import replace

from supersync_core.connectors.base import OnStage, SinkSession, SourceSession, TableSink, TableSource, Write
from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.execution import Progress
from supersync_core.domain.table import TableName
from supersync_core.domain.table_sync import Mode, Stage, TableSync, TableSyncResult
from supersync_core.engines.pump import Pump, pumping
from supersync_core.engines.retry import retrying
from supersync_core.errors import Cancelled, Contention, SupersyncError

CANCEL_EVERY_S = 0.2
"""A cancel request that falls between two statements is lost, so it is repeated until the sync has ended."""


class TableSyncer:
    """Syncs tables from one source to one sink, one after the other, over one connection to each.

    All of them are read in one snapshot, as long as nothing has to be tried again. `cancel` and `progress` may be
    called from any thread, everything else from one.
    """

    def __init__(self, source: TableSource, sink: TableSink, on_stage: OnStage = lambda stage: None) -> None:
        """Nothing is connected yet."""
        self._source, self._sink = source, sink
        self._report = on_stage
        self._sessions: tuple[SourceSession, SinkSession] | None = None
        self._stack = contextlib.ExitStack()
        self._cancelled, self._idle = threading.Event(), threading.Event()
        self._pump: Pump | None = None
        self._progress = Progress(Stage.OPEN.value)
        self._started = time.monotonic()

    def __enter__(self) -> "TableSyncer":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close both connections."""
        self._disconnect()

    def tables(self, pattern: str) -> list[TableName]:
        """The source's tables that match `pattern`, such as `sales.*`."""
        return retrying(lambda: self._connect()[0].tables(pattern), self._sleep)

    def sync(self, sync: TableSync, *, full: bool = False) -> TableSyncResult:
        """Bring the target up to the source's snapshot.

        `full`: read every row this once, whatever the mode, and store the checkpoint all the same. Raises AbortError
        kinds, or the RetryError that was left after the last attempt; the target is then as it was.
        """
        if full:
            sync = replace(sync, reading=replace(sync.reading, mode=Mode.FULL, window=None))
        self._started, self._pump = time.monotonic(), None
        self._idle.clear()
        try:
            return retrying(lambda: self._attempt(sync), self._sleep)
        finally:
            self._idle.set()

    def cancel(self) -> None:
        """End the running sync within two seconds with Cancelled, and every later one at once."""
        if not self._cancelled.is_set():
            self._cancelled.set()
            threading.Thread(target=self._keep_cancelling, name="cancel", daemon=True).start()

    def progress(self) -> Progress:
        """Stage, rows, bytes and rows per second of the running sync. Costs one short query while rows flow."""
        pump, sessions, now = self._pump, self._sessions, self._progress
        copied = None
        if sessions and now.stage == Stage.COPY.value:
            # The server may be away just now; that is for the sync itself to find out.
            with contextlib.suppress(SupersyncError):
                copied = sessions[1].copied()
        rows = max(copied or 0, now.rows)
        seconds = max(time.monotonic() - self._started, 0.001)
        self._progress = Progress(self._progress.stage, rows, pump.bytes if pump else 0, round(rows / seconds, 1))
        return self._progress

    def _attempt(self, sync: TableSync) -> TableSyncResult:
        try:
            source, sink = self._connect()
            return self._sync(source, sink, sync)
        except BaseException:
            # A transaction that failed halfway is of no more use, on either side.
            self._disconnect()
            raise

    def _sync(self, source: SourceSession, sink: SinkSession, sync: TableSync) -> TableSyncResult:
        held = sink.lock(sync.target, sync.key)
        self._stage(Stage.LOCK)
        schema = source.describe(sync.source)
        self._stage(Stage.DESCRIBE)
        plan = source.plan(sync.source, schema, sync.reading, held.checkpoint)
        _refuse_older(held.checkpoint, plan.checkpoint)
        copy_format = source.formats(schema)[0]
        key = sync.primary_key or schema.primary_key
        write = Write(sync.target, schema, key, copy_format, plan.complete, sync.deletes)
        with pumping(lambda out: source.copy(plan, copy_format, out), source.cancel) as (self._pump, rows):
            counts = sink.write(write, rows, self._stage)
        moved = self._pump.bytes
        sink.commit(sync.target, sync.key, plan.checkpoint, self._stage)
        self._stage(Stage.COMMITTED)
        seconds = time.monotonic() - self._started
        self._progress = Progress(Stage.COMMITTED.value, counts.extracted, moved, round(counts.extracted / seconds, 1))
        return TableSyncResult(counts, moved, seconds, plan.complete, held.checkpoint, plan.checkpoint)

    def _connect(self) -> tuple[SourceSession, SinkSession]:
        if self._sessions is None:
            self._stage(Stage.CONNECT)
            source = self._stack.enter_context(self._source.open())
            sink = self._stack.enter_context(self._sink.open())
            self._sessions = (source, sink)
        return self._sessions

    def _disconnect(self) -> None:
        self._sessions = None
        self._stack.close()

    def _stage(self, stage: Stage) -> None:
        if self._cancelled.is_set() and stage is not Stage.COMMITTED:
            raise Cancelled("cancelled on request")
        self._progress = replace(self._progress, stage=stage.value)
        self._report(stage)

    def _sleep(self, seconds: float) -> None:
        if self._cancelled.wait(seconds):
            raise Cancelled("cancelled on request")

    def _keep_cancelling(self) -> None:
        while not self._idle.is_set():
            for session in self._sessions or ():
                session.cancel()
            self._idle.wait(CANCEL_EVERY_S)


def _refuse_older(stored: TableCheckpoint | None, ours: TableCheckpoint) -> None:
    """Raise Contention, so that a new snapshot is taken, when another sync has stored a younger one meanwhile."""
    if stored and stored.origin == ours.origin and stored.taken_at > ours.taken_at:
        raise Contention("another sync of this table has just finished; reading again", retry_after=0)
