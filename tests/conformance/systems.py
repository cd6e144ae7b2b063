"""The systems that the suites run over: how to make tables, write rows and break connections, each its own way.

Every table of `make` has the columns id (integer, the key), name (text) and seen (timestamp), under the given names.
Rows are tuples of texts or None, times as `YYYY-MM-DD HH:MM:SS.ffffff` in UTC.
"""

from collections.abc import Sequence
from contextlib import closing
from typing import Any, Protocol

import psycopg2
import pymysql
from psycopg2 import sql

from supersync_core.connectors.base import TableSource
from supersync_core.connectors.memory import MemoryDatabase, MemoryTable, MemoryTableSource
from supersync_core.connectors.mysql.table_source import MysqlTableSource
from supersync_core.connectors.postgres.table_source import PostgresTableSource
from supersync_core.connectors.redshift.table_source import RedshiftTableSource
from supersync_core.domain.table import Column, TableName, TableSchema
from tests import mariadb
from tests.kept import transaction

Row = tuple[str | None, ...]
NAMES = ("id", "name", "seen")


class System(Protocol):
    schema: str
    source: TableSource

    def make(self, table: str, rows: Sequence[Row], names: Sequence[str] = NAMES) -> TableName: ...

    def insert(self, table: TableName, rows: Sequence[Row]) -> None: ...

    def add_column(self, table: TableName, name: str) -> None: ...


class Server(System, Protocol):
    long_query: str
    """Rows without end, each with the column x."""
    sleeping_query: str
    """Sleeps for a minute before its first row."""

    def unreachable(self) -> TableSource: ...

    def with_wrong_password(self) -> TableSource: ...

    def kill_connections(self) -> None: ...


class MemorySystem:
    schema = "public"

    def __init__(self) -> None:
        self.database = MemoryDatabase()
        self.source = MemoryTableSource(self.database)

    def make(self, table: str, rows: Sequence[Row], names: Sequence[str] = NAMES) -> TableName:
        types = ("integer", "text", "timestamp without time zone")
        columns = tuple(Column(name, kind, name != names[0]) for name, kind in zip(names, types, strict=True))
        where = TableName(self.schema, table)
        self.database.create(str(where), TableSchema(columns, (names[0],)), rows)
        return where

    def insert(self, table: TableName, rows: Sequence[Row]) -> None:
        self.database.rows(str(table)).extend(rows)

    def add_column(self, table: TableName, name: str) -> None:
        old = self.database.tables[table]
        schema = TableSchema((*old.schema.columns, Column(name, "text")), old.schema.primary_key)
        self.database.tables[table] = MemoryTable(schema, [(*row, None) for row in old.rows])


class PostgresSystem:
    schema = "public"
    long_query = "select repeat('x', 100) as x from generate_series(1, 100000) a, generate_series(1, 10000) b"
    sleeping_query = "select pg_sleep(60)::text as x"

    def __init__(self, dsn: str, kind: type[PostgresTableSource] | type[RedshiftTableSource]) -> None:
        self.dsn, self._kind = dsn, kind
        self.source: TableSource = kind(dsn)

    def execute(self, statement: sql.Composable | str) -> None:
        with transaction(self.dsn) as cursor:
            cursor.execute(statement)

    def make(self, table: str, rows: Sequence[Row], names: Sequence[str] = NAMES) -> TableName:
        columns = (sql.SQL(f"{{}} {t}").format(sql.Identifier(n)) for n, t in zip(names, _PG_TYPES, strict=True))
        self.execute(sql.SQL("create table {} ({})").format(sql.Identifier(table), sql.SQL(", ").join(columns)))
        self.insert(TableName(self.schema, table), rows)
        return TableName(self.schema, table)

    def insert(self, table: TableName, rows: Sequence[Row]) -> None:
        for row in rows:
            values = sql.SQL(", ").join(map(sql.Literal, row))
            self.execute(sql.SQL("insert into {} values ({})").format(sql.Identifier(table.name), values))

    def add_column(self, table: TableName, name: str) -> None:
        self.execute(sql.SQL("alter table {} add {} text").format(sql.Identifier(table.name), sql.Identifier(name)))

    def unreachable(self) -> TableSource:
        return self._kind("postgresql://somebody@127.0.0.1:1/nothing")

    def with_wrong_password(self) -> TableSource:
        # The server lets everybody in; a role that must not log in is refused all the same.
        self.execute("do $$ begin create role nobody_at_all nologin; exception when duplicate_object then end $$")
        return self._kind(psycopg2.extensions.make_dsn(self.dsn, user="nobody_at_all"))

    def kill_connections(self) -> None:
        self.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
        )


_PG_TYPES = ("integer primary key", "text", "timestamp")


class MysqlSystem:
    long_query = "select repeat('x', 100) as x from seq_1_to_1000000000"
    # One row of constants would be computed even to describe it.
    sleeping_query = "select sleep(60) as x from seq_1_to_2"

    def __init__(self, url: str) -> None:
        self.url = url
        self.schema = url.rpartition("/")[2]
        self.source: TableSource = MysqlTableSource(url)

    def execute(self, statement: str, parameters: Any = None) -> None:
        with closing(mariadb.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)

    def make(self, table: str, rows: Sequence[Row], names: Sequence[str] = NAMES) -> TableName:
        types = ("integer primary key", "longtext", "datetime(6)")
        columns = ", ".join(f"{_quoted(n)} {t}" for n, t in zip(names, types, strict=True))
        self.execute(f"create table {_quoted(table)} ({columns})")
        self.insert(TableName(self.schema, table), rows)
        return TableName(self.schema, table)

    def insert(self, table: TableName, rows: Sequence[Row]) -> None:
        for row in rows:
            self.execute(f"insert into {_quoted(table.name).replace('%', '%%')} values (%s, %s, %s)", row)

    def add_column(self, table: TableName, name: str) -> None:
        self.execute(f"alter table {_quoted(table.name)} add {_quoted(name)} longtext")

    def unreachable(self) -> TableSource:
        return MysqlTableSource("mysql://somebody@127.0.0.1:1/nothing")

    def with_wrong_password(self) -> TableSource:
        return MysqlTableSource(self.url.replace("root@", "root:wrong@"))

    def kill_connections(self) -> None:
        with closing(mariadb.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute("select id from information_schema.processlist where db = %s", (self.schema,))
            for (number,) in cursor.fetchall():
                if number != connection.thread_id():
                    try:
                        cursor.execute(f"kill {number:d}")
                    except pymysql.OperationalError as gone:
                        assert gone.args[0] == 1094  # no such thread: it has just ended


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
