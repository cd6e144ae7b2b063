"""The only way to the Dagster instance and workspace behind a webserver. Its private parts are listed in seams.py.

Every call may block, so none is made on the event loop: there it is refused.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.definitions.selector import JobSubsetSelector
from dagster._core.errors import DagsterCodeLocationLoadError, DagsterUserCodeUnreachableError
from dagster._core.remote_representation.external import RemoteRepository, RemoteSchedule, RemoteSensor
from dagster._core.scheduler.instigation import InstigatorTick
from dagster._core.workspace.context import BaseWorkspaceRequestContext, WorkspaceProcessContext
from dagster._utils.schedules import schedule_execution_time_iterator

from supersync_core.errors import NotFound, Unavailable
from supersync_core.ledger.database import translated_errors
from supersync_core.services.launcher import ScheduleState, SensorState
from supersync_dagster.translator import JOBS, LAUNCHER, PIPELINE

NEEDED_DAEMONS = frozenset({"SCHEDULER", "SENSOR", "QUEUED_RUN_COORDINATOR"})
"""Without one of these a schedule does not tick, or a queued run does not start."""


class DagsterGateway:
    """What supersync asks of Dagster. Pipelines go by their key. Raises Unavailable while Dagster does not answer."""

    def __init__(self, process_context: WorkspaceProcessContext) -> None:
        """Nothing is asked yet."""
        self._process = process_context

    @property
    def read_only(self) -> bool:
        """Whether the webserver was started with --read-only."""
        return bool(self._process.read_only)

    def launch(self, pipeline_key: str, tags: Mapping[str, str]) -> str:
        """Create a run of the pipeline's job and queue it; its id.

        `ANY_PIPELINE` has a job as well. Raises NotFound where no code location has the job.
        """
        with self._request() as context:
            job = _find_job(context, pipeline_key)
            if job is None:
                _refuse_unloaded(context)
                raise NotFound(f"no code location of Dagster has a job for the pipeline with the key {pipeline_key!r}")
            run = _create_run(context, job, tags)
            self._process.instance.submit_run(run.run_id, context)
        return str(run.run_id)

    def cancel(self, run_id: str) -> bool:
        """End a run, queued or going on. False: there is none, or it has ended already."""
        with _translated_errors():
            return bool(self._process.instance.run_coordinator.cancel_run(run_id))

    def schedules(self, at: datetime) -> dict[str, ScheduleState]:
        """The schedules of all code locations that are loaded; `next_at` is their first tick after `at`."""
        with self._request() as context:
            return {
                key: _state(schedule, running=running, at=at)
                for repository in _repositories(context)
                for key, schedule, running in _schedules(context.instance, repository)
            }

    def set_schedule(self, pipeline_key: str, running: bool) -> bool:
        """Turn the switch that Dagster's UI shows. False: the pipeline has no schedule.

        Ticks that were missed while it was off are not made up for.
        """
        with self._request() as context:
            schedule = _find_schedule(context, pipeline_key)
            if schedule is None:
                _refuse_unloaded(context)
                return False
            if running:
                context.instance.start_schedule(schedule)
            else:
                context.instance.stop_schedule(schedule.get_remote_origin_id(), schedule.selector_id, schedule)
        return True

    def sensors(self) -> list[SensorState]:
        """The sensors of the code locations that have pipelines, by name, each with its last tick."""
        with self._request() as context:
            found = [one for repository in _repositories(context) for one in _sensors(context.instance, repository)]
        return sorted(found, key=lambda state: state.name)

    def heartbeat(self) -> datetime | None:
        """The oldest of the last heartbeats of the daemons that runs and schedules need; None: one has none."""
        with _translated_errors():
            needed = NEEDED_DAEMONS.intersection(self._process.instance.get_required_daemon_types())
            beats = self._process.instance.get_daemon_heartbeats()
        if not needed.issubset(beats):
            return None
        return datetime.fromtimestamp(min(beats[daemon].timestamp for daemon in needed), timezone.utc)

    def reload(self) -> None:
        """Load the code locations again that have pipelines, or that could not be loaded.

        It takes seconds; runs that go on are not touched.
        """
        with self._request() as context:
            ours = {repository.handle.location_name for repository in _repositories(context)}
            names = [
                name for name in context.code_location_names if name in ours or context.has_code_location_error(name)
            ]
        for name in names:
            with _translated_errors():
                self._process.reload_code_location(name)

    @contextmanager
    def _request(self) -> Iterator[BaseWorkspaceRequestContext]:
        with _translated_errors(), self._process.create_request_context() as context:
            yield context


def _sensors(instance: dg.DagsterInstance, repository: RemoteRepository) -> Iterator[SensorState]:
    """One question for the switches of all of a repository, and one for the last tick of each."""
    origin, selector = repository.get_remote_origin_id(), repository.selector_id
    stored = {
        state.selector_id: state for state in instance.all_instigator_state(origin, selector, InstigatorType.SENSOR)
    }
    for sensor in repository.get_sensors():
        ticks = instance.get_ticks(sensor.get_remote_origin_id(), sensor.selector_id, limit=1)
        running = sensor.get_current_instigator_state(stored.get(sensor.selector_id)).is_running
        yield _sensor_state(sensor, running, next(iter(ticks), None))


def _sensor_state(sensor: RemoteSensor, running: bool, tick: InstigatorTick | None) -> SensorState:
    error = tick.error.message.strip() if tick is not None and tick.error is not None else None
    return SensorState(
        name=sensor.name,
        running=running,
        interval_s=sensor.min_interval_seconds,
        ticked_at=datetime.fromtimestamp(tick.timestamp, timezone.utc) if tick is not None else None,
        outcome=tick.status.value.lower() if tick is not None else None,
        message=error or (tick.skip_reason if tick is not None else None),
    )


@dataclass(frozen=True)
class _Job:
    repository: RemoteRepository
    name: str


def _repositories(context: BaseWorkspaceRequestContext) -> Iterator[RemoteRepository]:
    """Those with pipelines of supersync, whatever their code location is called."""
    for location in context.code_locations:
        for repository in location.get_repositories().values():
            if repository.has_sensor(LAUNCHER):
                yield repository


def _find_job(context: BaseWorkspaceRequestContext, key: str) -> _Job | None:
    for repository in _repositories(context):
        metadata = repository.get_sensor(LAUNCHER).metadata
        jobs = metadata.standard_metadata[JOBS].value if metadata and metadata.standard_metadata else None
        if isinstance(jobs, Mapping) and key in jobs:
            return _Job(repository, str(jobs[key]))
    return None


def _create_run(context: BaseWorkspaceRequestContext, found: _Job, tags: Mapping[str, str]) -> dg.DagsterRun:
    """As Dagster's own scheduler creates them."""
    selector = JobSubsetSelector(
        location_name=found.repository.handle.location_name,
        repository_name=found.repository.name,
        job_name=found.name,
        op_selection=None,
        asset_selection=None,
        asset_check_selection=None,
    )
    job = context.get_full_job(selector)
    plan = context.get_execution_plan(job, run_config={}, step_keys_to_execute=None, known_state=None)
    return context.instance.create_run(
        job_name=job.name,
        run_id=None,
        run_config={},
        status=dg.DagsterRunStatus.NOT_STARTED,
        tags={**job.run_tags, **tags},
        root_run_id=None,
        parent_run_id=None,
        step_keys_to_execute=None,
        execution_plan_snapshot=plan.execution_plan_snapshot,
        job_snapshot=job.job_snapshot,
        parent_job_snapshot=job.parent_job_snapshot,
        asset_selection=None,
        asset_check_selection=None,
        resolved_op_selection=None,
        op_selection=None,
        remote_job_origin=job.get_remote_origin(),
        job_code_origin=job.get_python_origin(),
        asset_graph=found.repository.asset_graph,
    )


def _schedules(
    instance: dg.DagsterInstance, repository: RemoteRepository
) -> Iterator[tuple[str, RemoteSchedule, bool]]:
    """The pipeline's key, the schedule, and whether it is switched on: one question for all of a repository."""
    origin, selector = repository.get_remote_origin_id(), repository.selector_id
    stored = {
        state.selector_id: state for state in instance.all_instigator_state(origin, selector, InstigatorType.SCHEDULE)
    }
    for key, schedule in _keyed_schedules(repository):
        yield key, schedule, schedule.get_current_instigator_state(stored.get(schedule.selector_id)).is_running


def _keyed_schedules(repository: RemoteRepository) -> Iterator[tuple[str, RemoteSchedule]]:
    for schedule in repository.get_schedules():
        if PIPELINE in schedule.metadata:
            yield str(schedule.metadata[PIPELINE].value), schedule


def _find_schedule(context: BaseWorkspaceRequestContext, key: str) -> RemoteSchedule | None:
    found = (pair for repository in _repositories(context) for pair in _keyed_schedules(repository))
    return next((schedule for known, schedule in found if known == key), None)


def _state(schedule: RemoteSchedule, *, running: bool, at: datetime) -> ScheduleState:
    zone = schedule.execution_timezone or "UTC"
    crons = schedule.cron_schedule
    cron = crons if isinstance(crons, str) else " | ".join(crons)
    return ScheduleState(running, _next_tick(schedule, at) if running else None, cron, zone)


def _next_tick(schedule: RemoteSchedule, at: datetime) -> datetime:
    """The first tick after `at`, in UTC. Crons tick on the minute, so callers of one minute share the answer."""
    zone, crons = schedule.execution_timezone or "UTC", schedule.cron_schedule
    after = at.astimezone(timezone.utc).replace(second=0, microsecond=0)
    return _tick_after(after, crons if isinstance(crons, str) else tuple(crons), zone)


@lru_cache(maxsize=4096)
def _tick_after(minute: datetime, cron: str | tuple[str, ...], zone: str) -> datetime:
    # Dagster's own ticks, also where a clock is changed: another library would say other times for those days.
    ticks = schedule_execution_time_iterator(minute.timestamp() + 1, cron, zone)
    return next(ticks).astimezone(timezone.utc)


def _refuse_unloaded(context: BaseWorkspaceRequestContext) -> None:
    """Raise Unavailable while a code location is not loaded: what is looked for may be there."""
    for name in context.code_location_names:
        if context.has_code_location_error(name):
            raise Unavailable(f"Dagster could not load the code location {name!r}: see Deployment in its UI")


@contextmanager
def _translated_errors() -> Iterator[None]:
    if _on_event_loop():
        raise RuntimeError(
            "Dagster was asked on the event loop: every other request would wait; make the route a `def`"
        )
    try:
        with translated_errors():
            yield
    except (DagsterUserCodeUnreachableError, DagsterCodeLocationLoadError) as error:
        raise Unavailable(f"the code server of Dagster does not answer: {error}") from error


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
