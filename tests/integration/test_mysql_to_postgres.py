"""Every type of MySQL, from a real MariaDB through the engine into a real PostgreSQL.

What is equal is decided by texts that each server computes from its own values, with expressions of its own: nothing of
the connector takes part. Floats are compared as numbers.
"""

from collections.abc import Mapping
from contextlib import closing

import psycopg2
import pytest

from supersync_core.connectors.mysql.table_source import MysqlTableSource
from supersync_core.connectors.postgres.table_sink import PostgresTableSink
from supersync_core.domain.execution import Counts
from supersync_core.domain.table import TableName
from supersync_core.domain.table_sync import Relation, TableSync
from supersync_core.engines.table_sync import TableSyncer
from tests import mariadb
from tests.integration.mysql_types import EDGES, FLOATS, KINDS, Kind

ROWS = 200_000
Rows = list[tuple[object, ...]]


@pytest.fixture
def source_url(mysql_url: str) -> str:
    """A database with the table `everything`."""
    columns = {**KINDS, **FLOATS}
    declared = ", ".join(f"{name} {kind.declared}" for name, kind in columns.items())
    values = ", ".join(kind.value for kind in columns.values())
    # Lenient, so that the server takes zero dates.
    lenient = mariadb.connect(mysql_url, sql_mode="NO_UNSIGNED_SUBTRACTION", charset="utf8mb4")
    with closing(lenient) as connection, connection.cursor() as cursor:
        cursor.execute("set time_zone = '+00:00'")
        cursor.execute(f"create table everything (id int primary key, {declared})")
        computed = ROWS - len(EDGES)
        cursor.execute(f"insert into everything select seq, {values} from seq_1_to_{computed}")
        for number, edge in enumerate(EDGES, computed + 1):
            names = "".join(f", {name}" for name in edge)
            marks = ", %s" * len(edge)
            cursor.execute(f"insert into everything (id{names}) values (%s{marks})", [number, *edge.values()])
    return mysql_url


def from_mariadb(url: str, query: str) -> Rows:
    with closing(mariadb.connect(url, charset="utf8mb4")) as connection, connection.cursor() as cursor:
        cursor.execute("set time_zone = '+00:00'")
        cursor.execute(query)
        return list(cursor.fetchall())


def from_postgres(dsn: str, query: str) -> Rows:
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("set timezone = 'UTC'")
        cursor.execute(query)
        return cursor.fetchall()


def sync(url: str, dsn: str) -> Counts:
    source = Relation(table=TableName(url.rpartition("/")[2], "everything"))
    with TableSyncer(MysqlTableSource(url), PostgresTableSink(dsn)) as syncer:
        return syncer.sync(TableSync("everything", source, TableName("public", "everything"))).counts


def differences(
    url: str, dsn: str, kinds: Mapping[str, Kind] = KINDS
) -> dict[object, dict[str, tuple[object, object]]]:
    """The first rows that differ, with the columns that do, as both servers print them."""
    theirs = ", ".join(f"coalesce({kind.theirs.format(name)}, '<null>')" for name, kind in kinds.items())
    ours = ", ".join(f"coalesce({kind.ours.format(name)}, '<null>')" for name, kind in kinds.items())
    there = from_mariadb(url, f"select id, md5(concat_ws('|', {theirs})) from everything order by id")
    here = from_postgres(dsn, f"select id, md5(concat_ws('|', {ours})) from everything order by id")
    found: dict[object, dict[str, tuple[object, object]]] = {}
    for number in [left[0] for left, right in zip(there, here, strict=True) if left != right][:3]:
        (left,) = from_mariadb(url, f"select {theirs} from everything where id = {number}")
        (right,) = from_postgres(dsn, f"select {ours} from everything where id = {number}")
        found[number] = {name: (a, b) for name, a, b in zip(kinds, left, right, strict=True) if a != b}
    return found


def floats_that_differ(url: str, dsn: str) -> list[object]:
    casts = ", ".join(f"cast({name} as double)" for name in FLOATS)
    there = from_mariadb(url, f"select id, {casts} from everything order by id")
    casts = ", ".join(f"cast({name} as double precision)" for name in FLOATS)
    here = from_postgres(dsn, f"select id, {casts} from everything order by id")
    # By their text: -0.0 equals 0.0.
    return [pair for pair in zip(there, here, strict=True) if repr(pair[0]) != repr(pair[1])][:3]


def target_types(dsn: str) -> dict[object, object]:
    rows = from_postgres(
        dsn,
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'everything'::regclass and attnum > 1",
    )
    return {name: type_name for name, type_name in rows}


@pytest.mark.long
@pytest.mark.timeout(600)
def test_every_type_arrives_equal(source_url: str, target_dsn: str) -> None:
    assert sync(source_url, target_dsn) == Counts(ROWS, inserted=ROWS)
    assert differences(source_url, target_dsn) == {}
    assert floats_that_differ(source_url, target_dsn) == []
    assert target_types(target_dsn) == {name: kind.arrives for name, kind in {**KINDS, **FLOATS}.items()}
    assert sync(source_url, target_dsn) == Counts(ROWS, unchanged=ROWS)
