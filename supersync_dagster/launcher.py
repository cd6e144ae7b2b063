"""DagsterLauncher: a queued execution becomes a Dagster run; looks at Dagster are shared, slow work goes on behind."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from queue import SimpleQueue
from typing import Generic, TypeVar

from supersync_core.clock import Clock, utcnow
from supersync_core.domain.pipeline import REGISTERED_AT_USE, PipelineKind
from supersync_core.errors import Conflict, NotFound, RetryError, SupersyncError
from supersync_core.ledger.database import Ledger
from supersync_core.services.launcher import HEARTBEAT_TOLERANCE_S, DaemonState, ScheduleState, SensorState
from supersync_core.services.launches import (
    cancel_executions_of_run,
    claim_launch,
    close_unlaunched,
    note_launched,
    pipeline_of,
)
from supersync_dagster.gateway import DagsterGateway
from supersync_dagster.translator import ANY_PIPELINE, EXECUTION, PIPELINE

logger = logging.getLogger(__name__)
T = TypeVar("T")

FRESH_S = 1.0
"""Callers share one look at Dagster for so long."""
WORKERS = 4
"""Launches that go on at once."""
PATIENCE_S, RETRY_S = 20.0, 2.0
"""A code server that is restarting answers again within seconds; so long a launch asks again, and so often."""
COALESCE_S = 1.0
"""Reloads that are asked for within this time are one."""


class Recent(Generic[T]):
    """A value that one caller looks up, and all share while it is fresh."""

    def __init__(self, look: Callable[[], T], fresh_s: float = FRESH_S) -> None:
        """Nothing is looked up yet."""
        self._look, self._fresh_s = look, fresh_s
        self._lock = threading.Lock()
        self._found: tuple[float, T] | None = None

    def get(self) -> T:
        """The value, at most `fresh_s` old. Raises what the look raises."""
        with self._lock:
            if self._found is None or time.monotonic() - self._found[0] >= self._fresh_s:
                self._found = None
                self._found = (time.monotonic(), self._look())
            return self._found[1]

    def forget(self) -> None:
        """Let the next caller look."""
        with self._lock:
            self._found = None


class DagsterLauncher:
    """A `Launcher` over a webserver's Dagster. What its threads hold when the process ends, the engine launches."""

    def __init__(self, gateway: DagsterGateway, ledger: Ledger, clock: Clock = utcnow) -> None:
        """Nothing is asked yet, and no thread is started."""
        self._gateway, self._ledger, self._clock = gateway, ledger, clock
        self._schedules = Recent(lambda: gateway.schedules(clock()))
        self._daemon = Recent(self._look_at_daemon)
        self._sensors = Recent(gateway.sensors)
        self._waiting: SimpleQueue[tuple[str, int]] = SimpleQueue()
        self._workers: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._reload = _Reload(gateway)

    @property
    def read_only(self) -> bool:
        """Whether the webserver was started with --read-only."""
        return self._gateway.read_only

    def launch(self, pipeline_key: str, execution_id: int) -> str:
        """See `Launcher`. Raises Conflict when somebody else launches the execution, or nothing is left to launch."""
        with self._ledger.begin() as session:
            if not claim_launch(session, execution_id):
                raise Conflict(f"execution {execution_id} has a run already, or is about to get one")
        return self._launch_claimed(pipeline_key, execution_id)

    def launch_soon(self, pipeline_key: str, execution_id: int) -> None:
        """See `Launcher`."""
        self._waiting.put((pipeline_key, execution_id))
        with self._lock:
            if len(self._workers) < WORKERS:
                self._workers.append(_start(f"launch-{len(self._workers)}", self._work))

    def cancel(self, run_id: str) -> bool:
        """See `Launcher`."""
        # The ledger first: a run that Dagster cannot reach sees the wish there within a second.
        with self._ledger.begin() as session:
            told = cancel_executions_of_run(session, run_id, at=self._clock())
        return self._gateway.cancel(run_id) or bool(told)

    def schedules(self) -> Mapping[str, ScheduleState]:
        """See `Launcher`. Pipelines of a code location that is not loaded are left out."""
        return self._schedules.get()

    def sensors(self) -> Sequence[SensorState]:
        """See `Launcher`."""
        return self._sensors.get()

    def set_schedule(self, pipeline_key: str, running: bool) -> bool:
        """See `Launcher`. It is the switch that Dagster's UI shows."""
        found = self._gateway.set_schedule(pipeline_key, running)
        self._schedules.forget()
        return found

    def daemon(self) -> DaemonState:
        """See `Launcher`."""
        return self._daemon.get()

    def reload(self) -> None:
        """See `Launcher`."""
        self._reload.soon()

    def _look_at_daemon(self) -> DaemonState:
        seen_at = self._gateway.heartbeat()
        tolerance = timedelta(seconds=HEARTBEAT_TOLERANCE_S)
        return DaemonState(alive=seen_at is not None and self._clock() - seen_at < tolerance, seen_at=seen_at)

    def _launch_claimed(self, key: str, execution_id: int) -> str:
        tags = {PIPELINE: key, EXECUTION: str(execution_id)}
        try:
            run_id = self._gateway.launch(key, tags)
        except NotFound:
            # The pipeline may be newer than what Dagster has loaded. What came over HTTP does not wait for that.
            if self._kind(execution_id) not in REGISTERED_AT_USE:
                self._reload.now()
                run_id = self._gateway.launch(key, tags)
            else:
                run_id = self._gateway.launch(ANY_PIPELINE, tags)
        with self._ledger.begin() as session:
            note_launched(session, execution_id, run_id)
        return run_id

    def _kind(self, execution_id: int) -> PipelineKind:
        with self._ledger.begin() as session:
            return pipeline_of(session, execution_id).kind

    def _work(self) -> None:
        while True:
            key, execution_id = self._waiting.get()
            try:
                self._launch_or_close(key, execution_id)
            except RetryError as error:
                logger.warning("execution %s of %s is left to the sensor: %s", execution_id, key, error)
            except Exception:
                logger.exception("execution %s of %s is left to the sensor", execution_id, key)

    def _launch_or_close(self, key: str, execution_id: int) -> None:
        with self._ledger.begin() as session:
            if not claim_launch(session, execution_id):
                return
        try:
            self._launch_with_patience(key, execution_id)
        except Exception as error:
            if not isinstance(error, SupersyncError):
                logger.exception("the launch of %s failed", key)
            with self._ledger.begin() as session:
                close_unlaunched(session, execution_id, error, at=self._clock())

    def _launch_with_patience(self, key: str, execution_id: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._launch_claimed(key, execution_id)
                return
            except RetryError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(RETRY_S)


class _Reload:
    """Reloads of the code locations, of which many at once are one."""

    def __init__(self, gateway: DagsterGateway) -> None:
        self._gateway = gateway
        self._asked, self._turn = threading.Lock(), threading.Lock()
        self._begun_at = self._rested_at = float("-inf")

    def soon(self) -> None:
        """In the background, together with others that ask before it begins.

        After a reload there is a rest that is as long: else who adds pipelines one by one would keep a core busy.
        """
        if self._asked.acquire(blocking=False):
            _start("reload", self._later)

    def now(self) -> None:
        """Return when a reload has ended that began after this call."""
        asked_at = time.monotonic()
        with self._turn:
            if self._begun_at < asked_at:
                self._begun_at = time.monotonic()
                try:
                    self._gateway.reload()
                finally:
                    ended_at = time.monotonic()
                    self._rested_at = ended_at + (ended_at - self._begun_at)

    def _later(self) -> None:
        time.sleep(COALESCE_S)
        with self._turn:  # one that goes on began too early for those who have asked since
            rest = self._rested_at - time.monotonic()
        time.sleep(max(rest, 0))
        self._asked.release()
        try:
            self.now()
        except RetryError as error:
            logger.warning("the code locations were not reloaded: %s", error)


def _start(name: str, target: Callable[[], None]) -> threading.Thread:
    # Not waited for at exit: a code server that does not answer must not keep the process alive.
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread
