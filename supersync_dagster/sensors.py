"""Sensors: runs that were asked for and not launched, runs at times that no cron can say, and an end for what is dead.

No `from __future__ import annotations` here: Dagster reads the annotations of resources as objects.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from sqlalchemy.orm import Session

from supersync_core.clock import utcnow
from supersync_core.domain.execution import Trigger
from supersync_core.domain.pipeline import REGISTERED_AT_USE, PipelineKind, dagster_key
from supersync_core.errors import Conflict
from supersync_core.services.launches import queue_execution
from supersync_core.services.pipelines import get_pipeline, list_pipelines
from supersync_core.services.reaper import INTERVAL_S, reap
from supersync_core.services.schedules import take_due_runs
from supersync_core.services.switches import desired_states, follow_switches
from supersync_dagster.channels import show_channels
from supersync_dagster.launches import close_without_run, requests_for_queued
from supersync_dagster.resources import SupersyncResource
from supersync_dagster.runs import PREVIEW, end_lost_runs, is_preview, unfinished_keys
from supersync_dagster.streams import build_stream_job, requests_for_streams
from supersync_dagster.switches import Switch, read_switches
from supersync_dagster.translator import (
    ANY_PIPELINE,
    EXECUTION,
    JOBS,
    LAUNCHER,
    PIPELINE,
    PipelineData,
    SupersyncTranslator,
)
from supersync_dagster.turns import patience, take_turns

REAPER = "supersync_reaper"
INTERVALS = "supersync_intervals"


def build_pipeline_sensors(
    pipelines: Sequence[PipelineData], *, jobs: Sequence[Any], translator: SupersyncTranslator | None = None
) -> list[dg.SensorDefinition]:
    """The reaper, the launcher; and the clock of those pipelines whose interval is no cron, if there are any.

    `jobs`: those of `build_pipeline_jobs`.
    """
    translator, by_name = translator or SupersyncTranslator(), {job.name: job for job in jobs}
    ours = [data for data in pipelines if data.declaration.kind is not PipelineKind.EXTERNAL]
    timed = [(data, data.declaration.cadence) for data in ours if data.declaration.cadence is not None]
    ticking = {data.key: by_name[translator.get_job_name(data)] for data, cadence in timed if cadence.as_cron is None}
    switches = {
        data.key: Switch(translator.get_schedule_name(data), data.scheduled)
        for data, cadence in timed
        if cadence.as_cron is not None
    }
    launchable = {data.declaration.name: by_name[translator.get_job_name(data)] for data in ours}
    return [reaper_sensor(switches), launcher_sensor(launchable), *([interval_sensor(ticking)] if ticking else [])]


def reaper_sensor(switches: Mapping[str, Switch]) -> dg.SensorDefinition:
    """Close executions whose owner is dead, and fail the Dagster runs that such owners have left started.

    And let the ledger follow the schedules' switches, whoever turns them: `switches` by the pipelines' keys.
    """

    @dg.sensor(
        name=REAPER,
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Closes executions whose process has died, within 30 s of its last sign of life; notes in the "
        "ledger which schedules are switched off.",
    )
    def reaper(context: dg.SensorEvaluationContext, supersync: SupersyncResource) -> dg.SkipReason:
        ledger, instance = supersync.ledger(), context.instance
        count = Counter[str]()

        def close(_: float) -> bool:
            closed = [execution.public_id for execution in reap(ledger, at=utcnow())]
            ended = end_lost_runs(instance, ledger, at=utcnow())
            if closed or ended:
                context.log.warning("closed executions %s, failed runs %s of dead processes", closed, ended)
            count.update(executions=len(closed), runs=len(ended))
            return False

        def follow(_: float) -> bool:
            with ledger.begin() as session:
                seen = desired_states(session)
            states = read_switches(context, switches)
            with ledger.begin() as session:
                for key in follow_switches(session, seen, states, at=utcnow()):
                    context.log.info("the schedule of %s was switched %s", key, "on" if states[key] else "off")
            return False

        seconds, rest_s = patience(instance)
        take_turns([close, follow], seconds=seconds, rest_s=rest_s and INTERVAL_S)
        return dg.SkipReason(f"closed {count['executions']} executions and {count['runs']} runs of dead processes")

    return reaper


def launcher_sensor(jobs: Mapping[str, Any]) -> dg.SensorDefinition:
    """Launch what was queued and never launched, because who queued it has died; `jobs` by the pipelines' names.

    And start streams that lack their run, and close what was launched and whose run has ended before it began. By this
    sensor's metadata a webserver finds the pipelines' jobs.
    """
    names = {name: job.name for name, job in jobs.items()}
    stream_job = build_stream_job()

    @dg.sensor(
        name=LAUNCHER,
        jobs=[*jobs.values(), stream_job],
        minimum_interval_seconds=3,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Launches executions whose launch was lost, and streams whose run has died.",
        metadata={
            JOBS: dg.MetadataValue.json(
                {**{dagster_key(name): job for name, job in names.items()}, ANY_PIPELINE: stream_job.name}
            )
        },
    )
    def launcher(context: dg.SensorEvaluationContext, supersync: SupersyncResource) -> dg.SensorResult:
        if is_preview(context):
            return dg.SensorResult(skip_reason=PREVIEW)
        ledger = supersync.ledger()
        closed = close_without_run(context.instance, ledger, at=utcnow())
        if closed:
            context.log.warning("closed executions %s, whose runs ended before they began", closed)
        show_channels(context.instance, ledger)
        with ledger.begin() as session:
            at_once = {
                pipeline.name: stream_job.name
                for kind in sorted(REGISTERED_AT_USE)
                for pipeline in list_pipelines(session, kind=kind)
            }
        requests = requests_for_queued(context.instance, ledger, {**at_once, **names}, at=utcnow())
        requests += requests_for_streams(ledger, names, at=utcnow())
        return dg.SensorResult(run_requests=requests, skip_reason=None if requests else "nothing waits for a launch")

    return launcher


def interval_sensor(jobs: Mapping[str, Any]) -> dg.SensorDefinition:
    """Run what the ledger says is due; `jobs` has the job of each pipeline's key. One run per tick of an interval.

    It looks every 5 s, so shorter intervals are stretched to that; ticks that were missed are folded into one.
    """

    @dg.sensor(
        name=INTERVALS,
        jobs=list(jobs.values()),
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Runs pipelines whose interval no cron expression can say.",
    )
    def intervals(context: dg.SensorEvaluationContext, supersync: SupersyncResource) -> dg.SensorResult:
        if is_preview(context):
            return dg.SensorResult(skip_reason=PREVIEW)
        with supersync.ledger().begin() as session:
            due = {dagster_key(run.pipeline): run for run in take_due_runs(session, at=utcnow())}
            # A sync that takes longer than its interval would otherwise fill the queue without end.
            busy = unfinished_keys(context.instance, due) if due else set()
            free = {key: run for key, run in due.items() if key in jobs and key not in busy}
            queued = {key: _queue(session, run.pipeline) for key, run in free.items()}
        requests = [
            dg.RunRequest(
                run_key=f"{key}@{free[key].due_at.isoformat()}",
                job_name=jobs[key].name,
                tags={PIPELINE: key, EXECUTION: str(execution_id)},
            )
            for key, execution_id in queued.items()
            if execution_id is not None
        ]
        return dg.SensorResult(run_requests=requests, skip_reason=None if requests else "nothing is due")

    return intervals


def _queue(session: Session, name: str) -> int | None:
    """The execution that is queued; None: one is live."""
    try:
        return queue_execution(session, get_pipeline(session, name), trigger=Trigger.SCHEDULE, at=utcnow()).id
    except Conflict:
        return None
