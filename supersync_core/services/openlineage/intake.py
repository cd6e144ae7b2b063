"""From OpenLineage events into the ledger: a job is a pipeline that others run, a run is an execution of it.

Where events come in another order, or more than once, the end is the same: see `supersync_core.domain.openlineage`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.openlineage import (
    BYTES,
    END,
    ERROR,
    NOMINAL,
    PARENT,
    PRODUCER,
    ROWS,
    Dataset,
    RunRecord,
    Word,
    job_name,
)
from supersync_core.domain.pipeline import PipelineKind, fold_name
from supersync_core.errors import Conflict
from supersync_core.ledger import openlineage as rows
from supersync_core.ledger.checks import has_anomaly_rule
from supersync_core.ledger.lineage import replace_edges
from supersync_core.ledger.openlineage_tables import OpenLineageRun
from supersync_core.ledger.pipeline_types import put_pipeline_type
from supersync_core.ledger.reported_pipelines import find_reported, insert_reported
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.openlineage.events import AnyEvent, DatasetEvent, EventType, Job, JobEvent, RunEvent

TYPE = "openlineage"
"""The type of pipelines whose events name no integration."""

_STATES = {
    EventType.COMPLETE: ExecutionState.SUCCEEDED,
    EventType.FAIL: ExecutionState.FAILED,
    EventType.ABORT: ExecutionState.CANCELLED,
}


Flows = tuple[list[Dataset], list[Dataset]]
"""Inputs and outputs of a run."""


class Taken(NamedTuple):
    """What an event was about: a pipeline and, of a run, its execution. `is_new`: the pipeline was not known before."""

    pipeline: str | None = None
    execution_id: int | None = None
    is_new: bool = False


def take_events(session: Session, events: Sequence[AnyEvent], *, at: datetime) -> list[Taken]:
    """Take many events; what the last of one job was about comes where it stands in `events`. See `take_event`."""
    taken = [Taken()] * len(events)
    # Two batches take the same jobs in one order, so that they do not wait for each other.
    for index in sorted(range(len(events)), key=lambda index: _place(events[index])):
        taken[index] = take_event(session, events[index], at=at)
    return taken


def take_event(session: Session, event: AnyEvent, *, at: datetime) -> Taken:
    """Let the ledger know what an event says.

    Lineage is taken whether the pipeline's `load_lineage` is set or not. Raises Conflict for a job that is a pipeline
    that supersync runs, and for a run that is another job's or our own.
    """
    if isinstance(event, DatasetEvent):
        rows.put_datasets(session, [event.dataset.dataset], at=at)
        return Taken()
    pipeline, is_new = _pipeline(session, event.job, at)
    said = _record(event)
    if isinstance(event, RunEvent):
        execution_id = _take_run(session, pipeline, event.run.run_id, said, at)
        return Taken(pipeline.name, execution_id, is_new)
    known = rows.find_job(session, pipeline.id)
    if known is None:
        _keep(session, OpenLineageRun(pipeline_id=pipeline.id), None, said, at)
    else:
        before = RunRecord.from_json(known.record)
        # A job as such begins with each event anew: of its events the newest counts as a whole.
        newest = max(before, said, key=lambda record: (record.began, str(record.to_json())))
        if newest != before:
            _keep(session, known, before, newest, at)
    return Taken(pipeline.name, None, is_new)


def _place(event: AnyEvent) -> tuple[str, datetime]:
    name = "" if isinstance(event, DatasetEvent) else fold_name(job_name(event.job.namespace, event.job.name))
    return name, event.event_time


def _pipeline(session: Session, job: Job, at: datetime) -> tuple[Pipeline, bool]:
    """The pipeline that the job is, locked, and whether it is new. The first integration that is named is its type."""
    name = job_name(job.namespace, job.name)
    type_name = fold_name(job.facets.job_type.integration) if job.facets.job_type else TYPE
    found, made = find_reported(session, name), None
    if found is None:
        type_id, _ = put_pipeline_type(session, type_name, at=at)
        made = insert_reported(session, {"name": name, "type_id": type_id}, at=at)
        found = find_reported(session, name)
    if found is None:
        raise Conflict(f"the pipeline {name!r} is just being renamed or deleted: try again")
    if found.kind is not PipelineKind.EXTERNAL:
        raise Conflict(f"{found.name} is a pipeline that supersync runs: nobody else may report runs of it")
    pipeline = rows.lock_pipeline(session, found.id)
    if type_name != TYPE and pipeline.type_id == put_pipeline_type(session, TYPE, at=at)[0]:
        pipeline.type_id = put_pipeline_type(session, type_name, at=at)[0]
    return pipeline, made is not None


def _record(event: JobEvent) -> RunRecord:
    """What the event says."""
    words: dict[tuple[str, ...], Any] = {}
    if isinstance(event, RunEvent):
        words = _words_of_run(event)
    if event.producer:
        words[(PRODUCER,)] = event.producer
    for output in event.outputs:
        statistics = output.output_facets.output_statistics
        if statistics is not None and statistics.row_count is not None:
            words[(ROWS, *output.dataset)] = statistics.row_count
        if statistics is not None and statistics.size is not None:
            words[(BYTES, *output.dataset)] = statistics.size
    said = RunRecord(
        began=event.event_time,
        words={topic: Word(event.event_time, value) for topic, value in words.items()},
        inputs=frozenset(one.dataset for one in event.inputs),
        outputs=frozenset(one.dataset for one in event.outputs),
    )
    return said.joined(said)  # no more datasets than are kept


def _words_of_run(event: RunEvent) -> dict[tuple[str, ...], Any]:
    words: dict[tuple[str, ...], Any] = {}
    facets = event.run.facets
    if event.event_type in _STATES:
        words[(END,)] = _STATES[event.event_type].value
    if facets.parent is not None and facets.parent.run.run_id != event.run.run_id:
        words[(PARENT,)] = str(facets.parent.run.run_id)
    if facets.nominal_time is not None:
        words[(NOMINAL,)] = facets.nominal_time.model_dump(mode="json", by_alias=True, exclude_none=True)
    if facets.error_message is not None:
        error = facets.error_message
        words[(ERROR,)] = {
            "type": error.programming_language or "Error",
            "message": error.message,
            **({"stack": error.stack_trace} if error.stack_trace else {}),
        }
    return words


def _take_run(session: Session, pipeline: Pipeline, run_id: UUID, said: RunRecord, at: datetime) -> int:
    rows.lock_runs(session, {run_id, *(UUID(parent) for parent in [said.said(PARENT)] if parent)})
    known = rows.find_run(session, run_id)
    if known is None:
        execution = rows.insert_execution(session, pipeline.id, run_id, at=said.began)
        if execution is None:
            raise Conflict(f"the run {run_id} is an execution that was reported otherwise, or one of supersync's own")
        known = OpenLineageRun(pipeline_id=pipeline.id, execution_id=execution.id, run_id=run_id)
        before, record = None, said
    else:
        if known.pipeline_id != pipeline.id:
            raise Conflict(f"the run {run_id} is one of another job than {pipeline.name}")
        before = RunRecord.from_json(known.record)
        record = before.joined(said)
        execution = session.get_one(Execution, known.execution_id)
    if record != before:
        _keep(session, known, before, record, at)
        _write_execution(session, pipeline, execution, record)
        _link(session, execution, record, is_new=before is None)
    return execution.id


def _keep(session: Session, run: OpenLineageRun, before: RunRecord | None, record: RunRecord, at: datetime) -> None:
    """Keep what was said, and let the pipeline's lineage be that of its newest run that has some."""
    was_newest = rows.newest_flows(session, run.pipeline_id)
    drawn = RunRecord.from_json(was_newest.record).flows if was_newest else None
    parent = record.said(PARENT)
    run.record, run.began_at, run.flows = record.to_json(), record.began, bool(record.inputs and record.outputs)
    run.parent_run_id = UUID(parent) if parent else None
    session.add(run)
    session.flush()
    known = (before.inputs | before.outputs) if before else frozenset()
    rows.put_datasets(session, (record.inputs | record.outputs) - known, at=at)
    newest = rows.newest_flows(session, run.pipeline_id)
    if newest is not None and (newest is not was_newest or newest is run):
        _draw(session, run.pipeline_id, RunRecord.from_json(newest.record).flows, drawn, at)


def _draw(session: Session, pipeline_id: int, flows: Flows, drawn: Flows | None, at: datetime) -> None:
    """Let the pipeline's reported edges be these, unless they are what was `drawn`, and are all there still."""
    inputs, outputs = flows
    if flows == drawn and rows.count_edges(session, pipeline_id) == len(inputs) * len(outputs):
        return
    ids = rows.put_datasets(session, {*inputs, *outputs}, at=at)
    sides = ([ids[dataset] for dataset in side] for side in flows)
    replace_edges(session, pipeline_id, *sides, reported=True, at=at)


def _write_execution(session: Session, pipeline: Pipeline, execution: Execution, record: RunRecord) -> None:
    """Let the execution be what was said of its run."""
    ended_at, state = record.end or (None, ExecutionState.RUNNING)
    inserted_at, judged = _inserted_at(execution), _judged(execution)
    waits = state is ExecutionState.SUCCEEDED and has_anomaly_rule(session, pipeline.id)
    execution.state, execution.ended_at = state, ended_at
    execution.queued_at = execution.started_at = record.began
    execution.rows_extracted = execution.rows_inserted = record.total(ROWS)
    execution.bytes = record.total(BYTES) or 0
    bad = state in (ExecutionState.FAILED, ExecutionState.CANCELLED)
    execution.error = record.said(ERROR) if bad else None
    producer = {"producer": record.said(PRODUCER)} if record.said(PRODUCER) else {}
    more = {**producer, **(record.said(NOMINAL) or {})}
    execution.extra = {"openlineage": more} if more else None
    if _judged(execution) != judged:
        execution.judged_at = None if waits else ended_at
    session.flush()
    _note_rows(session, pipeline, inserted_at, _inserted_at(execution))


def _inserted_at(execution: Execution) -> datetime | None:
    """When it inserted rows; None where it did not succeed, or inserted none."""
    inserted = execution.state is ExecutionState.SUCCEEDED and execution.rows_inserted
    return execution.ended_at if inserted else None


def _judged(execution: Execution) -> tuple[Any, ...]:
    """What the checks look at: where it changes they look again."""
    return execution.state, execution.started_at, execution.ended_at, execution.rows_extracted, execution.rows_inserted


def _note_rows(session: Session, pipeline: Pipeline, before: datetime | None, now: datetime | None) -> None:
    """Let the pipeline say when rows were inserted last. Its watermarks are its reporter's own."""
    if now is not None:
        pipeline.last_inserted_at = max(now, pipeline.last_inserted_at or now)
    elif before is not None and pipeline.last_inserted_at == before:
        pipeline.last_inserted_at = rows.newest_insert(session, pipeline.id)


def _link(session: Session, execution: Execution, record: RunRecord, *, is_new: bool) -> None:
    """Join the execution to its parent, and to children that came before it."""
    parent = record.said(PARENT)
    if parent is not None:
        rows.link_parent(session, execution, UUID(parent))
    if is_new:
        for child in rows.children_of(session, execution.public_id):
            rows.link_parent(session, child, execution.public_id)
    session.flush()
