"""What is MySQL's alone, against a real MariaDB."""

import tracemalloc
from contextlib import closing
from io import BytesIO

import pytest

from supersync_core.connectors.base import CopyFormat, SourceSession
from supersync_core.connectors.copy_text import read_rows
from supersync_core.connectors.mysql import connection
from supersync_core.connectors.mysql.connection import Session
from supersync_core.connectors.mysql.rows import fields_of
from supersync_core.connectors.mysql.table_source import MysqlTableSource
from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.table import TableName
from supersync_core.domain.table_sync import Mode, Reading, Relation
from supersync_core.errors import BadData, ConfigError, Contention
from tests import mariadb

THINGS = Relation(table=TableName("public", "things"))
"""In the connection's own database, as there is no database `public`."""


def execute(url: str, *statements: str) -> None:
    with closing(mariadb.connect(url)) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def read(
    session: SourceSession, relation: Relation = THINGS, reading: Reading | None = None
) -> list[tuple[object, ...]]:
    return run(session, relation, reading or Reading(), None)[0]


def run(
    session: SourceSession, relation: Relation, reading: Reading, since: TableCheckpoint | None
) -> tuple[list[tuple[object, ...]], TableCheckpoint]:
    out = BytesIO()
    plan = session.plan(relation, session.describe(relation), reading, since)
    session.copy(plan, CopyFormat.TEXT, out)
    out.seek(0)
    return list(read_rows(out)), plan.checkpoint


def test_connections_share_what_tls_needs(mysql_url: str) -> None:
    with closing(Session(mysql_url)) as one, closing(Session(mysql_url)) as other:
        assert one._connection.ctx is other._connection.ctx


def test_rows_are_taken_apart_by_us_and_not_by_the_driver(mysql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    execute(
        mysql_url, "create table things (a int primary key, b text)", "insert into things values (1, null), (2, '')"
    )
    seen: list[bytes] = []
    monkeypatch.setattr(connection, "fields_of", lambda row, count: seen.append(row) or fields_of(row, count))
    with MysqlTableSource(mysql_url).open() as session:
        assert read(session) == [(b"1", None), (b"2", b"")]
    assert seen == [b"\x011\xfb", b"\x012\x00"]


def test_a_nul_character_is_refused_with_column_and_key(mysql_url: str) -> None:
    execute(
        mysql_url,
        "create table things (a int, b varchar(5), c text, primary key (b, a))",
        "insert into things values (1, 'x', 'fine'), (2, 'y', concat('a', char(0)))",
    )
    with MysqlTableSource(mysql_url).open() as session, pytest.raises(BadData, match="column 'c' .* b = y, a = 2"):
        read(session)


def test_a_table_altered_after_the_snapshot_may_be_tried_again(mysql_url: str) -> None:
    execute(mysql_url, "create table things (id int primary key)", "insert into things values (1)")
    with MysqlTableSource(mysql_url).open() as session:
        execute(mysql_url, "alter table things add b int not null default 1, force")
        with pytest.raises(Contention):
            read(session)


def test_large_numbers_compare_exactly_as_cursors(mysql_url: str) -> None:
    execute(
        mysql_url,
        "create table things (id bigint unsigned primary key)",
        "insert into things values (9007199254740993)",
    )
    reading = Reading(Mode.INCREMENTAL, "id")
    with MysqlTableSource(mysql_url).open() as session:
        _, known = run(session, THINGS, reading, None)
    execute(mysql_url, "insert into things values (9007199254740992), (9007199254740994)")
    with MysqlTableSource(mysql_url).open() as session:
        rows, _ = run(session, THINGS, reading, known)
    assert rows == [(b"9007199254740993",), (b"9007199254740994",)]


@pytest.mark.parametrize(
    ("kind", "small", "large"),
    [("float", "0.1", "0.2"), ("date", "'2024-01-01'", "'2024-01-02'"), ("timestamp", "'2024-01-01'", "'2024-01-02'")],
)
def test_cursors_of_other_types_find_what_is_new(mysql_url: str, kind: str, small: str, large: str) -> None:
    execute(mysql_url, f"create table things (id int primary key, c {kind})", f"insert into things values (1, {small})")
    reading = Reading(Mode.INCREMENTAL, "c")
    with MysqlTableSource(mysql_url).open() as session:
        _, known = run(session, THINGS, reading, None)
    execute(mysql_url, f"insert into things values (2, {large})")
    with MysqlTableSource(mysql_url).open() as session:
        rows, _ = run(session, THINGS, reading, known)
    assert [row[0] for row in rows] == [b"1", b"2"]


def test_zero_dates_are_no_cursor_value(mysql_url: str) -> None:
    execute(
        mysql_url,
        "set session sql_mode = ''",
        "create table things (id int primary key, c date)",
        "insert into things values (1, '0000-00-00')",
    )
    with MysqlTableSource(mysql_url).open() as session:
        _, known = run(session, THINGS, Reading(Mode.INCREMENTAL, "c"), None)
    assert known.cursor is None


def test_a_column_without_an_order_is_no_cursor(mysql_url: str) -> None:
    execute(mysql_url, "create table things (id int primary key, c blob)")
    with MysqlTableSource(mysql_url).open() as session, pytest.raises(ConfigError, match="'c' is bytea"):
        read(session, reading=Reading(Mode.INCREMENTAL, "c"))


def test_a_query_is_described_with_its_numbers_and_times(mysql_url: str) -> None:
    execute(
        mysql_url,
        "create table things (id bigint unsigned, d decimal(18,4), u decimal(9,3) unsigned, b bit(7), r float,"
        " t timestamp null, x blob, y varchar(9), p point)",
    )
    with MysqlTableSource(mysql_url).open() as session:
        schema = session.describe(Relation(sql="select * from things"))
    assert [column.type for column in schema.columns] == [
        "numeric(20,0)",
        "numeric(18,4)",
        "numeric(9,3)",
        "bit(7)",
        "real",
        "timestamp with time zone",
        "bytea",
        "text",
        "bytea",
    ]


def test_padding_of_char_does_not_depend_on_the_server(mysql_url: str) -> None:
    execute(
        mysql_url,
        "create table things (c char(10) primary key)",
        "insert into things values ('a')",
        "set global sql_mode = concat(@@sql_mode, ',PAD_CHAR_TO_FULL_LENGTH')",
    )
    try:
        with MysqlTableSource(mysql_url).open() as session:
            assert read(session) == [(b"a",)]
    finally:
        execute(mysql_url, "set global sql_mode = replace(@@global.sql_mode, 'PAD_CHAR_TO_FULL_LENGTH', '')")


def test_memory_stays_flat_however_large_the_table(mysql_url: str) -> None:
    class Bucket(BytesIO):
        taken = 0

        def write(self, data: object) -> int:
            self.taken += len(data)  # type: ignore[arg-type]
            return len(data)  # type: ignore[arg-type]

    out = Bucket()
    wide = Relation(sql="select seq, repeat('x', 100000) as wide from seq_1_to_1000")
    with MysqlTableSource(mysql_url).open() as session:
        plan = session.plan(wide, session.describe(wide), Reading(), None)
        tracemalloc.start()
        session.copy(plan, CopyFormat.TEXT, out)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert out.taken > 100_000_000
    assert peak < 10_000_000
