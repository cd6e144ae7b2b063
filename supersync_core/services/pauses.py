"""Pause and resume a pipeline, and say when it runs next."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import DesiredState, PipelineKind, dagster_key
from supersync_core.domain.schedule import Cadence
from supersync_core.ledger.tables import Schedule
from supersync_core.services.launcher import Launcher
from supersync_core.services.pipelines import get_pipeline
from supersync_core.services.switches import switch_pipeline


@dataclass(frozen=True)
class Switched:
    """A pipeline after the switch. `next_at`: its next tick, None while it is not `active` or has no schedule."""

    name: str
    active: bool
    next_at: datetime | None


def pause_pipeline(session: Session, launcher: Launcher, name: str, *, kind: PipelineKind, at: datetime) -> Switched:
    """Stop a pipeline's schedule. A run that goes on is not touched, and one may still be triggered.

    Raises NotFound with the nearest names, and Unavailable when the launcher cannot turn its switch: then nothing has
    changed.
    """
    name = get_pipeline(session, name, kind=kind).name
    return Switched(switch_pipeline(session, launcher, name, DesiredState.PAUSED, at=at).name, False, None)


def resume_pipeline(session: Session, launcher: Launcher, name: str, *, kind: PipelineKind, at: datetime) -> Switched:
    """Start it again: the next run is the first tick from now on, and what was missed is not made up for.

    Raises what `pause_pipeline` raises.
    """
    name = get_pipeline(session, name, kind=kind).name
    pipeline = switch_pipeline(session, launcher, name, DesiredState.RUNNING, at=at)
    schedule = pipeline.schedule
    if schedule is None:
        return Switched(pipeline.name, True, None)
    cadence = _start_over(schedule, at)
    known = launcher.schedules().get(dagster_key(pipeline.name)) if cadence.as_cron is not None else None
    ticks = (known.next_at if known else None, schedule.next_due_at, cadence.next_run(at))
    return Switched(pipeline.name, True, next(tick for tick in ticks if tick is not None))


def _start_over(schedule: Schedule, at: datetime) -> Cadence:
    cadence = Cadence(schedule.cron, schedule.every_s, schedule.timezone)
    if not schedule.enabled:
        schedule.enabled, schedule.updated_at = True, at
    if schedule.next_due_at is not None and schedule.next_due_at <= at:
        schedule.next_due_at = cadence.tick_after(at)
    return cadence
