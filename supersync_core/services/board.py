"""How every pipeline stands, for many who look at once: read from the ledger at most once a moment."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from threading import Lock
from typing import Any
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.orm import Session

from supersync_core.clock import Clock
from supersync_core.domain.check import Freshness
from supersync_core.domain.execution import Counts, ExecutionState, Trigger
from supersync_core.domain.pipeline import DesiredState, PipelineKind, dagster_key
from supersync_core.domain.schedule import Cadence
from supersync_core.errors import Unavailable
from supersync_core.ledger.board import select_standings
from supersync_core.ledger.database import Ledger
from supersync_core.services.launcher import Launcher, ScheduleState
from supersync_core.services.refresh import Refreshed

logger = logging.getLogger(__name__)

LOOK_S = 0.8
"""A snapshot is at most this old, so that who waits for a change hears of it within a second."""


@dataclass(frozen=True)
class LastRun:
    """The newest closed execution of a pipeline. `error`: the message, where it failed or was cancelled.

    `unusual`: the metrics that were found unusual. `retryable`: the same run may succeed later.
    """

    id: int
    public_id: UUID
    state: ExecutionState
    trigger: Trigger | None
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime
    counts: Counts
    error: str | None
    dagster_run_id: str | None
    unusual: tuple[str, ...] = ()
    retryable: bool = False

    @property
    def seconds(self) -> float:
        """From start to end; 0 for one that was closed before it began."""
        return (self.ended_at - self.started_at).total_seconds() if self.started_at else 0.0


@dataclass(frozen=True)
class LiveRun:
    """The execution that is queued or running."""

    id: int
    public_id: UUID
    state: ExecutionState
    trigger: Trigger | None
    queued_at: datetime
    started_at: datetime | None
    stage: str | None
    progress_rows: int
    progress_bytes: int
    cancel_requested: bool
    dagster_run_id: str | None


@dataclass(frozen=True)
class Standing:
    """A pipeline at a glance.

    `active`: its schedule ticks, or would if it had one. `next_at`: its next tick, None while it is not active or has
    no schedule. `succeeded_at`: the end of its last success. `changed_at`: the newest change of its rows, `stale_from`
    when that is older than `freshness`, its own or its type's, lets it be; `muted`: nobody wants to hear of that.

    What others run may be running many times at once, and nobody says when one of them has died: its `live` execution
    is one that began after the `last` one.
    """

    id: int
    name: str
    key: str
    title: str
    kind: PipelineKind
    desired_state: DesiredState
    active: bool
    next_at: datetime | None
    cadence: Cadence | None
    freshness: Freshness | None
    group: str | None
    last: LastRun | None
    live: LiveRun | None
    succeeded_at: datetime | None
    changed_at: datetime | None
    stale_from: datetime | None
    muted: bool


@dataclass(frozen=True)
class Snapshot:
    """All pipelines that are not retired, by name. `version` grows when anything in it has changed."""

    version: int
    standings: tuple[Standing, ...]
    daemon_alive: bool

    def of_kind(self, kind: PipelineKind) -> tuple[Standing, ...]:
        """Those of one kind."""
        return tuple(standing for standing in self.standings if standing.kind is kind)


def usual_zone(standings: Sequence[Standing]) -> str:
    """The time zone in which most of these pipelines are scheduled; UTC where none is."""
    zones = Counter(standing.cadence.timezone for standing in standings if standing.cadence)
    return min(zones, key=lambda zone: (-zones[zone], zone), default="UTC")


class Board:
    """Snapshots for all who look within one process: one query of the ledger, and one look at the launcher, for all."""

    def __init__(self, ledger: Ledger, launcher: Launcher, clock: Clock) -> None:
        """Nothing is read yet."""
        self._ledger, self._launcher, self._clock = ledger, launcher, clock
        self._looking = Lock()
        self._seen: tuple[Any, ...] = ((), (), False)
        self._schedules: Mapping[str, ScheduleState] = {}
        self._snapshot = Snapshot(0, (), False)
        self._refreshed = Refreshed(self._look, LOOK_S)

    def fresh(self) -> Snapshot | None:
        """The snapshot, if it is young enough. Never waits. Raises Unavailable while the ledger does not answer."""
        return self._refreshed.fresh()

    def future(self) -> "Future[Snapshot]":
        """A future of a snapshot that is young enough."""
        return self._refreshed.future()

    def snapshot(self) -> Snapshot:
        """A snapshot that is young enough, waited for. Raises Unavailable."""
        return self._refreshed.get()

    def forget(self) -> None:
        """Call this after a change, so that whoever made it sees it at once."""
        self._refreshed.forget()

    def forget_after(self, session: Session) -> None:
        """The same, once the transaction is committed."""
        event.listen(session, "after_commit", lambda _: self.forget(), once=True)

    def _look(self) -> Snapshot:
        # One after the other: a snapshot that was read earlier must not replace one that was read later.
        with self._looking:
            with self._ledger.begin() as session:
                rows = select_standings(session)
            alive, now = self._ask_launcher(), self._clock()
            ticks = [_ticks(row, self._schedules, now) for row in rows]
            if (rows, ticks, alive) != self._seen:
                standings = tuple(_standing(row, *tick) for row, tick in zip(rows, ticks, strict=True))
                self._snapshot = Snapshot(self._snapshot.version + 1, standings, alive)
                self._seen = (rows, ticks, alive)
            return self._snapshot

    def _ask_launcher(self) -> bool:
        """Look at the schedules; whether the daemon is alive. A launcher that is away leaves what was seen last."""
        try:
            self._schedules = self._launcher.schedules()
            return self._launcher.daemon().alive
        except Unavailable as error:
            logger.warning("the schedules are those seen last: %s", error)
            return False


_key = lru_cache(maxsize=1 << 16)(dagster_key)


def _ticks(row: Any, schedules: Mapping[str, ScheduleState], now: datetime) -> tuple[bool, datetime | None]:
    """Whether a pipeline's schedule ticks, and when it does so next. Two switches must be on: the ledger's and its own.

    The launcher knows schedules that are a cron. The others are the ledger's, and so is one not loaded yet.
    """
    wanted = row.desired_state is DesiredState.RUNNING
    cadence = _cadence(row)
    if cadence is None:
        return wanted, None
    known = schedules.get(_key(row.name)) if cadence.as_cron is not None else None
    active = wanted and (known.running if known else row.schedule_enabled)
    if not active:
        return False, None
    return True, known.next_at if known else row.schedule_next_due_at or cadence.next_run(now)


# A cadence checks itself, which is too much for a thousand of them each second.
_checked_cadence = lru_cache(maxsize=1 << 12)(Cadence)


def _cadence(row: Any) -> Cadence | None:
    if row.schedule_timezone is None:
        return None
    return _checked_cadence(row.schedule_cron, row.schedule_every_s, row.schedule_timezone)


def _standing(row: Any, active: bool, next_at: datetime | None) -> Standing:
    freshness = Freshness(row.freshness_number, row.freshness_datepart) if row.freshness_number else None
    return Standing(
        id=row.id,
        name=row.name,
        key=_key(row.name),
        title=row.title or row.name,
        kind=row.kind,
        desired_state=row.desired_state,
        active=active,
        next_at=next_at,
        cadence=_cadence(row),
        freshness=freshness,
        group=row.group_name,
        last=_last(row) if row.last_id is not None else None,
        live=_live(row) if _is_live(row) else None,
        succeeded_at=row.succeeded_at,
        changed_at=row.changed_at,
        stale_from=row.stale_from,
        muted=row.muted,
    )


def _is_live(row: Any) -> bool:
    if row.live_id is None or row.last_id is None or row.kind is not PipelineKind.EXTERNAL:
        return row.live_id is not None
    return bool(row.live_queued_at > row.last_queued_at)


def _last(row: Any) -> LastRun:
    return LastRun(
        id=row.last_id,
        public_id=row.last_public_id,
        state=row.last_state,
        trigger=row.last_trigger,
        queued_at=row.last_queued_at,
        started_at=row.last_started_at,
        ended_at=row.last_ended_at,
        counts=Counts(
            extracted=row.last_rows_extracted or 0,
            inserted=row.last_rows_inserted or 0,
            updated=row.last_rows_updated or 0,
            unchanged=row.last_rows_unchanged,
            deleted=row.last_rows_deleted or 0,
        ),
        error=row.last_error,
        dagster_run_id=row.last_dagster_run_id,
        unusual=tuple(sorted(metric for metric, so in (row.last_anomaly_flags or {}).items() if so)),
        retryable=bool(row.last_retryable),
    )


def _live(row: Any) -> LiveRun:
    return LiveRun(
        id=row.live_id,
        public_id=row.live_public_id,
        state=row.live_state,
        trigger=row.live_trigger,
        queued_at=row.live_queued_at,
        started_at=row.live_started_at,
        stage=row.live_stage,
        progress_rows=row.live_progress_rows,
        progress_bytes=row.live_progress_bytes,
        cancel_requested=row.live_cancel_requested,
        dagster_run_id=row.live_dagster_run_id,
    )
