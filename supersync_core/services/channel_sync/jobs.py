"""How syncs of channels stand, and how they went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supersync_core.domain.channel_sync import ChannelProgress, ChannelStage
from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.pipeline import DesiredState
from supersync_core.domain.schedule import Cadence
from supersync_core.ledger.channel_jobs import select_jobs
from supersync_core.ledger.channel_tables import ChannelJob
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.channel_sync.directory import KIND, ChannelNotFound, find_pipeline_of
from supersync_core.services.channel_sync.requests import JobNotFound, find_job
from supersync_core.services.pipelines import get_pipeline, list_pipelines

SHARES = {ChannelStage.FETCH: 0.25, ChannelStage.EXTRACT: 0.55, ChannelStage.GRAPH: 0.1, ChannelStage.WIKI: 0.1}
"""How much of a sync each stage usually takes: measured, see tests/benchmarks."""
LEAST_DONE = 0.02
"""Before so much is done, nobody can tell when a sync will end."""


@dataclass(frozen=True)
class Job:
    """A sync of a channel. `error`: type, message and more, of one that failed or was cancelled.

    `notes`: what went otherwise than it was declared, in words.
    """

    execution_id: int
    channel_id: str
    state: ExecutionState
    stage: ChannelStage | None
    progress: ChannelProgress
    force: bool
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: Mapping[str, Any] | None
    dagster_run_id: str | None
    notes: Sequence[str] = ()

    @property
    def share_done(self) -> float:
        """0 to 1, over all stages."""
        if self.stage is None:
            return 0.0
        now = self.progress
        done, total = (
            (now.processed, now.total) if self.stage is ChannelStage.FETCH else (now.stage_done, now.stage_total)
        )
        before = sum(SHARES[stage] for stage in list(ChannelStage)[: list(ChannelStage).index(self.stage)])
        return before + SHARES[self.stage] * (min(done / total, 1.0) if total else 0.0)

    def ends_about(self, at: datetime) -> datetime | None:
        """When it will have ended, by its pace so far; None: it is not running, or nobody can tell yet."""
        if self.state is not ExecutionState.RUNNING or self.started_at is None or self.share_done < LEAST_DONE:
            return None
        elapsed = max(at - self.started_at, timedelta(milliseconds=1))
        return self.started_at + elapsed / self.share_done


@dataclass(frozen=True)
class Scheduled:
    """A channel with a schedule. `next_at` None: it is not enabled. `last_at`: when its last sync began that ended."""

    channel_id: str
    cadence: Cadence
    enabled: bool
    next_at: datetime | None
    last_at: datetime | None


def read_job(session: Session, channel_id: str, execution_id: int | None = None) -> Job:
    """The last sync of a channel, or that one of its syncs.

    Raises ChannelNotFound for a channel that no pipeline syncs, and JobNotFound.
    """
    pipeline = _pipeline(session, channel_id)
    if execution_id is None:
        found = _jobs(session, pipeline, channel_id, limit=1)
        if not found:
            raise JobNotFound(f"channel {channel_id} was never synced")
        return found[0]
    execution = find_job(session, execution_id)
    if execution.pipeline_id != pipeline.id:
        raise JobNotFound(f"there is no such job of channel {channel_id}")
    return _job(execution, channel_id, select_jobs(session, [execution.id]).get(execution.id))


def read_last_job(session: Session, name: str) -> Job:
    """The last sync of the pipeline of that name. Raises NotFound."""
    pipeline = get_pipeline(session, name, kind=KIND)
    found = _jobs(session, pipeline, channel_of(pipeline), limit=1)
    if not found:
        raise JobNotFound(f"{name} has never run")
    return found[0]


def list_jobs(session: Session, channel_id: str, *, limit: int) -> Sequence[Job]:
    """Syncs of a channel, the newest first. Raises ChannelNotFound."""
    return _jobs(session, _pipeline(session, channel_id), channel_id, limit=limit)


def list_schedules(session: Session, *, at: datetime) -> Sequence[Scheduled]:
    """The channels that have a schedule, by their pipelines' names."""
    pipelines = [one for one in list_pipelines(session, kind=KIND) if one.schedule is not None]
    return [read_schedule(session, one, at=at) for one in pipelines]


def read_schedule(session: Session, pipeline: Pipeline, *, at: datetime) -> Scheduled:
    """The schedule of a channel that has one."""
    found = pipeline.schedule
    assert found is not None
    cadence = Cadence(found.cron, found.every_s, found.timezone)
    enabled = found.enabled and pipeline.desired_state is DesiredState.RUNNING
    last = (
        select(Execution.started_at)
        .where(Execution.pipeline_id == pipeline.id, Execution.ended_at.is_not(None), Execution.started_at.is_not(None))
        .order_by(Execution.ended_at.desc())
        .limit(1)
    )
    return Scheduled(
        channel_id=channel_of(pipeline),
        cadence=cadence,
        enabled=enabled,
        next_at=cadence.next_run(at) if enabled else None,
        last_at=session.scalar(last),
    )


def channel_of(pipeline: Pipeline) -> str:
    """The id of the channel that the pipeline syncs."""
    return str(pipeline.spec["source"]["channel"])


def _pipeline(session: Session, channel_id: str) -> Pipeline:
    pipeline = find_pipeline_of(session, channel_id)
    if pipeline is None:
        raise ChannelNotFound(f"channel {channel_id!r} was never synced")
    return pipeline


def _jobs(session: Session, pipeline: Pipeline, channel_id: str, *, limit: int) -> list[Job]:
    newest = select(Execution).where(Execution.pipeline_id == pipeline.id)
    found = session.scalars(newest.order_by(Execution.queued_at.desc(), Execution.id.desc()).limit(limit)).all()
    rows = select_jobs(session, [one.id for one in found])
    return [_job(one, channel_id, rows.get(one.id)) for one in found]


def _job(execution: Execution, channel_id: str, row: ChannelJob | None) -> Job:
    stages = {stage.value: stage for stage in ChannelStage}
    stage = stages.get(execution.stage or "")
    progress = ChannelProgress(stage or ChannelStage.FETCH)
    if row is not None:
        progress = ChannelProgress(
            progress.stage,
            row.total,
            row.processed,
            row.failing,
            row.facts,
            row.entities,
            row.stage_done,
            row.stage_total,
            tuple(row.failing_ids),
        )
    return Job(
        execution_id=execution.id,
        channel_id=channel_id,
        state=execution.state,
        stage=stage,
        progress=progress,
        force=row is not None and row.force,
        queued_at=execution.queued_at,
        started_at=execution.started_at,
        ended_at=execution.ended_at,
        error=execution.error,
        dagster_run_id=execution.dagster_run_id,
        notes=_notes(execution),
    )


def _notes(execution: Execution) -> list[str]:
    fallback = (execution.extra or {}).get("facts_by_rules")
    if not fallback:
        return []
    return [f"the facts of {fallback['messages']} messages were found by rules: {fallback['reason']}"]
