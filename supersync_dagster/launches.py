"""Queued executions and their Dagster runs, as a sensor sees them: launch the one, close what has lost the other."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import dagster as dg

from supersync_core.domain.pipeline import dagster_key
from supersync_core.errors import AbortError, Cancelled, NotFound
from supersync_core.ledger.database import Ledger
from supersync_core.services.launches import (
    claim_unlaunched,
    close_unlaunched,
    launched_executions,
    note_launched,
    queued_of_retired,
)
from supersync_dagster.translator import EXECUTION, PIPELINE

SENSOR = "dagster/sensor_name"
"""Tag of a run that a sensor has asked for: Dagster itself queues it, if it died between the two."""


def requests_for_queued(
    instance: dg.DagsterInstance, ledger: Ledger, jobs: Mapping[str, str], *, at: datetime
) -> list[dg.RunRequest]:
    """A run for each execution that nobody has launched in time; `jobs` has the job's name by the pipeline's name.

    The run's key is the execution's, so Dagster makes one run of a request however often it is repeated.
    """
    with ledger.begin() as session:
        for execution in queued_of_retired(session):
            close_unlaunched(session, execution.id, NotFound("the pipeline is not declared any more"), at=at)
        waiting = claim_unlaunched(session, list(jobs))
    runs = _tagged_runs(instance, [execution.id for execution, _ in waiting])
    requests = []
    for execution, pipeline in waiting:
        known = [run for run in runs if run.tags[EXECUTION] == str(execution.id) and run.parent_run_id is None]
        submitted = [run for run in known if run.status is not dg.DagsterRunStatus.NOT_STARTED]
        if submitted:
            with ledger.begin() as session:
                note_launched(session, execution.id, submitted[0].run_id)
            continue
        _drop_abandoned(instance, known)
        key = dagster_key(pipeline.name)
        tags = {PIPELINE: key, EXECUTION: str(execution.id)}
        requests.append(dg.RunRequest(run_key=str(execution.public_id), job_name=jobs[pipeline.name], tags=tags))
    return requests


def close_without_run(instance: dg.DagsterInstance, ledger: Ledger, *, at: datetime) -> list[int]:
    """Close queued executions whose run has ended, or is gone, before it took them up; their ids."""
    with ledger.begin() as session:
        waiting = {execution.dagster_run_id: execution.id for execution in launched_executions(session)}
    found = instance.get_run_records(dg.RunsFilter(run_ids=[id_ for id_ in waiting if id_])) if waiting else []
    runs = {record.dagster_run.run_id: record.dagster_run for record in found}
    lost = {id_: runs.get(id_) for id_ in waiting if id_ and (id_ not in runs or runs[id_].is_finished)}
    for run_id, run in lost.items():
        with ledger.begin() as session:
            close_unlaunched(session, waiting[run_id], _reason(run_id, run), at=at, run_id=run_id)
    return [waiting[run_id] for run_id in lost]


def _reason(run_id: str, run: dg.DagsterRun | None) -> AbortError:
    if run is None:
        return AbortError(f"the Dagster run {run_id} has been deleted before it began")
    if run.status is dg.DagsterRunStatus.CANCELED:
        return Cancelled(f"the Dagster run {run_id} was cancelled before it began")
    return AbortError(f"the Dagster run {run_id} ended before it began: its log in Dagster says why")


def _tagged_runs(instance: dg.DagsterInstance, execution_ids: Collection[int]) -> Sequence[dg.DagsterRun]:
    """Runs for those executions, the newest first."""
    if not execution_ids:
        return []
    tagged = dg.RunsFilter(tags={EXECUTION: [str(id_) for id_ in execution_ids]})
    return [record.dagster_run for record in instance.get_run_records(tagged)]


def _drop_abandoned(instance: dg.DagsterInstance, runs: Collection[dg.DagsterRun]) -> None:
    """Delete runs that their creator, which has died, has never queued: nobody else would."""
    for run in runs:
        if SENSOR not in run.tags:
            instance.delete_run(run.run_id)
