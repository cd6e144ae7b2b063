"""Tables of MySQL and MariaDB, read row by row as the server prints them and written as COPY text.

All reads of a session see one consistent snapshot of the transactional tables (InnoDB); a table of another engine, such
as MyISAM, is read as it is at that moment. A table altered after the snapshot gives Contention: a new snapshot will do.

Types and zero dates: see `types.py`. New rows: see `by_cursor.py`. A transaction that commits later than `lookback`
after it gave a row its cursor value is missed until a full run; and a `datetime` is compared with the server's clock as
if it were UTC.

A MySQL database is what PostgreSQL calls a schema. A table of the schema `public`, which is the default where a name
has none, is looked for in the connection's own database, unless there is a database `public`.
"""

import re
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from hashlib import sha256
from types import TracebackType
from typing import BinaryIO

from supersync_core.connectors.base import CopyFormat, ReadPlan
from supersync_core.connectors.by_cursor import Bound, Range, Snapshot, plan_by_cursor
from supersync_core.connectors.copy_text import CopyTextWriter, batches
from supersync_core.connectors.mysql.catalog import list_tables, primary_key, result_columns, table_columns
from supersync_core.connectors.mysql.connection import Session, identifier, parse_url
from supersync_core.connectors.mysql_types import Mapped, map_column
from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.table import TableName, TableSchema
from supersync_core.domain.table_sync import Reading, Relation
from supersync_core.errors import BadData, ConfigError, NotFound

_SNAPSHOT = (
    "set session transaction isolation level repeatable read",
    "start transaction with consistent snapshot, read only",
)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")
_NO_CURSOR = ("bit", "bytea", "jsonb")
_DEFAULT_SCHEMA = "public"


class MysqlTableSource:
    """A server of MySQL or MariaDB whose tables, views and queries can be read."""

    def __init__(self, url: str) -> None:
        """Keep `mysql://user:password@host:port/database`; nothing is connected yet. Raises ConfigError."""
        parse_url(url)
        self._url = url

    def open(self) -> "MysqlSourceSession":
        """Connect and take the snapshot."""
        return MysqlSourceSession(self._url)


class MysqlSourceSession:
    """One connection in one read-only transaction of isolation level repeatable read."""

    def __init__(self, url: str) -> None:
        """Connect. The clock is read before the snapshot is taken, so it is never ahead of it."""
        self._session = Session(url)
        self._mapped: dict[Relation, dict[str, Mapped]] = {}
        self._has_no_public: bool | None = None
        now = self._session.execute("select utc_timestamp(6)")[0][0] or b""
        self._now = datetime.fromisoformat(now.decode()).replace(tzinfo=timezone.utc)
        for statement in _SNAPSHOT:
            self._session.execute(statement)

    def __enter__(self) -> "MysqlSourceSession":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection, and the snapshot with it."""
        self._session.close()

    def cancel(self) -> None:
        """End what runs."""
        self._session.cancel()

    def tables(self, pattern: str) -> list[TableName]:
        """Match `database.name` with `*`, `?` and `[...]`."""
        wanted, everything = self._resolved(TableName.parse(pattern)), list_tables(self._session)
        return [t for t in everything if fnmatchcase(t.schema, wanted.schema) and fnmatchcase(t.name, wanted.name)]

    def describe(self, relation: Relation) -> TableSchema:
        """Columns and key from `information_schema`; of a query, from its result, without running it."""
        columns = tuple(mapped.column for mapped in self._columns(relation).values())
        return TableSchema(
            columns, primary_key(self._session, self._resolved(relation.table)) if relation.table else ()
        )

    def formats(self, schema: TableSchema) -> tuple[CopyFormat, ...]:
        """Text only."""
        return (CopyFormat.TEXT,)

    def plan(
        self, relation: Relation, schema: TableSchema, reading: Reading, since: TableCheckpoint | None
    ) -> ReadPlan:
        """By cursor."""
        snapshot = Snapshot(self._origin(relation), self._now, lambda cursor: self._largest(relation, cursor))
        return plan_by_cursor(relation, schema, reading, since, snapshot)

    def copy(self, plan: ReadPlan, copy_format: CopyFormat, out: BinaryIO) -> None:
        """Stream the rows, at most about a megabyte of them at a time."""
        columns = [self._columns(plan.relation)[name] for name in plan.schema.names]
        query = f"select {', '.join(map(_selected, columns))} from {self._from(plan.relation)}"
        if plan.where is not None:
            query += f" where {self._where(plan.relation, plan.where)}"
        writer = CopyTextWriter(out, plan.schema.names, [c.encode for c in columns], plan.schema.primary_key)
        with self._session.stream(query) as rows:
            for batch in batches(rows):
                writer.write(batch)

    def _columns(self, relation: Relation) -> dict[str, Mapped]:
        """How each column is read, by name. Raises NotFound, SchemaMismatch."""
        if relation not in self._mapped:
            if relation.table is None:
                columns = result_columns(self._session, _query(relation))
            else:
                columns = table_columns(self._session, self._resolved(relation.table))
            if not columns:
                raise NotFound(f"the source has no table {relation.table}, or it may not be read")
            self._mapped[relation] = {declared.name: map_column(declared) for declared in columns}
        return self._mapped[relation]

    def _resolved(self, table: TableName) -> TableName:
        """The table's name with the connection's database in place of `public`, see the module."""
        if table.schema == _DEFAULT_SCHEMA and self._has_no_public is None:
            named = f"select 1 from information_schema.schemata where schema_name = '{_DEFAULT_SCHEMA}'"
            self._has_no_public = not self._session.execute(named)
        if table.schema != _DEFAULT_SCHEMA or not self._has_no_public:
            return table
        return TableName(self._session.database or _DEFAULT_SCHEMA, table.name)

    def _from(self, relation: Relation) -> str:
        if relation.table is None:
            # The user's own statement: it is theirs to write, and runs in a read-only transaction.
            return f"({_query(relation)}\n) source"
        table = self._resolved(relation.table)
        return f"{identifier(table.schema)}.{identifier(table.name)}"

    def _origin(self, relation: Relation) -> str:
        rows = self._session.execute(
            "show global variables where variable_name in ('server_uuid', 'server_uid', 'hostname', 'port')"
        )
        known = {(name or b"").decode(): (value or b"").decode() for name, value in rows}
        server = known.get("server_uuid") or known.get("server_uid") or f"{known['hostname']}:{known['port']}"
        what = relation.table and self._resolved(relation.table)
        return f"{server}/{what or sha256(_query(relation).encode()).hexdigest()[:12]}"

    def _largest(self, relation: Relation, cursor: str) -> str | None:
        mapped = self._columns(relation)[cursor]
        if mapped.column.type.startswith(_NO_CURSOR):
            raise ConfigError(f"{cursor!r} is {mapped.column.type} and has no order to be a cursor by")
        rows = self._session.execute(f"select max({_selected(mapped)}) from {self._from(relation)}")
        field = rows[0][0]
        # A zero date is before every date, so then there are no others.
        return None if field is None or mapped.encode([field]) == [b"\\N"] else field.decode()

    def _where(self, relation: Relation, wanted: Range) -> str:
        mapped = self._columns(relation)[wanted.cursor]
        name = identifier(wanted.cursor)
        terms = [f"{_selected(mapped)} {_operator(b)} {self._literal(mapped, b)}" for b in wanted.bounds]
        return f"({' or '.join([*terms, f'{name} is null'] if wanted.nulls else terms)})"

    def _literal(self, mapped: Mapped, bound: Bound) -> str:
        """Numbers unquoted: beside a string, MySQL compares large ones inexactly."""
        if not mapped.column.type.startswith(("smallint", "integer", "bigint", "numeric", "real", "double")):
            return self._session.literal(bound.value)
        if not _NUMBER.fullmatch(bound.value):
            raise BadData(f"the checkpoint of cursor {mapped.column.name!r} is not a number: {bound.value!r}")
        return bound.value


def _operator(bound: Bound) -> str:
    return ">=" if bound.inclusive else ">"


def _selected(mapped: Mapped) -> str:
    return mapped.select.format(identifier(mapped.column.name))


def _query(relation: Relation) -> str:
    if relation.sql is None:
        raise NotFound(f"MySQL has no built-in query {relation.query!r}; name a table or give sql")
    return relation.sql.rstrip().rstrip(";")
