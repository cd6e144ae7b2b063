"""Read how the ledger's database does: only its own sessions, and only the tables of supersync."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from supersync_core.domain.statement import without_values
from supersync_core.ledger.base import SCHEMA


@dataclass(frozen=True)
class Server:
    """The server, and the ledger's database on it. Sizes in bytes, `ledger_bytes` that of supersync's own tables.

    `hit_rate`: of 100 blocks that were read, how many were in memory; None: none was read. `longest_s`: how long the
    oldest transaction has been open, in seconds. `revision`: of the ledger's schema.
    """

    version: str
    started_at: datetime
    revision: str
    bytes: int
    ledger_bytes: int
    connections: int
    max_connections: int
    ours: int
    active: int
    idle_in_transaction: int
    waiting: int
    longest_s: float | None
    hit_rate: float | None
    deadlocks: int
    rollbacks: int
    commits: int


@dataclass(frozen=True)
class Statement:
    """A statement that has been running for a while, without its values. `waits_for`: a lock, say."""

    application: str
    seconds: float
    waits_for: str | None
    text: str


@dataclass(frozen=True)
class TableUse:
    """A table. `dead`: rows that are no more and still take room. `cleaned_at`: by VACUUM, the last time."""

    name: str
    rows: int
    dead: int
    bytes: int
    index_bytes: int
    whole_scans: int
    index_scans: int
    cleaned_at: datetime | None
    analyzed_at: datetime | None


@dataclass(frozen=True)
class IndexUse:
    """An index. `needed`: a constraint stands on it, so it is there whether or not anybody looks into it."""

    name: str
    table: str
    bytes: int
    scans: int
    needed: bool


@dataclass(frozen=True)
class Waiting:
    """Work that waits in the ledger. `since`: of the oldest."""

    name: str
    count: int
    since: datetime | None


@dataclass(frozen=True)
class RetainedLog:
    """How much log the server of a CDC pipeline's source keeps because of it."""

    pipeline: str
    bytes: int
    measured_at: datetime


def select_retained_logs(session: Session) -> Sequence[RetainedLog]:
    """As they were measured last, the largest first."""
    return [RetainedLog(**row._mapping) for row in session.execute(_LOGS)]


def select_server(session: Session) -> Server:
    """How the server does."""
    return Server(**session.execute(_SERVER).one()._mapping)


def select_slow_statements(session: Session, *, seconds: float, limit: int) -> Sequence[Statement]:
    """Statements of the ledger's own user that have been running for so long, the longest first."""
    rows = session.execute(_SLOW, {"seconds": seconds, "limit": limit})
    return [Statement(row.application, row.seconds, row.waits_for, without_values(row.query)) for row in rows]


def select_tables(session: Session) -> Sequence[TableUse]:
    """The tables of supersync, the largest first."""
    return [TableUse(**row._mapping) for row in session.execute(_TABLES)]


def select_indexes(session: Session) -> Sequence[IndexUse]:
    """The indexes of supersync, the largest first."""
    return [IndexUse(**row._mapping) for row in session.execute(_INDEXES)]


def select_waiting(session: Session) -> Sequence[Waiting]:
    """What waits for supersync, by its name."""
    return [Waiting(**row._mapping) for row in session.execute(_WAITING)]


_SERVER = text(f"""
    WITH mine AS (
      SELECT state, wait_event_type, xact_start FROM pg_stat_activity
      WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
    ), ledger AS (
      SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint AS bytes FROM pg_class
      WHERE relnamespace = '{SCHEMA}'::regnamespace AND relkind = 'r'
    )
    SELECT current_setting('server_version') AS version, pg_postmaster_start_time() AS started_at,
      (SELECT version_num FROM {SCHEMA}.alembic_version) AS revision,
      pg_database_size(current_database()) AS bytes, ledger.bytes AS ledger_bytes,
      (SELECT sum(numbackends)::int FROM pg_stat_database) AS connections,
      current_setting('max_connections')::int AS max_connections,
      (SELECT count(*) FROM mine) AS ours,
      (SELECT count(*) FROM mine WHERE state = 'active') AS active,
      (SELECT count(*) FROM mine WHERE state LIKE 'idle in transaction%') AS idle_in_transaction,
      (SELECT count(*) FROM mine WHERE wait_event_type = 'Lock') AS waiting,
      (SELECT extract(epoch FROM clock_timestamp() - min(xact_start))::float FROM mine) AS longest_s,
      (100.0 * blks_hit / nullif(blks_hit + blks_read, 0))::float AS hit_rate,
      deadlocks, xact_rollback AS rollbacks, xact_commit AS commits
    FROM pg_stat_database, ledger WHERE datname = current_database()
""")
# A run's connection bears the name of its owner, which says nothing to people.
_SLOW = text(f"""
    SELECT CASE WHEN EXISTS (SELECT FROM {SCHEMA}.executions WHERE lease_owner = application_name AND state = 'running')
        THEN 'a run' WHEN application_name = '' THEN 'without a name' ELSE application_name END AS application,
      extract(epoch FROM clock_timestamp() - query_start)::float AS seconds,
      CASE WHEN wait_event_type <> 'Client' THEN wait_event_type || ': ' || wait_event END AS waits_for, query
    FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
      AND backend_type = 'client backend' AND state = 'active'
      AND query_start < clock_timestamp() - make_interval(secs => :seconds)
    ORDER BY query_start LIMIT :limit
""")
_TABLES = text(f"""
    SELECT relname AS name, n_live_tup AS rows, n_dead_tup AS dead, pg_total_relation_size(relid) AS bytes,
      pg_indexes_size(relid) AS index_bytes, coalesce(seq_scan, 0) AS whole_scans, coalesce(idx_scan, 0) AS index_scans,
      greatest(last_vacuum, last_autovacuum) AS cleaned_at, greatest(last_analyze, last_autoanalyze) AS analyzed_at
    FROM pg_stat_user_tables WHERE schemaname = '{SCHEMA}' ORDER BY bytes DESC, name
""")
_INDEXES = text(f"""
    SELECT indexrelname AS name, relname AS table, pg_relation_size(indexrelid) AS bytes, idx_scan AS scans,
      indisunique AS needed
    FROM pg_stat_user_indexes JOIN pg_index USING (indexrelid)
    WHERE schemaname = '{SCHEMA}' ORDER BY bytes DESC, name
""")
_LOGS = text(f"""
    SELECT name AS pipeline, retained_bytes AS bytes, retained_at AS measured_at
    FROM {SCHEMA}.pipeline_status JOIN {SCHEMA}.pipelines ON pipelines.id = pipeline_id
    WHERE retained_bytes IS NOT NULL AND retired_at IS NULL ORDER BY retained_bytes DESC, name
""")
_WAITING = text(f"""
    SELECT 'runs that wait for a start' AS name, count(*) AS count, min(queued_at) AS since
    FROM {SCHEMA}.executions WHERE state = 'queued'
    UNION ALL SELECT 'successes that wait for the anomaly rules', count(*), min(ended_at)
    FROM {SCHEMA}.executions WHERE judged_at IS NULL AND state = 'succeeded'
    UNION ALL SELECT 'successes of others that Dagster has not been told of', count(*), min(ended_at)
    FROM {SCHEMA}.executions WHERE NOT managed AND materialised_at IS NULL AND state = 'succeeded'
    UNION ALL SELECT 'checks that were asked for', count(*), min(requested_at)
    FROM {SCHEMA}.check_requests WHERE done_at IS NULL
    UNION ALL SELECT 'alerts that wait for their channels', count(*), min(created_at)
    FROM {SCHEMA}.alerts WHERE expanded_at IS NULL
    UNION ALL SELECT 'deliveries on their way', count(*), min(next_try_at)
    FROM {SCHEMA}.deliveries WHERE delivered_at IS NULL AND given_up_at IS NULL
""")
