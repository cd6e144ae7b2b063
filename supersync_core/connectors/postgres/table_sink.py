"""Tables of a PostgreSQL server, written by COPY: new tables directly, known ones through a staging table.

The stage is a temporary table, so the server drops it when the connection ends, however it ends. The checkpoint lies
in the target's own schema and is committed with the rows.
"""

from types import TracebackType
from typing import BinaryIO

from psycopg2 import sql

from supersync_core.connectors.base import Held, OnStage, Write
from supersync_core.connectors.postgres.catalog import describe_tables
from supersync_core.connectors.postgres.connection import Session
from supersync_core.connectors.postgres.evolve import apply_changes, create_enums, ensure_deleted_at
from supersync_core.connectors.postgres.merge import STAGE, column_list, delete_missing, names, relation, sample, upsert
from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.evolution import changes
from supersync_core.domain.execution import Counts
from supersync_core.domain.table import TableName, TableSchema
from supersync_core.domain.table_sync import Deletes, Stage
from supersync_core.errors import ConfigError, SchemaMismatch

CHECKPOINTS = "_supersync_checkpoints"
PATIENCE = "10s"
"""How long to wait for a lock of the target before Contention."""
WORK_MEM = "256MB"
"""For the hash join of stage and target: with it, a million rows are joined without spilling to disk."""
SAMPLE_FROM, SAMPLE_ROWS = 10_000, 1_000
"""From how many staged rows on it pays to look at a sample, and of how many rows it is: some ten milliseconds."""


class PostgresTableSink:
    """A PostgreSQL database that takes tables."""

    def __init__(self, dsn: str) -> None:
        """Keep the DSN (libpq URL or keywords); nothing is connected yet."""
        self._dsn = dsn

    def open(self) -> "PostgresSinkSession":
        """Connect."""
        return PostgresSinkSession(self._dsn)


class PostgresSinkSession:
    """One connection; `lock` begins a transaction, `commit` ends it."""

    def __init__(self, dsn: str) -> None:
        """Connect, and let the server look for our death while it works (from version 14 on)."""
        self._dsn = dsn
        self._session = Session(dsn, "supersync sink")
        self._observer: Session | None = None
        self._target: TableSchema | None = None
        self._has_checkpoints = self._has_schema = False
        self._session.execute(
            "select set_config('search_path', '', false), set_config('lock_timeout', %s, false),"
            " set_config('work_mem', %s, false), set_config('client_min_messages', 'warning', false)",
            (PATIENCE, WORK_MEM),
        )
        if self._session.server_version >= 140000:
            self._session.execute("set client_connection_check_interval = '1s'")

    def __enter__(self) -> "PostgresSinkSession":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close: the server undoes what is not committed and drops the stage."""
        self._session.close()
        if self._observer:
            self._observer.close()

    def cancel(self) -> None:
        """Cancel what runs."""
        self._session.cancel()

    def copied(self) -> int | None:
        """Rows of the running COPY, as the server counts them (from version 14 on)."""
        if self._session.server_version < 140000:
            return None
        if self._observer is None:
            self._observer = Session(self._dsn, "supersync progress")
        row = self._observer.execute(
            "select tuples_processed from pg_stat_progress_copy where pid = %s", (self._session.backend_pid,)
        ).fetchone()
        return row[0] if row else None

    def lock(self, table: TableName, key: str) -> Held:
        """Begin; take an advisory lock on the table's name, which exists before the table does."""
        row = self._session.execute(
            "rollback; begin; select pg_advisory_xact_lock(hashtextextended(%s, 0)), to_regclass(%s) is not null,"
            " to_regclass(%s) is not null, to_regnamespace(%s) is not null",
            (f"supersync {table}", _quoted(table), _quoted(_checkpoints(table)), _quote(table.schema)),
        ).fetchone()
        assert row is not None
        _, has_table, self._has_checkpoints, self._has_schema = row
        described = describe_tables(self._session, [table]) if has_table else {}
        self._target = described[table].schema if table in described else None
        known = self._target is not None and self._has_checkpoints
        return Held(self._target, self._checkpoint(table, key) if known else None)

    def write(self, write: Write, rows: BinaryIO, on_stage: OnStage) -> Counts:
        """Load a new table directly; merge into a known one."""
        if not write.primary_key:
            raise ConfigError(f"{write.table}: the source has no primary key; name the columns that identify a row")
        if self._target is None:
            return self._load(write, rows, on_stage)
        return self._merge(write, self._target, rows, on_stage)

    def commit(self, table: TableName, key: str, checkpoint: TableCheckpoint, on_stage: OnStage) -> None:
        """Write the checkpoint and commit."""
        on_stage(Stage.CHECKPOINT)
        where = relation(_checkpoints(table))
        # Literals, not parameters: a percent sign in an identifier would be read as a placeholder.
        statement = sql.SQL(
            "insert into {} as c values ({}, {}, {}::jsonb, now()) on conflict (key) do update"
            " set target = excluded.target, checkpoint = excluded.checkpoint, updated_at = excluded.updated_at"
        ).format(where, sql.Literal(key), sql.Literal(str(table)), sql.Literal(checkpoint.to_json()))
        if not self._has_checkpoints:
            # Two first syncs into one schema would both create it; the second waits for the first to commit.
            self._session.execute("select pg_advisory_xact_lock(hashtextextended(%s, 1))", (table.schema,))
            self._session.execute(
                sql.SQL(
                    "create table if not exists {} (key text primary key, target text not null,"
                    " checkpoint jsonb not null, updated_at timestamptz not null)"
                ).format(where)
            )
        self._session.execute(statement)
        on_stage(Stage.COMMIT)
        self._session.execute("commit")

    def _load(self, write: Write, rows: BinaryIO, on_stage: OnStage) -> Counts:
        """Create the table, fill it, build its key: no stage, and the key's index is built once."""
        on_stage(Stage.PREPARE)
        columns = write.columns.columns
        if not self._has_schema:
            self._session.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(write.table.schema)))
        create_enums(self._session, columns)
        self._session.execute(
            sql.SQL("create table {} ({})").format(relation(write.table), column_list(columns, not_null=True))
        )
        if write.deletes is Deletes.MARK:
            ensure_deleted_at(self._session, write.table, write.columns)
        on_stage(Stage.COPY)
        copied = self._copy(relation(write.table), write, rows)
        on_stage(Stage.MERGE)
        self._session.execute(
            sql.SQL("alter table {} add primary key ({})").format(relation(write.table), names(write.primary_key))
        )
        return Counts(extracted=copied, inserted=copied)

    def _merge(self, write: Write, target: TableSchema, rows: BinaryIO, on_stage: OnStage) -> Counts:
        """Stage the rows, then write only what differs."""
        missing = [name for name in write.primary_key if name not in write.columns]
        if missing:
            raise SchemaMismatch(f"{write.table}: the source has no key column {', '.join(missing)}")
        on_stage(Stage.PREPARE)
        target = self._prepare(write, target)
        on_stage(Stage.COPY)
        copied = self._copy(STAGE, write, rows)
        on_stage(Stage.MERGE)
        join = not self._mostly_differs(write, target, copied)
        if join:
            self._session.execute(sql.SQL("analyze {} ({})").format(STAGE, names(write.primary_key)))
        statement = upsert(write.table, target, write.columns.names, write.primary_key, join)
        row = self._session.execute(statement).fetchone()
        assert row is not None
        deleted = self._delete(write, target, on_stage)
        inserted, updated = row
        return Counts(copied, inserted, updated, copied - inserted - updated, deleted)

    def _mostly_differs(self, write: Write, target: TableSchema, copied: int) -> bool:
        """Whether more than half of a sample of the staged rows is new or differs."""
        if copied < SAMPLE_FROM:
            return False
        statement = sample(write.table, target, write.columns.names, write.primary_key, 100 * SAMPLE_ROWS / copied)
        row = self._session.execute(statement).fetchone()
        assert row is not None
        return bool(row[0] * 2 > row[1])

    def _prepare(self, write: Write, target: TableSchema) -> TableSchema:
        """Alter the target where needed and create the stage; return the target's schema as it is then."""
        wanted = changes(write.columns, target)
        if wanted:
            apply_changes(self._session, self._dsn, write.table, target, wanted)
        if write.deletes is Deletes.MARK:
            ensure_deleted_at(self._session, write.table, target)
        if wanted or write.deletes is Deletes.MARK:
            target = describe_tables(self._session, [write.table])[write.table].schema
        self._session.execute(sql.SQL("drop table if exists {}").format(STAGE))
        self._session.execute(
            sql.SQL("create temporary table _supersync_stage ({}) on commit drop").format(
                column_list(write.columns.columns, not_null=False)
            )
        )
        return target

    def _delete(self, write: Write, target: TableSchema, on_stage: OnStage) -> int:
        if write.deletes is Deletes.KEEP or not write.complete:
            return 0
        on_stage(Stage.DELETE)
        mark = write.deletes is Deletes.MARK
        return self._session.execute(delete_missing(write.table, target, write.primary_key, mark)).rowcount

    def _copy(self, into: sql.Composable, write: Write, rows: BinaryIO) -> int:
        statement = sql.SQL("copy {} ({}) from stdin (format {})").format(
            into, names(write.columns.names), sql.SQL(write.copy_format.value)
        )
        return self._session.copy_in(statement, rows)

    def _checkpoint(self, table: TableName, key: str) -> TableCheckpoint | None:
        row = self._session.execute(
            sql.SQL("select checkpoint::text from {} where key = {} and target = {}").format(
                relation(_checkpoints(table)), sql.Literal(key), sql.Literal(str(table))
            )
        ).fetchone()
        return TableCheckpoint.from_json(row[0]) if row else None


def _checkpoints(table: TableName) -> TableName:
    return TableName(table.schema, CHECKPOINTS)


def _quoted(table: TableName) -> str:
    return f"{_quote(table.schema)}.{_quote(table.name)}"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
