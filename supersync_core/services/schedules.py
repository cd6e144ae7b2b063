"""When pipelines are due: register cadences, and hand out the ticks of those that are no cron.

A cadence that a cron can say is ticked by Dagster's scheduler; `Schedule.next_due_at` is set for the others alone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from supersync_core.domain.schedule import Cadence
from supersync_core.ledger.schedules import lock_due
from supersync_core.ledger.tables import Pipeline, Schedule


@dataclass(frozen=True)
class DueRun:
    """A pipeline's name and the time on its grid for which it shall run."""

    pipeline: str
    due_at: datetime


def put_schedule(session: Session, pipeline: Pipeline, cadence: Cadence | None, *, at: datetime) -> None:
    """Give the pipeline this cadence, or none. Its clock starts over: nothing is due for the time before `at`.

    A schedule that was switched off stays off.
    """
    if cadence is None:
        if pipeline.schedule is not None:
            session.delete(pipeline.schedule)
        return
    schedule = pipeline.schedule or Schedule(pipeline_id=pipeline.id, enabled=True, created_at=at)
    if (schedule.cron, schedule.every_s, schedule.timezone) == (cadence.cron, cadence.every_s, cadence.timezone):
        return
    schedule.cron, schedule.every_s, schedule.timezone = cadence.cron, cadence.every_s, cadence.timezone
    schedule.next_due_at, schedule.updated_at = cadence.tick_after(at), at
    session.add(schedule)


def take_due_runs(session: Session, *, at: datetime) -> list[DueRun]:
    """What is due at `at`, each once: its next time is moved on in this transaction.

    Two that ask at once share the work. Ticks that were missed are folded into one.
    """
    taken = []
    for schedule, pipeline in lock_due(session, at=at):
        following = Cadence(schedule.cron, schedule.every_s, schedule.timezone).tick_after(at)
        if following is not None and schedule.every_s is not None:
            taken.append(DueRun(pipeline.name, following - timedelta(seconds=schedule.every_s)))
        schedule.next_due_at = following
    return taken
