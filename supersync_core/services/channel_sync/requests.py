"""What somebody asks of channel syncs: start, cancel, schedule."""

import logging
import time
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import event
from sqlalchemy.orm import Session

from supersync_core.domain.execution import Trigger
from supersync_core.domain.pipeline import DesiredState, dagster_key
from supersync_core.domain.schedule import Cadence
from supersync_core.errors import ConfigError, Conflict, NotFound, SupersyncError
from supersync_core.ledger.channel_jobs import put_job
from supersync_core.ledger.checkpoints import find_checkpoint
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.answers import OneAnswer
from supersync_core.services.cancels import tell_after_commit
from supersync_core.services.channel_sync.directory import KIND, Directory, pipeline_of
from supersync_core.services.executions import get_execution, open_execution, request_cancel
from supersync_core.services.launcher import Launcher
from supersync_core.services.schedules import put_schedule
from supersync_core.services.switches import switch_pipeline
from supersync_core.services.triggers import require_daemon

logger = logging.getLogger(__name__)

CANCEL_S = 2.0
"""A sync that somebody cancels ends within this time."""
LOOK_S = 0.05


class JobNotFound(NotFound):
    """There is no such sync of a channel."""


class NotRunning(Conflict):
    """The sync has ended, so it cannot be cancelled."""


@dataclass(frozen=True)
class StartRequest:
    """What is asked for. `key`: the caller's name for this very request."""

    channel_id: str
    force: bool = False
    key: str | None = None


@dataclass(frozen=True)
class Started:
    """A sync that is queued. `estimated`: messages that it will read; None where nobody can tell."""

    execution_id: int
    channel_id: str
    estimated: int | None
    at: datetime


@dataclass(frozen=True)
class ScheduleRequest:
    """When a channel shall be synced. `cadence` None: as before. `enabled` false: not for now."""

    channel_id: str
    cadence: Cadence | None
    enabled: bool


def start_sync(
    session: Session, launcher: Launcher, directory: Directory, request: StartRequest, *, caller: str, at: datetime
) -> Started:
    """Queue a sync, launched in the background once the transaction is committed. A channel's pipeline is registered.

    When `caller` asks again with the same key, nothing is done and the answer is the same. Raises ChannelNotFound,
    Conflict while a sync of the channel is live, BadData for a key of another request, PlatformErrors, and Unavailable
    with nothing queued when nobody would start it.
    """
    asked = {"action": "channel_sync.start", "channel_id": request.channel_id, "force": request.force}
    once = OneAnswer(session, caller, request.key, asked, at=at)
    if once.given is not None:
        given = once.given
        began = datetime.fromisoformat(given["at"])
        return Started(given["execution_id"], request.channel_id, given["estimated"], began)
    pipeline, is_new = pipeline_of(session, directory, request.channel_id, at=at)
    require_daemon(launcher)
    execution = open_execution(session, pipeline, trigger=Trigger.MANUAL, at=at)
    estimated = _estimate(session, directory, pipeline, request)
    put_job(session, execution.id, force=request.force, estimated=estimated, total=estimated)
    started = Started(execution.id, request.channel_id, estimated, at)
    once.keep({"execution_id": execution.id, "estimated": estimated, "at": at.isoformat()})
    if is_new:
        _reload_after_commit(session, launcher)
    key = dagster_key(pipeline.name)
    event.listen(session, "after_commit", lambda _: launcher.launch_soon(key, execution.id), once=True)
    return started


def cancel_sync(ledger: Ledger, launcher: Launcher, execution_id: int, *, at: datetime) -> Execution:
    """End a sync, and wait for its end, which comes within two seconds; the execution, as it is then.

    What it has stored stays stored, and the next sync goes on from there. Raises JobNotFound, and NotRunning for one
    that has ended, also while it was being cancelled.
    """
    with ledger.begin() as session:
        execution = find_job(session, execution_id)
        if execution.state.is_final:
            raise NotRunning(f"the job is {execution.state.value} already")
        execution = request_cancel(session, execution_id, at=at)
        tell_after_commit(session, launcher, execution)
    deadline = time.monotonic() + CANCEL_S
    while not execution.state.is_final and time.monotonic() < deadline:
        time.sleep(LOOK_S)
        with ledger.begin() as session:
            execution = get_execution(session, execution_id)
    return execution


def find_job(session: Session, execution_id: int) -> Execution:
    """The sync of that number. Raises JobNotFound."""
    found = session.get(Execution, execution_id)
    if found is not None and session.get_one(Pipeline, found.pipeline_id).kind is KIND:
        return found
    raise JobNotFound("there is no such job")


def set_schedule(
    session: Session, launcher: Launcher, directory: Directory, request: ScheduleRequest, *, at: datetime
) -> Pipeline:
    """Sync a channel by a cadence, or keep that and do not sync. It counts from its next tick on.

    Raises ChannelNotFound, Conflict, PlatformErrors, Unavailable; and ConfigError where there is no cadence.
    """
    pipeline, is_new = pipeline_of(session, directory, request.channel_id, at=at)
    before = _cadence(pipeline)
    if request.cadence is not None:
        put_schedule(session, pipeline, request.cadence, at=at)
        session.flush()
        session.refresh(pipeline)
    elif before is None:
        raise ConfigError("the channel has no schedule yet: say which")
    state = DesiredState.RUNNING if request.enabled else DesiredState.PAUSED
    if not is_new:
        switch_pipeline(session, launcher, pipeline.name, state, at=at)
    pipeline.desired_state = state
    if pipeline.schedule is not None:
        pipeline.schedule.enabled = True
    session.flush()
    if is_new or _cadence(pipeline) != before:
        _reload_after_commit(session, launcher)
    return pipeline


def _estimate(session: Session, directory: Directory, pipeline: Pipeline, request: StartRequest) -> int | None:
    """How many messages there will be. Raises NotFound for a channel that is gone; other trouble is the run's."""
    stored = find_checkpoint(session, pipeline.id)
    cursor = stored.position.get("cursor") if stored and not request.force else None
    try:
        source = directory.source(pipeline.spec["source"]["connection"])
        return None if source is None else source.count(request.channel_id, cursor)
    except NotFound:
        raise
    except SupersyncError as error:
        logger.info("nobody can tell how many messages %s has: %s", request.channel_id, error)
        return None


def _cadence(pipeline: Pipeline) -> Cadence | None:
    found = pipeline.schedule
    return None if found is None else Cadence(found.cron, found.every_s, found.timezone)


def _reload_after_commit(session: Session, launcher: Launcher) -> None:
    event.listen(session, "after_commit", lambda _: launcher.reload(), once=True)
