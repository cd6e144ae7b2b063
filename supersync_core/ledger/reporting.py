"""Read what pipelines have done, added up by day and pipeline: in one query, with the sums of each day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import DateTime, Row, bindparam, text
from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import fold_name

# Executions are added up by day and pipeline first; what remains is small. Of ours only roots count; what others report
# always counts, for its parent is often another pipeline's.
_REPORT = text("""
    WITH wanted AS (
      SELECT pipeline.id, pipeline.name_key, pipeline.name, coalesce(pipeline.title, pipeline.name) AS title,
        pipeline.retired_at IS NOT NULL AS retired, type.name AS type_name
      FROM supersync.pipelines pipeline LEFT JOIN supersync.pipeline_types type ON type.id = pipeline.type_id
      WHERE (:contains = '' OR strpos(pipeline.name_key, :contains) > 0 OR strpos(lower(pipeline.title), :contains) > 0)
        AND (:type_name = '' OR type.name_key = :type_name)
    ), runs AS (
      SELECT pipeline_id, (coalesce(started_at, queued_at) AT TIME ZONE 'UTC')::date AS day, state = 'failed' AS failed,
        rows_inserted, rows_updated, rows_deleted, rows_extracted, date_part('epoch', ended_at - started_at) AS seconds
      FROM supersync.executions
      WHERE coalesce(started_at, queued_at) >= :since AND (parent_id IS NULL OR NOT managed)
        AND pipeline_id IN (SELECT id FROM wanted)
    ), days AS (
      SELECT pipeline_id, day, count(*) AS executions, count(*) FILTER (WHERE failed) AS failed,
        sum(rows_inserted) AS inserts, sum(rows_updated) AS updates, sum(rows_deleted) AS deletes,
        sum(rows_extracted) AS rows, sum(seconds) AS seconds, count(seconds) AS ended,
        sum(rows_extracted) FILTER (WHERE seconds IS NOT NULL) AS rows_timed,
        sum(seconds) FILTER (WHERE rows_extracted IS NOT NULL) AS seconds_counted
      FROM runs GROUP BY pipeline_id, day
    ), sums AS (
      SELECT grouping(day, pipeline_id) AS level, day, pipeline_id,
        coalesce(sum(executions), 0)::bigint AS executions, coalesce(sum(failed), 0)::bigint AS failed,
        coalesce(sum(inserts), 0)::bigint AS inserts, coalesce(sum(updates), 0)::bigint AS updates,
        coalesce(sum(deletes), 0)::bigint AS deletes, coalesce(sum(rows), 0)::bigint AS rows,
        (sum(seconds) / nullif(sum(ended), 0))::float AS seconds,
        sum(rows_timed)::float / nullif(sum(seconds_counted), 0) AS throughput
      FROM days GROUP BY GROUPING SETS ((day, pipeline_id), (day), ())
    ), placed AS (
      SELECT sums.*, name, title, retired, type_name,
        row_number() OVER (PARTITION BY level ORDER BY day DESC, name_key) AS place,
        count(*) FILTER (WHERE level = 0) OVER () AS lines
      FROM sums LEFT JOIN wanted ON wanted.id = pipeline_id
    )
    SELECT * FROM placed WHERE level > 0 OR place > :offset AND (:limit IS NULL OR place <= :offset + :limit)
    ORDER BY level, place
""").bindparams(bindparam("since", type_=DateTime(timezone=True)))
_LINE, _DAY, _ALL = 0, 1, 3
"""What GROUPING says of a line, of the sums of a day, and of those of all days."""


@dataclass(frozen=True)
class Sums:
    """What executions add up to. Counts that nobody reported count as none.

    `seconds`: the mean length of those that have ended, None where none has. `throughput`: rows in a second, over those
    that have ended and whose rows are known; None where there is none, or they took no time.
    """

    executions: int
    failed: int
    inserts: int
    updates: int
    deletes: int
    rows: int
    seconds: float | None
    throughput: float | None


@dataclass(frozen=True)
class Line:
    """A pipeline on a day, in UTC. `retired`: nobody declares it any more, so it has no page."""

    day: date
    name: str
    title: str
    type_name: str | None
    retired: bool
    sums: Sums


@dataclass(frozen=True)
class Report:
    """Lines, the newest day first; how many there are on all pages; the sums of each day, and of all."""

    lines: list[Line]
    total: int
    days: Mapping[date, Sums]
    sums: Sums


def select_report(
    session: Session,
    since: datetime,
    *,
    contains: str = "",
    type_name: str = "",
    limit: int | None = None,
    offset: int = 0,
) -> Report:
    """What has begun since a time, or a page of it; the sums are those of all pages.

    `contains`: part of a pipeline's name or title; `type_name`: of its type, both whatever their case. The empty text
    means any.
    """
    wanted = {"since": since, "contains": fold_name(contains), "type_name": fold_name(type_name)}
    rows = session.execute(_REPORT, {**wanted, "limit": limit, "offset": offset}).all()
    everything = next(row for row in rows if row.level == _ALL)
    return Report(
        lines=[
            Line(row.day, row.name, row.title, row.type_name, row.retired, _sums(row))
            for row in rows
            if row.level == _LINE
        ],
        total=everything.lines,
        days={row.day: _sums(row) for row in rows if row.level == _DAY},
        sums=_sums(everything),
    )


def _sums(row: Row[Any]) -> Sums:
    return Sums(
        executions=row.executions,
        failed=row.failed,
        inserts=row.inserts,
        updates=row.updates,
        deletes=row.deletes,
        rows=row.rows,
        seconds=row.seconds,
        throughput=row.throughput,
    )
