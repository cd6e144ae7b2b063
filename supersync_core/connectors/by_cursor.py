"""Which rows are new, for systems that can tell it only by a cursor column.

A transaction may commit late, with a cursor value below one that was read before. So a run reads again from the
*settled mark*: the largest value that was seen at least `lookback` ago (two marks are kept, and the younger takes the
older's place when it has come of age). For a cursor that is a time it reads as well whatever is younger than
`lookback` before the last snapshot, by the source's clock. Hence the promise: a row is found if its transaction
commits within `lookback` (default one hour) after the cursor value was given; one that takes longer is missed until a
full run. Rows at the mark itself are read again until the mark has come of age; rows whose cursor is NULL always are.

The first run has no older mark, and a cursor that is no time has no clock either: then everything is read once more,
as soon as the first run is `lookback` ago, for the rows that were on their way during it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from supersync_core.connectors.base import ReadPlan
from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.table import TableSchema
from supersync_core.domain.table_sync import Mode, Reading, Relation
from supersync_core.errors import ConfigError, NotFound

DEFAULT_LOOKBACK = timedelta(hours=1)


@dataclass(frozen=True)
class Bound:
    """Rows above `value`, and at it when `inclusive`. Times are in UTC, without a zone."""

    value: str
    inclusive: bool


@dataclass(frozen=True)
class Range:
    """Rows that any of the bounds lets in; and rows without a cursor value, when `nulls`."""

    cursor: str
    bounds: tuple[Bound, ...]
    nulls: bool


def is_time(type_name: str) -> bool:
    """Whether a cursor of that PostgreSQL type can be compared with a clock."""
    return type_name == "date" or type_name.startswith("timestamp")


@dataclass(frozen=True)
class Snapshot:
    """A source's snapshot of one relation. `largest` finds a column's largest value in it, None when it has none."""

    origin: str
    taken_at: datetime
    largest: Callable[[str], str | None]


def plan_by_cursor(
    relation: Relation, schema: TableSchema, reading: Reading, since: TableCheckpoint | None, snapshot: Snapshot
) -> ReadPlan:
    """The plan of such a source; its `where` is a Range, or None for every row. Raises NotFound, ConfigError."""
    cursor = reading.cursor
    if cursor is not None and cursor not in schema:
        raise NotFound(f"{relation} has no column {cursor!r} to be the cursor; it has: {', '.join(schema.names)}")
    # A value of another cursor column says nothing either.
    origin = f"{snapshot.origin}#{cursor or ''}"
    known = since if since and (since.origin, since.schema) == (origin, schema.fingerprint) else None
    lookback = DEFAULT_LOOKBACK if reading.lookback is None else reading.lookback
    largest = snapshot.largest(cursor) if cursor is not None else None
    if largest is None and known:
        largest = known.cursor
    horizon = None
    if cursor is not None and largest is not None:
        horizon = _remember(_Mark(largest, snapshot.taken_at), known, lookback, schema[cursor].type)
    checkpoint = TableCheckpoint(
        cursor=largest,
        horizon=horizon,
        origin=origin,
        schema=schema.fingerprint,
        taken_at=snapshot.taken_at.isoformat(),
    )
    where = None if cursor is None else _range(schema[cursor].type, cursor, reading, known, snapshot.taken_at)
    return ReadPlan(relation, schema, where is None, checkpoint, where)


def _range(type_name: str, cursor: str, reading: Reading, known: TableCheckpoint | None, now: datetime) -> Range | None:
    if reading.window is not None:
        if not is_time(type_name):
            raise ConfigError(f"a window needs a cursor that is a date or a time; {cursor!r} is {type_name}")
        return Range(cursor, (_at(now - reading.window, type_name),), nulls=False)
    if reading.mode is not Mode.INCREMENTAL or known is None or known.horizon is None:
        return None
    lookback = DEFAULT_LOOKBACK if reading.lookback is None else reading.lookback
    taken_at = datetime.fromisoformat(known.taken_at)
    settled, pending = _read_marks(known.horizon)
    if settled is None and now - pending.at >= lookback:
        return None
    settled = settled or pending
    bounds = [Bound(settled.value, inclusive=taken_at - settled.at < lookback)]
    if is_time(type_name):
        bounds.append(_at(taken_at - lookback, type_name))
    return Range(cursor, tuple(bounds), nulls=True)


def _at(moment: datetime, type_name: str) -> Bound:
    """Rows from that moment on; of dates, from its day on."""
    text = moment.strftime("%Y-%m-%d" if type_name == "date" else "%Y-%m-%d %H:%M:%S.%f")
    return Bound(text, inclusive=True)


@dataclass(frozen=True)
class _Mark:
    """The largest cursor value that the snapshot taken `at` that time showed."""

    value: str
    at: datetime


def _read_marks(horizon: str) -> tuple[_Mark | None, _Mark]:
    """The settled mark (None: there was only the first run) and the one that comes of age; inverse of `_remember`."""
    settled, pending = (mark and _Mark(mark[0], datetime.fromisoformat(mark[1])) for mark in json.loads(horizon))
    return settled, pending


def _remember(ours: _Mark, known: TableCheckpoint | None, lookback: timedelta, type_name: str) -> str:
    """The horizon to store: both marks as JSON."""
    settled: _Mark | None
    if known and known.horizon:
        settled, pending = _read_marks(known.horizon)
        if ours.at - pending.at >= lookback:
            settled, pending = pending, ours
    else:
        settled, pending = (ours if is_time(type_name) or not lookback else None), ours
    return json.dumps([mark and [mark.value, mark.at.isoformat()] for mark in (settled, pending)])
