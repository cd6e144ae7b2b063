"""What a CDC run does: it follows what is wanted of its pipeline, from one specification to the next."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from typing import NamedTuple

from sqlalchemy import Text, cast, func, select

from supersync_core.clock import utcnow
from supersync_core.connectors.changes import ChangeSink, SinkContext
from supersync_core.connectors.registry import load_change_sink
from supersync_core.domain.envelopes import Native
from supersync_core.domain.execution import Progress
from supersync_core.domain.pipeline import DesiredState
from supersync_core.engines.cdc.pace import streaming_pace
from supersync_core.engines.cdc.runtime import Runtime, Stage
from supersync_core.engines.cdc.steps import build_step
from supersync_core.engines.cdc.tally import Tally
from supersync_core.errors import Cancelled, RetryError
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.pipeline_status import put_status
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.cdc.journal import LedgerJournal, Run
from supersync_core.services.cdc.pipelines import stored_spec
from supersync_core.services.cdc.places import places
from supersync_core.services.cdc.sources import build_source
from supersync_core.services.cdc.spec import CdcSpec, sink_config
from supersync_core.services.cdc.vault import Vault
from supersync_core.services.cdc.windows import WINDOW, Windows
from supersync_core.services.lineage import record_lineage
from supersync_core.services.work import Done

logger = logging.getLogger(__name__)

VERSION = version("supersync")

WATCH_S = 0.1
"""What is wanted is looked at so often: a pause is obeyed within twice that."""
MAX_WAIT_S = 60.0
"""Between two starts, when a source or a sink cannot be reached (DeltaForge)."""


class Wanted(NamedTuple):
    """What is wanted of a pipeline, and as of which writing of its specification."""

    state: DesiredState
    spec_hash: str | None


class CdcWork:
    """A `Work` that ends when the pipeline is stopped, cancelled or deleted, or cannot go on."""

    def __init__(
        self,
        ledger: Ledger,
        pipeline: Pipeline,
        execution: Execution,
        vault: Vault,
        on_stage: Callable[[Stage], None] = lambda stage: None,
    ) -> None:
        """Nothing is connected yet. Raises ConfigError for secrets of another key."""
        self._ledger, self._vault, self._on_stage = ledger, vault, on_stage
        spec = stored_spec(pipeline, vault)
        began = execution.started_at or utcnow()
        owner = execution.lease_owner or ""
        self._run = Run(pipeline.id, execution.id, owner, spec.metadata.tenant, began)
        self._cancelled = threading.Event()
        self._runtime: Runtime | None = None
        self._past = Tally()
        self._windows = Windows(pipeline.id, execution.id, began, Tally())
        self.sources, self.targets = places(spec)

    def run(self) -> Done:
        """Stream until nobody wants it any more. Its windows have the counts. Raises Cancelled after `cancel`."""
        with streaming_pace():
            return self._run_on()

    def _run_on(self) -> Done:
        attempts = 0
        while (wanted := self._wanted()).state is not DesiredState.STOPPED:
            try:
                self._stream(wanted)
                attempts = 0
            except RetryError as error:
                attempts = 0 if self._has_moved() else attempts + 1
                self._say_trouble(error)
                self._sleep(error.retry_after or _seconds(attempts))
            finally:
                self._settle()
            if self._cancelled.is_set():
                raise Cancelled("cancelled on request")
        return Done()

    def cancel(self) -> None:
        """End within seconds: what the sinks have by then is committed."""
        self._cancelled.set()
        if self._runtime is not None:
            self._runtime.stop()

    def progress(self) -> Progress:
        """Events and bytes since the begin of the run."""
        now = self.tally()
        seconds = max((utcnow() - self._run.started_at).total_seconds(), 0.001)
        return Progress("running", now.events, now.bytes, round(now.events / seconds, 1))

    def tally(self) -> Tally:
        """What the run has done so far."""
        return _sum(self._past, self._runtime.tally) if self._runtime is not None else self._past

    def _stream(self, wanted: Wanted) -> None:
        with self._ledger.begin() as session:
            spec = stored_spec(session.get_one(Pipeline, self._run.pipeline_id), self._vault)
            self.sources, self.targets = places(spec)
            record_lineage(session, self._run.pipeline_id, self.sources, self.targets, at=utcnow())
        self._runtime = runtime = self._build(spec)
        runtime.pause(wanted.state is DesiredState.PAUSED)
        watching = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(runtime, wanted, watching), name="watch", daemon=True)
        watcher.start()
        try:
            runtime.run_forever()
        finally:
            watching.set()
            watcher.join(10)

    def _build(self, spec: CdcSpec) -> Runtime:
        name, tenant = spec.metadata.name, spec.metadata.tenant
        source_part = spec.spec.source
        native = Native(pipeline=name, tenant=tenant, connector=source_part.type, version=VERSION)
        journal = LedgerJournal(self._ledger, self._run, spec.spec.journal, native)
        source = build_source(spec, journal.register)
        context = SinkContext(name, tenant, source.connector, str(source_part.config["id"]), VERSION, journal.put_aside)
        sinks: list[ChangeSink] = [
            load_change_sink(part.type).build_change_sink(sink_config(part), context) for part in spec.spec.sinks
        ]
        steps = [build_step(step) for step in spec.spec.processors]
        return Runtime(
            source,
            sinks,
            journal,
            spec.spec.settings(),
            steps=steps,
            sensing=spec.spec.schema_sensing,
            on_stage=self._on_stage,
        )

    def _watch(self, runtime: Runtime, before: Wanted, over: threading.Event) -> None:
        """Let the runtime do what is wanted; a new specification, or no wish at all, ends it."""
        state = before.state
        while not over.wait(WATCH_S):
            try:
                now = self._wanted()
                self._close_window()
            except RetryError:
                continue
            if now.state is DesiredState.STOPPED or now.spec_hash != before.spec_hash:
                runtime.stop()
                return
            if now.state is not state:
                state = now.state
                runtime.pause(state is DesiredState.PAUSED)

    def _wanted(self) -> Wanted:
        spec_hash = func.md5(cast(Pipeline.spec, Text))
        wanted = select(Pipeline.desired_state, spec_hash.label("spec_hash"), Pipeline.retired_at)
        with self._ledger.begin() as session:
            row = session.execute(wanted.where(Pipeline.id == self._run.pipeline_id)).one_or_none()
        if row is None or row.retired_at is not None or self._cancelled.is_set():
            return Wanted(DesiredState.STOPPED, None)
        return Wanted(row.desired_state, row.spec_hash)

    def _close_window(self, *, now: bool = False) -> None:
        at: datetime = utcnow()
        if now or at - self._windows.since >= WINDOW:
            with self._ledger.begin() as session:
                self._windows.close(session, self.tally(), at=at)

    def _settle(self) -> None:
        """What the runtime has done belongs to the past; the next one begins from nothing."""
        if self._runtime is not None:
            self._past, self._runtime = _sum(self._past, self._runtime.tally), None
        self._close_window(now=True)

    def _has_moved(self) -> bool:
        return self._runtime is not None and self._runtime.tally.batches > 0

    def _say_trouble(self, error: RetryError) -> None:
        logger.warning("pipeline %s: %s; it starts again", self._run.pipeline_id, error)
        status = {"trouble": f"{type(error).__name__}: {error}", "sink_errors": {}}
        with contextlib.suppress(RetryError), self._ledger.begin() as session:
            ours = (self._run.pipeline_id, self._run.execution_id)
            put_status(session, *ours, status, started_at=self._run.started_at, at=utcnow())

    def _sleep(self, seconds: float) -> None:
        """Until then, or until somebody wants something else."""
        before, until = self._wanted(), time.monotonic() + seconds
        while time.monotonic() < until and not self._cancelled.wait(WATCH_S) and self._wanted() == before:
            pass


def _seconds(attempts: int) -> float:
    return float(min(MAX_WAIT_S, 0.5 * 2**attempts))


def _sum(past: Tally, now: Tally) -> Tally:
    return Tally(
        events=past.events + now.events,
        bytes=past.bytes + now.bytes,
        created=past.created + now.created,
        updated=past.updated + now.updated,
        deleted=past.deleted + now.deleted,
        dead=past.dead + now.dead,
        batches=past.batches + now.batches,
        last_ts_ms=now.last_ts_ms or past.last_ts_ms,
        position=now.position or past.position,
    )
