"""Run a pipeline once: the same way for the CLI, a Dagster run and a schedule's tick.

The calling thread holds the lease and the lock and writes the progress; the work is done in a thread of its own.

    lock ── open ──┬── worker:  OPEN ── the engine's stages ── COMMIT (lease still ours?) ── COMMITTED
                   └── caller:  renew lease, note progress, see a cancel: every second ── CLOSE ── close
"""

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from tenacity import (
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_any,
    stop_when_event_set,
    wait_random_exponential,
)

from supersync_core.clock import utcnow
from supersync_core.connectors.base import OnStage
from supersync_core.connectors.config import ConnectorConfig
from supersync_core.domain.execution import Counts, ExecutionState, Progress, Trigger
from supersync_core.domain.table_sync import Stage
from supersync_core.errors import AbortError, Cancelled, LeaseLost, RetryError
from supersync_core.ledger.checkpoints import store_checkpoint
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.locks import PipelineLock
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.cdc.vault import Vault
from supersync_core.services.executions import (
    Outcome,
    conflict,
    error_record,
    finish_execution,
    get_execution,
    open_execution,
    renew_lease,
    start_execution,
)
from supersync_core.services.kinds import Means, refuse_unless_runnable, work_for
from supersync_core.services.launches import close_unlaunched, take_up
from supersync_core.services.lineage import record_lineage
from supersync_core.services.pipelines import get_pipeline
from supersync_core.services.reaper import close_orphan
from supersync_core.services.work import Done, Work

logger = logging.getLogger(__name__)
T = TypeVar("T")

BEAT_S = 1.0
"""The lease is renewed, the progress noted and a cancel seen this often."""
CANCEL_PATIENCE_S = 10.0
"""Engines end within two seconds of a cancel; one that does not cannot commit any more and is left behind."""
LEDGER_PATIENCE_S = 300.0
"""For so long a run that has something to tell the ledger asks again, so that a restart of it loses nothing."""


@dataclass(frozen=True)
class ExecutionReport:
    """What a run that succeeded did. `complete`: every row of the source was read."""

    execution_id: int
    public_id: uuid.UUID
    pipeline: str
    state: ExecutionState
    counts: Counts
    bytes: int
    seconds: float
    watermark_before: str | None
    watermark_after: str | None
    complete: bool


def run_pipeline(  # noqa: PLR0913  # one function for every way to start a run
    ledger: Ledger,
    connections: Mapping[str, ConnectorConfig],
    name: str,
    *,
    trigger: Trigger,
    execution_id: int | None = None,
    dagster_run_id: str | None = None,
    full: bool = False,
    vault: Callable[[], Vault] | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_stage: OnStage = lambda stage: None,
) -> ExecutionReport:
    """Run the pipeline `name` once, and close its execution however it ends.

    `execution_id`: the queued execution to take up; None: open one with `trigger`. `full`: read everything this once.
    `on_progress` is called every second in this thread, `on_stage` as each stage begins. Raises Conflict while another
    run goes on or has taken the execution up, Cancelled when that was cancelled, NotFound, and whatever the run failed
    with; a KeyboardInterrupt in this thread cancels the run and goes on up.
    """
    owner = f"supersync {socket.gethostname()[:24]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    with ExitStack() as stack:
        with _closed_unless_begun(ledger, execution_id, dagster_run_id):
            with ledger.begin() as session:
                pipeline = get_pipeline(session, name)
            refuse_unless_runnable(pipeline)
            lock = stack.enter_context(PipelineLock(ledger, pipeline.id, owner))
            held = lock.hold()
            with ledger.begin() as session:
                if not held:
                    raise conflict(session, pipeline)
                close_orphan(session, pipeline.id, at=utcnow())
                if execution_id is None:
                    queued = open_execution(
                        session, pipeline, trigger=trigger, at=utcnow(), dagster_run_id=dagster_run_id
                    )
                else:
                    queued = take_up(session, execution_id, pipeline, run_id=dagster_run_id)
                execution = start_execution(session, queued.id, owner=owner, at=utcnow())
        run = _Run(Means(ledger, connections, vault, full), pipeline, execution, lock, on_stage)
        return run.supervise(on_progress)


@contextmanager
def _closed_unless_begun(ledger: Ledger, execution_id: int | None, run_id: str | None) -> Iterator[None]:
    """Close the queued execution when its run gives up before it has begun: nobody else would take it up."""
    try:
        yield
    except AbortError as error:
        if execution_id is not None:
            with ledger.begin() as session:
                close_unlaunched(session, execution_id, error, at=utcnow(), run_id=run_id)
        raise


class _Worker:
    """The work, in a thread of its own. After `wait` says True, either `done` or `error` is set."""

    def __init__(self, work: Work) -> None:
        """Start it."""
        self.work = work
        self.done: Done | None = None
        self.error: BaseException | None = None
        self._ended = threading.Event()
        # Not waited for at exit: an engine that ignores a cancel must not keep the process alive.
        threading.Thread(target=self._run, name="work", daemon=True).start()

    def _run(self) -> None:
        try:
            self.done = self.work.run()
        except BaseException as error:  # it is raised in the caller's thread
            self.error = error
        finally:
            self._ended.set()

    def wait(self, seconds: float) -> bool:
        """Wait for so long; whether the work has ended."""
        return self._ended.wait(seconds)

    def stop(self) -> None:
        """Cancel the work and wait for its end."""
        self.work.cancel()
        if not self.wait(CANCEL_PATIENCE_S):
            logger.error("the work goes on %s s after its cancel; it is left behind", CANCEL_PATIENCE_S)


class _Run:
    """One execution that is ours."""

    def __init__(
        self, means: Means, pipeline: Pipeline, execution: Execution, lock: PipelineLock, on_stage: OnStage
    ) -> None:
        """Nothing happens yet."""
        self._means, self._ledger = means, means.ledger
        self._pipeline, self._execution, self._lock = pipeline, execution, lock
        self._owner = execution.lease_owner or ""
        self._on_stage = on_stage
        self._stopping = threading.Event()

    def supervise(self, on_progress: Callable[[Progress], None]) -> ExecutionReport:
        """Work, and close the execution as the work ended, not as we were interrupted."""
        worker, interruption = None, None
        try:
            self._on_stage(Stage.OPEN)
            worker = _Worker(work_for(self._pipeline, self._execution, self._means, self._stage))
            while not worker.wait(BEAT_S):
                self._beat(worker.work, on_progress)
        except BaseException as error:
            interruption = error
            self._stopping.set()
            if worker is not None:
                worker.stop()
        if worker is None or worker.done is None:
            cause = interruption or (worker.error if worker else None) or Cancelled("cancelled")
            self._fail(cause, worker)
            raise cause
        report = self._succeed(worker.work, worker.done)
        if interruption is not None:
            raise interruption
        return report

    def _beat(self, work: Work, on_progress: Callable[[Progress], None]) -> None:
        progress = work.progress()
        on_progress(progress)
        try:
            if not self._lock.hold():
                raise LeaseLost(f"another run of {self._pipeline.name} took over while the ledger was away")
            with self._ledger.begin() as session:
                cancelled = renew_lease(session, self._execution.id, owner=self._owner, progress=progress)
        except RetryError as error:
            # The work goes on: whether the lease is still ours is asked again before anything is committed.
            logger.warning("%s: no heartbeat: %s", self._pipeline.name, error)
            return
        if cancelled:
            work.cancel()

    def _stage(self, stage: Stage) -> None:
        """In the worker's thread. The lease comes last, so that a process frozen before it sees that it is gone."""
        self._on_stage(stage)
        if stage is Stage.COMMIT:
            with_patience(self._renew, self._stopping)

    def _renew(self) -> None:
        with self._ledger.begin() as session:
            renew_lease(session, self._execution.id, owner=self._owner)

    def _succeed(self, work: Work, done: Done) -> ExecutionReport:
        self._on_stage(Stage.CLOSE)
        outcome = Outcome(
            ExecutionState.SUCCEEDED, done.counts, done.bytes, done.watermark_before, done.watermark_after
        )
        closed = with_patience(lambda: self._close(outcome, work, done))
        return ExecutionReport(
            execution_id=closed.id,
            public_id=closed.public_id,
            pipeline=self._pipeline.name,
            state=closed.state,
            counts=done.counts,
            bytes=done.bytes,
            seconds=closed.seconds or 0.0,
            watermark_before=done.watermark_before,
            watermark_after=done.watermark_after,
            complete=done.complete,
        )

    def _fail(self, error: BaseException, worker: _Worker | None) -> None:
        if isinstance(error, LeaseLost):
            return  # whoever took the execution over has closed it
        asked_for = isinstance(error, Cancelled) or not isinstance(error, Exception)
        state = ExecutionState.CANCELLED if asked_for else ExecutionState.FAILED
        moved = worker.work.progress().bytes if worker else 0
        outcome = Outcome(state, bytes=moved, error=error_record(error))
        try:
            with_patience(lambda: self._close(outcome))
        except LeaseLost as lost:
            logger.warning("%s: %s", self._pipeline.name, lost)

    def _close(self, outcome: Outcome, work: Work | None = None, done: Done | None = None) -> Execution:
        at, pipeline_id = utcnow(), self._pipeline.id
        with self._ledger.begin() as session:
            closed = get_execution(session, self._execution.id)
            if closed.state is outcome.state:
                return closed  # written before, when the ledger's answer was lost
            closed = finish_execution(session, self._execution.id, outcome, at=at, owner=self._owner)
            if work is not None and done is not None:
                if done.position is not None:
                    store_checkpoint(session, pipeline_id, done.position, execution_id=closed.id, at=at)
                record_lineage(session, pipeline_id, work.sources, work.targets, at=at)
        return closed


def with_patience(call: Callable[[], T], stopping: threading.Event | None = None) -> T:
    """Call the ledger until it answers, for five minutes or until `stopping`; then raise what it said last."""
    stopping = stopping or threading.Event()
    retry = Retrying(
        retry=retry_if_exception_type(RetryError),
        stop=stop_any(stop_after_delay(LEDGER_PATIENCE_S), stop_when_event_set(stopping)),
        wait=wait_random_exponential(multiplier=0.2, max=2),
        sleep=sleep_using_event(stopping),
        reraise=True,
    )
    return retry(call)
