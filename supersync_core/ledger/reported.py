"""Write executions that others report: any number in one statement, because they are what is asked for most.

Every value comes as an array with one element for each execution: so the planner knows how few there are.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from supersync_core.ledger.prepared import Prepared

# A parent that is not there is no parent. What is looked up row by row goes by the index, whatever the planner knows.
_START = Prepared(
    "supersync_start",
    """
    WITH wanted AS MATERIALIZED (
      SELECT * FROM unnest(
        CAST(:public_id AS uuid[]), CAST(:pipeline_id AS bigint[]), CAST(:parent_id AS bigint[]),
        CAST(:started_at AS timestamptz[]), CAST(:watermark AS text[]), CAST(:next_watermark AS text[])
      ) WITH ORDINALITY AS given(public_id, pipeline_id, parent_id, started_at, watermark, next_watermark, n)
    ), started AS (
      INSERT INTO supersync.executions (public_id, pipeline_id, parent_id, managed, state, queued_at, started_at,
        watermark_before, watermark_after, rows_extracted, rows_inserted, rows_updated, rows_deleted)
      SELECT public_id, pipeline.id, (SELECT id FROM supersync.executions WHERE id = wanted.parent_id),
        false, 'running', started_at, started_at, wanted.watermark, wanted.next_watermark, NULL, NULL, NULL, NULL
      FROM wanted CROSS JOIN LATERAL (
        SELECT id FROM supersync.pipelines WHERE id = wanted.pipeline_id AND kind = 'external' LIMIT 1
      ) pipeline
      ORDER BY n
      RETURNING id, public_id
    )
    SELECT started.id, pipeline.name
    FROM wanted LEFT JOIN started USING (public_id)
    LEFT JOIN LATERAL (SELECT name FROM supersync.pipelines WHERE id = wanted.pipeline_id LIMIT 1) pipeline ON true
    ORDER BY n
""",
)

# What is not said again stays as it is. What is said again as it was changes nothing: nobody judges it anew.
# Of several ends of one pipeline the last one says when its rows changed; pipelines are locked in one order.
_END = Prepared(
    "supersync_end",
    """
    WITH wanted AS MATERIALIZED (
      SELECT * FROM unnest(
        CAST(:id AS bigint[]), CAST(:ended_at AS timestamptz[]), CAST(:state AS text[]), CAST(:total_rows AS bigint[]),
        CAST(:inserts AS bigint[]), CAST(:updates AS bigint[]), CAST(:soft_deletes AS bigint[]),
        CAST(:extra AS jsonb[])
      ) WITH ORDINALITY AS given(id, ended_at, state, total_rows, inserts, updates, soft_deletes, extra, n)
    ), known AS MATERIALIZED (
      SELECT wanted.n, execution.id, execution.pipeline_id, CASE
        WHEN execution.id IS NULL THEN 'unknown'
        WHEN execution.managed THEN 'ours'
        WHEN execution.started_at < wanted.ended_at THEN 'ended'
        ELSE 'out of order' END AS outcome
      FROM wanted LEFT JOIN LATERAL (
        SELECT id, pipeline_id, managed, started_at FROM supersync.executions WHERE id = wanted.id LIMIT 1
      ) execution ON true
    ), ended AS (
      UPDATE supersync.executions SET
        state = coalesce(wanted.state, CASE WHEN executions.state = 'running' THEN 'cancelled'
          ELSE executions.state END),
        ended_at = wanted.ended_at,
        rows_extracted = coalesce(total_rows, rows_extracted),
        rows_inserted = coalesce(inserts, rows_inserted),
        rows_updated = coalesce(updates, rows_updated),
        rows_deleted = coalesce(soft_deletes, rows_deleted),
        extra = coalesce(wanted.extra, executions.extra),
        error = NULL,
        judged_at = CASE WHEN coalesce(wanted.state, executions.state) = 'succeeded' AND EXISTS (
          SELECT FROM supersync.check_rules rule
          WHERE rule.pipeline_id = executions.pipeline_id AND rule.kind = 'anomaly' AND rule.active
        ) THEN NULL ELSE CAST(:at AS timestamptz) END
      FROM wanted JOIN known USING (n)
      WHERE executions.id = wanted.id AND known.outcome = 'ended'
        AND (executions.ended_at, executions.state, rows_extracted, rows_inserted, rows_updated, rows_deleted,
          executions.extra)
        IS DISTINCT FROM (wanted.ended_at,
          coalesce(wanted.state, CASE WHEN executions.state = 'running' THEN 'cancelled' ELSE executions.state END),
          coalesce(total_rows, rows_extracted), coalesce(inserts, rows_inserted), coalesce(updates, rows_updated),
          coalesce(soft_deletes, rows_deleted), coalesce(wanted.extra, executions.extra))
      RETURNING n, executions.pipeline_id, executions.state, executions.ended_at, rows_inserted, rows_updated,
        rows_deleted
    ), moved AS MATERIALIZED (
      SELECT pipeline_id,
        (array_agg(ended_at ORDER BY n DESC) FILTER (WHERE rows_inserted > 0))[1] AS inserted_at,
        (array_agg(ended_at ORDER BY n DESC) FILTER (WHERE rows_updated > 0))[1] AS updated_at,
        (array_agg(ended_at ORDER BY n DESC) FILTER (WHERE rows_deleted > 0))[1] AS deleted_at
      FROM ended WHERE state = 'succeeded' GROUP BY pipeline_id
    ), locked AS MATERIALIZED (
      SELECT id FROM supersync.pipelines WHERE id = ANY (ARRAY(SELECT pipeline_id FROM moved))
      ORDER BY id FOR NO KEY UPDATE
    ), noted AS (
      UPDATE supersync.pipelines SET
        watermark = next_watermark,
        last_inserted_at = coalesce(moved.inserted_at, last_inserted_at),
        last_updated_at = coalesce(moved.updated_at, last_updated_at),
        last_deleted_at = coalesce(moved.deleted_at, last_deleted_at),
        load_lineage = false
      FROM locked JOIN moved ON moved.pipeline_id = locked.id WHERE pipelines.id = locked.id
    )
    SELECT outcome, (SELECT name FROM supersync.pipelines WHERE id = known.pipeline_id) AS name FROM known ORDER BY n
""",
)


class Started(NamedTuple):
    """`id` None: there is no such pipeline, or (with `pipeline`, its name) supersync runs it."""

    id: int | None
    pipeline: str | None


class Ended(NamedTuple):
    """`outcome`: `ended`, `unknown`, `ours` or `out of order`. `pipeline`: its name, where the execution is known."""

    outcome: str
    pipeline: str | None


def insert_started(session: Session, starts: Sequence[Mapping[str, Any]]) -> list[Started]:
    """Running executions of pipelines that others run, in their order.

    Each has: public_id, pipeline_id, parent_id, started_at, watermark, next_watermark. A parent that is not there is no
    parent.
    """
    return [Started(*row) for row in _START.execute(session, _columns(starts))]


def update_ended(session: Session, ends: Sequence[Mapping[str, Any]], *, at: datetime) -> list[Ended]:
    """End executions, or correct their ends; what became of each. No two are of one execution.

    Each has: id, ended_at, state, total_rows, inserts, updates, soft_deletes, extra (JSON as text); of those None, what
    is known stays. A success also moves its pipeline on: `watermark` becomes what `next_watermark` is, and so on
    (Watcher).
    """
    return [Ended(*row) for row in _END.execute(session, {**_columns(ends), "at": at})]


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
