"""What Dagster knows of the runs of pipelines, found by their tag."""

from collections.abc import Collection
from datetime import datetime, timedelta

import dagster as dg

from supersync_core.domain.pipeline import dagster_key
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.executions import HistoryFilter
from supersync_core.services.executions import list_executions
from supersync_core.services.pipelines import list_pipelines
from supersync_dagster.translator import EXECUTION, PIPELINE

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
"""A run in one of these may still move data."""

PREVIEW = "a tick that somebody tests changes nothing"

TO_OPEN = timedelta(seconds=120)
"""A run that has started opens its execution within this time, on the slowest machine."""
TO_END = timedelta(seconds=30)
"""A run whose execution is closed reports its result and ends within this time."""


def is_preview(context: dg.ScheduleEvaluationContext | dg.SensorEvaluationContext) -> bool:
    """Whether somebody only tests the tick in Dagster's UI: then it changes nothing.

    The daemon numbers its ticks, and the number ends the key of a tick's log; a tested tick's key ends with a time.
    """
    key = context.log_key
    return key is not None and not key[-1].isdecimal()


def execution_of(run: dg.DagsterRun, key: str) -> int | None:
    """The queued execution of the pipeline with that key that the run is to take up.

    None where it shall open one of its own, as a run does that repeats another.
    """
    tag = run.tags.get(EXECUTION, "")
    repeats = run.parent_run_id is not None
    return int(tag) if tag.isdecimal() and not repeats and run.tags.get(PIPELINE) == key else None


def unfinished_keys(instance: dg.DagsterInstance, keys: Collection[str]) -> set[str]:
    """Those of the pipelines' keys for which a run waits or goes on."""
    filters = dg.RunsFilter(tags={PIPELINE: list(keys)}, statuses=UNFINISHED)
    return {record.dagster_run.tags[PIPELINE] for record in instance.get_run_records(filters)}


def end_lost_runs(instance: dg.DagsterInstance, ledger: Ledger, *, at: datetime) -> list[str]:
    """Fail runs of single pipelines that Dagster shows as started while nothing runs; their ids.

    When the code server dies together with a run, Dagster shows that run as started for ever, and no other run of the
    pipeline would ever leave the queue.
    """
    started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
    records = [
        record
        for record in instance.get_run_records(started)
        if PIPELINE in record.dagster_run.tags
        and record.start_time is not None
        and record.start_time < (at - TO_END).timestamp()
    ]
    lost = [record.dagster_run for record in records if _is_lost(record, ledger, at)] if records else []
    for run in lost:
        instance.report_run_failed(run, "The process of this run has died: its execution is closed, or never opened.")
    return [run.run_id for run in lost]


def _is_lost(record: dg.RunRecord, ledger: Ledger, at: datetime) -> bool:
    """Whether the run's own execution is closed for too long, or was not opened in time."""
    run = record.dagster_run
    with ledger.begin() as session:
        ids = [p.id for p in list_pipelines(session) if dagster_key(p.name) == run.tags[PIPELINE]]
        newest = [e for i in ids for e in list_executions(session, HistoryFilter(pipeline_id=i), limit=10)[0]]
    for execution in newest:
        if execution.dagster_run_id == run.run_id:
            return execution.ended_at is not None and execution.ended_at < at - TO_END
    return record.start_time is not None and record.start_time < (at - TO_OPEN).timestamp()
