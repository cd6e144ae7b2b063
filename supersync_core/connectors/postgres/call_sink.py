"""A table of calls in PostgreSQL. A page of calls and how far its window then is are committed together.

A call is there once: `(agency_id, provider, call_id)` is the key. Calls come by COPY into a temporary table, and from
there in one statement, ordered by the key, so that two writers never wait for each other in a circle.
"""

import io
from collections.abc import Mapping

from psycopg2 import sql

from supersync_core.connectors.calls import CallPage
from supersync_core.connectors.copy_text import CopyTextWriter, Field, plain, text
from supersync_core.connectors.postgres.connection import Session
from supersync_core.connectors.postgres.merge import relation
from supersync_core.domain.historical_sync import Call, CallCounts, WindowState
from supersync_core.domain.table import TableName
from supersync_core.errors import SchemaMismatch

WINDOWS = "_supersync_call_windows"
STAGE = sql.Identifier("pg_temp", "_supersync_calls")
COLUMNS = {
    "provider": "text",
    "call_id": "text",
    "started_at": "timestamptz",
    "duration_s": "integer",
    "direction": "text",
    "from_number": "text",
    "to_number": "text",
    "status": "text",
    "extra": "jsonb",
}
ENCODERS = (text, text, plain, plain, text, text, text, text, text)


class PostgresCallSink:
    """One connection that writes the calls of one job of an agency."""

    def __init__(self, dsn: str, table: TableName, job: str, agency: str) -> None:
        """Connect; nothing is written yet."""
        self._table, self._job, self._agency = table, job, agency
        self._progress = TableName(table.schema, WINDOWS)
        self._session = Session(dsn, "supersync calls")
        self._session.execute(
            "select set_config('search_path', '', false), set_config('client_min_messages', 'warning', false),"
            " set_config('lock_timeout', '10s', false)"
        )
        if self._session.server_version >= 140000:
            # A server that works for a dead client would keep its locks.
            self._session.execute("set client_connection_check_interval = '1s'")

    def windows(self) -> Mapping[str, WindowState]:
        """What is committed of the job; makes the tables. Raises SchemaMismatch for a table without the key."""
        self._create()
        rows = self._session.execute(
            sql.SQL("select name, imported, skipped, failed, position, done from {} where job = {}").format(
                relation(self._progress), sql.Literal(self._job)
            )
        ).fetchall()
        return {name: WindowState(CallCounts(*counts), position, done) for name, *counts, position, done in rows}

    def write(self, window: str, page: CallPage, state: WindowState) -> WindowState:
        """Write a page, in one transaction."""
        session = self._session
        session.execute("begin")
        try:
            imported = self._insert(page) if page.calls else 0
            counts = CallCounts(imported, len(page.calls) - imported, len(page.failed))
            after = WindowState(state.counts + counts, page.position)
            self._put(window, after)
            session.execute("commit")
        except BaseException:
            self._undo()
            raise
        return after

    def finish(self, window: str, state: WindowState) -> None:
        """Say that all of the window is read."""
        self._put(window, WindowState(state.counts, state.position, done=True))

    def forget(self) -> None:
        """Drop how far the windows of the job are."""
        gone = sql.SQL("delete from {} where job = {}").format(relation(self._progress), sql.Literal(self._job))
        self._session.execute(gone)

    def cancel(self) -> None:
        """Cancel what runs."""
        self._session.cancel()

    def close(self) -> None:
        """Disconnect; the server undoes what is not committed."""
        self._session.close()

    def _insert(self, page: CallPage) -> int:
        """How many were new."""
        columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
        self._session.execute(sql.SQL("truncate {}").format(STAGE))
        rows = io.BytesIO()
        CopyTextWriter(rows, list(COLUMNS), ENCODERS, ("provider", "call_id")).write([_fields(c) for c in page.calls])
        rows.seek(0)
        self._session.copy_in(sql.SQL("copy {} ({}) from stdin").format(STAGE, columns), rows)
        statement = sql.SQL(
            "insert into {table} (agency_id, {columns}) select {agency}::uuid, {columns} from {stage}"
            " order by provider, call_id on conflict (agency_id, provider, call_id) do nothing"
        )
        return self._session.execute(
            statement.format(
                table=relation(self._table), columns=columns, agency=sql.Literal(self._agency), stage=STAGE
            )
        ).rowcount

    def _put(self, window: str, state: WindowState) -> None:
        counts = state.counts
        values = (self._job, window, counts.imported, counts.skipped, counts.failed, state.position, state.done)
        self._session.execute(
            sql.SQL(
                "insert into {} as w (job, name, imported, skipped, failed, position, done) values ({})"
                " on conflict (job, name) do update set imported = excluded.imported, skipped = excluded.skipped,"
                " failed = excluded.failed, position = excluded.position, done = excluded.done, updated_at = now()"
            ).format(relation(self._progress), sql.SQL(", ").join(map(sql.Literal, values)))
        )

    def _create(self) -> None:
        columns = sql.SQL(", ").join(
            sql.SQL("{} {}{}").format(
                sql.Identifier(name),
                sql.SQL(kind),
                sql.SQL(" not null" if name in ("provider", "call_id", "started_at") else ""),
            )
            for name, kind in COLUMNS.items()
        )
        make = sql.SQL(
            "begin; select pg_advisory_xact_lock(hashtextextended({lock}, 0)); create schema if not exists {schema};"
            " create table if not exists {table} (agency_id uuid not null, {columns},"
            " imported_at timestamptz not null default now(), primary key (agency_id, provider, call_id));"
            " create table if not exists {progress} (job uuid, name text, imported bigint not null,"
            " skipped bigint not null, failed bigint not null, position text, done boolean not null,"
            " updated_at timestamptz not null default now(), primary key (job, name)); commit;"
            " create temporary table {stage} ({columns})"
        )
        try:
            if not self._is_there():
                self._session.execute(self._filled(make, columns))
            else:
                self._session.execute(sql.SQL("create temporary table {} ({})").format(STAGE, columns))
        except BaseException:
            self._undo()
            raise
        self._check_key()

    def _filled(self, make: sql.SQL, columns: sql.Composable) -> sql.Composable:
        return make.format(
            lock=sql.Literal(f"supersync {self._table}"),
            schema=sql.Identifier(self._table.schema),
            table=relation(self._table),
            progress=relation(self._progress),
            columns=columns,
            stage=STAGE,
        )

    def _is_there(self) -> bool:
        """So that whoever may not create tables can write those that somebody has made."""
        row = self._session.execute(
            sql.SQL("select to_regclass({}) is not null and to_regclass({}) is not null").format(
                *(sql.Literal(self._session.text(relation(one))) for one in (self._table, self._progress))
            )
        ).fetchone()
        return bool(row and row[0])

    def _check_key(self) -> None:
        row = self._session.execute(
            sql.SQL(
                "select exists (select from pg_catalog.pg_index i where i.indrelid = {}::regclass and i.indisunique and"
                " i.indpred is null and (select array_agg(a.attname::text order by a.attname) from"
                " pg_catalog.pg_attribute a where a.attrelid = i.indrelid and a.attnum = any(i.indkey)) ="
                " array['agency_id', 'call_id', 'provider'])"
            ).format(sql.Literal(self._session.text(relation(self._table))))
        ).fetchone()
        if not (row and row[0]):
            raise SchemaMismatch(f"{self._table} has no unique key of agency_id, provider and call_id")

    def _undo(self) -> None:
        try:
            self._session.execute("rollback")
        except Exception:
            # Cancelled, or the connection is lost: either way the server undoes it.
            self._session.close()


def _fields(call: Call) -> tuple[Field, ...]:
    return (
        call.provider.encode(),
        call.call_id.encode(),
        call.started_at.isoformat().encode(),
        None if call.duration_s is None else b"%d" % call.duration_s,
        *(None if one is None else one.encode() for one in call[4:]),
    )
