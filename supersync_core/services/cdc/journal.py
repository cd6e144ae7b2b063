"""The memory of a CDC pipeline in the ledger: checkpoints, dead letters, schemas, status."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy.orm import Session

from supersync_core.clock import Clock, utcnow
from supersync_core.connectors.changes import Refused
from supersync_core.domain.change import Position, SourceTable
from supersync_core.domain.envelopes import Native
from supersync_core.domain.execution import Progress
from supersync_core.engines.cdc.journal import DeadLetter, QueueFull, Replay
from supersync_core.engines.cdc.sensing.sensor import Kept
from supersync_core.errors import AbortError, Unavailable
from supersync_core.ledger.checkpoints import advance_checkpoints, select_checkpoints
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.dead_letters import (
    count_dead_letters,
    delete_expired_dead_letters,
    delete_oldest_dead_letters,
    delete_these_dead_letters,
    insert_dead_letters,
    select_resting,
)
from supersync_core.ledger.pipeline_status import put_status, select_statuses
from supersync_core.ledger.schemas import register_schema, track_table
from supersync_core.services.cdc.findings import keep_sensed, note_dead_letters, read_sensed, resolve_dead_letters
from supersync_core.services.cdc.replay import read_replays, wire_of
from supersync_core.services.cdc.spec import JournalSpec
from supersync_core.services.executions import LEASE, MAX_MESSAGE, lease_lost, renew_lease

logger = logging.getLogger(__name__)

CURRENT_STEP_S = 10
"""Up to when a stream is current is told in steps of so many seconds."""
NOTICE = "left out: the event is larger than journal.max_event_bytes"


@dataclass(frozen=True)
class Run:
    """Which run writes: its pipeline, its execution, and the owner of that execution's lease."""

    pipeline_id: int
    execution_id: int
    owner: str
    tenant: str
    started_at: datetime


class LedgerJournal:
    """A `Journal` over the ledger. Each write first renews the lease, in the same transaction: or it is LeaseLost."""

    def __init__(
        self, ledger: Ledger, run: Run, rules: JournalSpec | None, native: Native, clock: Clock = utcnow
    ) -> None:
        """`native` draws the event of a dead letter."""
        self._ledger, self._run, self._native, self._clock = ledger, run, native, clock
        self._rules = rules or JournalSpec()
        self._progress = Progress("running")
        self._before: Mapping[str, Any] | None = None

    def checkpoints(self) -> Mapping[str, Position]:
        """See `Journal`."""
        with self._ledger.begin() as session:
            return {row.part: read_position(row.position) for row in select_checkpoints(session, self._run.pipeline_id)}

    def commit(  # noqa: PLR0913  # what a batch has led to
        self,
        positions: Mapping[str, Position],
        dead: Sequence[DeadLetter],
        *,
        events: int,
        bytes: int,
        replayed: Sequence[int] = (),
    ) -> None:
        """See `Journal`."""
        done = self._progress
        progress = Progress("running", done.rows + events, done.bytes + bytes)
        with self._advancing(progress, positions) as session:
            if replayed:
                delete_these_dead_letters(session, self._run.pipeline_id, replayed)
            if dead:
                self._put_aside(session, dead)
            elif replayed:
                resolve_dead_letters(session, self._run.pipeline_id, at=self._clock())
        self._progress = progress

    def put_aside(self, sink_id: str, refused: Sequence[Refused], position: Position) -> None:
        """A `PutAside`. What a run that has died has put aside before is not put aside again."""
        dead = [DeadLetter(sink_id, one, position) for one in refused]
        try:
            with self._writing(self._progress) as session:
                ids = [one.refused.change.event_id for one in dead]
                known = select_resting(session, self._run.pipeline_id, sink_id, ids)
                new = [one for one in dead if one.refused.change.event_id not in known]
                if new:
                    self._put_aside(session, new)
        except QueueFull:
            raise Unavailable("the queue of dead letters is full: take something out") from None

    def replays(self, sink_ids: Sequence[str], limit: int) -> Sequence[Replay]:
        """See `Journal`."""
        with self._ledger.begin() as session:
            return read_replays(session, self._run.pipeline_id, self._run.tenant, sink_ids, limit=limit)

    def register(self, table: SourceTable, position: Position | None) -> int:
        """See `Journal`."""
        with self._writing(self._progress) as session:
            version = register_schema(session, self._run.tenant, table, position, at=self._clock())
            database = table.schema or table.database
            track_table(session, self._run.pipeline_id, database, table.name, schema_id=version.id, at=self._clock())
            return version.version

    def report(self, status: Mapping[str, Any]) -> None:
        """See `Journal`."""
        now, said = self._clock(), dict(status)
        counters = said.pop("counters", {})
        known: dict[str, Any] = {}
        if not said.get("paused"):
            known["current_at"] = _in_steps(now - timedelta(seconds=said.get("lag_seconds") or 0.0))
        with self._writing(self._progress) as session:
            if self._before is None:
                self._before = self._counters(session)
            known["counters"] = add_counters(self._before, counters)
            ours = (self._run.pipeline_id, self._run.execution_id)
            put_status(session, *ours, said, started_at=self._run.started_at, at=now, **known)

    def _counters(self, session: Session) -> Mapping[str, Any]:
        """What all runs before this one have done."""
        found = select_statuses(session, [self._run.pipeline_id]).get(self._run.pipeline_id)
        return found.counters if found is not None else {}

    def sensed(self) -> Kept:
        """See `Journal`."""
        with self._ledger.begin() as session:
            return read_sensed(session, self._run.pipeline_id)

    def keep_sensed(self, state: Kept) -> None:
        """See `Journal`."""
        with self._writing(self._progress) as session:
            keep_sensed(session, self._run.pipeline_id, state, at=self._clock())

    @contextmanager
    def _writing(self, progress: Progress) -> Iterator[Session]:
        with self._ledger.begin() as session:
            renew_lease(session, self._run.execution_id, owner=self._run.owner, progress=progress)
            yield session

    @contextmanager
    def _advancing(self, progress: Progress, positions: Mapping[str, Position]) -> Iterator[Session]:
        """The same, and how far the sinks are."""
        if not positions:
            with self._writing(progress) as session:
                yield session
            return
        written = {sink_id: write_position(position) for sink_id, position in positions.items()}
        ours = (self._run.execution_id, self._run.owner)
        with self._ledger.begin() as session:
            if not advance_checkpoints(session, *ours, written, progress=progress, ttl=LEASE, at=self._clock()):
                raise lease_lost(self._run.execution_id)
            yield session

    def _put_aside(self, session: Session, dead: Sequence[DeadLetter]) -> None:
        """Keep dead letters by the rules. Raises AbortError where there is no queue, QueueFull where it blocks."""
        if not self._rules.enabled:
            first = dead[0]
            raise AbortError(
                f"sink {first.sink_id} refuses an event ({first.refused.kind}: {first.refused.message}), and there is"
                " no dead letter queue for it: set spec.journal.enabled"
            )
        queue, pipeline_id = self._rules.dlq, self._run.pipeline_id
        oldest = self._clock() - timedelta(seconds=queue.max_age_secs)
        delete_expired_dead_letters(session, pipeline_id, before=oldest)
        room = queue.max_entries - count_dead_letters(session, pipeline_id)
        if len(dead) > room and queue.overflow_policy == "block":
            raise QueueFull
        if len(dead) > room and queue.overflow_policy == "reject":
            logger.error("pipeline %s: %s dead letters are lost: the queue is full", pipeline_id, len(dead) - room)
            dead = dead[: max(room, 0)]
        if dead:
            insert_dead_letters(session, [self._row(one) for one in dead])
            note_dead_letters(session, pipeline_id, dead, at=self._clock())
        if len(dead) > room:
            delete_oldest_dead_letters(session, pipeline_id, keep=queue.max_entries)

    def _row(self, dead: DeadLetter) -> dict[str, Any]:
        change = dead.refused.change
        event: dict[str, Any] = _storable(self._native(change))
        size = len(orjson.dumps([event["before"], event["after"]]))
        truncated = size > self._rules.max_event_bytes
        if truncated:
            event |= {name: NOTICE for name in ("before", "after") if event[name] is not None}
        return {
            "pipeline_id": self._run.pipeline_id,
            "sink_id": dead.sink_id,
            "error_kind": dead.refused.kind,
            "error_message": dead.refused.message[:MAX_MESSAGE].replace("\0", ""),
            "event_id": change.event_id,
            "event": event,
            "payload_truncated": truncated,
            "position": dict(dead.position.data),
            "wire": _storable(orjson.dumps(wire_of(change))),
            "created_at": self._clock(),
        }


def _storable(text: bytes) -> Any:
    """JSON without NUL, which PostgreSQL's does not hold."""
    return orjson.loads(text.replace(b"\\u0000", b"\\ufffd"))


def _in_steps(time: datetime) -> datetime:
    """So that what is shown of a stream in which nothing comes need not be drawn anew every second."""
    return time - timedelta(seconds=time.timestamp() % CURRENT_STEP_S)


def add_counters(before: Any, now: Any) -> Any:
    """Numbers added to those of the same names, however deep they are."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        names = [*before, *(name for name in now if name not in before)]
        return {name: add_counters(before.get(name), now.get(name)) for name in names}
    return before if now is None else now if before is None else before + now


def write_position(position: Position) -> dict[str, Any]:
    """A position as a checkpoint keeps it."""
    return {"order": list(position.order), "data": dict(position.data)}


def read_position(kept: Mapping[str, Any]) -> Position:
    """A position that a checkpoint has kept."""
    return Position(tuple(kept["order"]), kept["data"])
