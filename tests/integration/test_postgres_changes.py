"""What is PostgreSQL's alone in a source of changes: its types, what its log does not repeat, messages, partitions."""

import json
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from supersync_core.domain.change import OUTBOX_SCHEMA, Op
from tests.conformance.scenes import (
    Options,
    PostgresScene,
    read,
    read_to_head,
    read_units,
    shown,
)
from tests.integration import postgres_types
from tests.integration.postgres_types import LARGE, TEXT, TYPES

UNCHANGED = {"_unchanged": True}


def as_printed(scene: PostgresScene, table: str) -> list[dict[str, str | None]]:
    """Rows by id, each value as the server prints it: the driver converts nothing."""
    with closing(psycopg2.connect(scene.dsn, options="-c timezone=UTC -c intervalstyle=postgres")) as connection:
        cursor = connection.cursor()
        cursor.execute("select array_agg(oid::int) from pg_type")
        (kinds,) = cursor.fetchone()
        psycopg2.extensions.register_type(psycopg2.extensions.new_type(tuple(kinds), "T", lambda v, _: v), cursor)
        cursor.execute(f"select * from {table} order by id")
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.parametrize("snapshot", [None, {}], ids=["log", "snapshot"])
def test_every_type_arrives_as_the_server_has_it(scene: PostgresScene, snapshot: dict[str, Any] | None) -> None:
    source = scene.source(tables=("every",), snapshot=snapshot)
    create, inserts = postgres_types.statements()[:2], postgres_types.statements()[2:]
    scene.execute(*create, *(inserts if snapshot is not None else []))
    source.open(None)
    scene.execute(*([] if snapshot is not None else inserts))
    for change, texts in zip(read(source, len(inserts)), as_printed(scene, "every"), strict=True):
        row = int(texts["id"] or "")
        expected = {kind: postgres_types.meant(row, kind) for kind in TYPES}
        values = {kind: texts[f"c{n}"] if expected[kind] is TEXT else expected[kind] for n, kind in enumerate(TYPES)}
        image: Any = change.after
        assert {k: None if v is None else v.decode() for k, v in image.texts().items()} == texts
        assert dict(zip(TYPES, list(image.values().values())[1:], strict=True)) == values
        assert json.loads(image.json()) == image.values()
        assert b"\n" not in image.json()


def test_a_large_value_that_did_not_change_is_not_repeated(scene: PostgresScene) -> None:
    scene.execute("create table docs (id integer primary key, n integer, body text)")
    source = scene.source(tables=("docs",))
    source.open(None)
    scene.execute(f"insert into docs values (1, 1, {LARGE.format('a')})")
    scene.execute("update docs set n = 2")
    scene.execute("update docs set id = 3")
    scene.execute("update docs set body = 'short'")
    inserted, updated, moved, rewritten = read(source, 4)
    assert len(inserted.after.values()["body"]) == 9600
    assert shown([updated]) == [("u", "docs", None, {"id": 1, "n": 2, "body": UNCHANGED})]
    assert updated.after.json() == b'{"id":1,"n":2,"body":{"_unchanged":true}}'
    assert updated.after.texts() == {"id": b"1", "n": b"2"}
    assert shown([moved]) == [("u", "docs", {"id": 1}, {"id": 3, "n": 2, "body": UNCHANGED})]
    assert rewritten.after.values()["body"] == "short"


def test_a_table_with_full_identity_tells_its_old_rows(scene: PostgresScene) -> None:
    scene.execute(
        "create table docs (id integer primary key, n integer, body text)", "alter table docs replica identity full"
    )
    source = scene.source(tables=("docs",))
    source.open(None)
    scene.execute(f"insert into docs values (1, null, {LARGE.format('a')})")
    scene.execute("update docs set n = 2")
    scene.execute("delete from docs")
    inserted, updated, deleted = read(source, 3)
    body = inserted.after.values()["body"]
    assert updated.before.values() == {"id": 1, "n": None, "body": body}
    assert deleted.before.values() == {"id": 1, "n": 2, "body": body}


def test_a_delete_tells_the_key_and_nothing_that_it_does_not_know(scene: PostgresScene) -> None:
    scene.execute("create table parts (a text, n integer, b integer, primary key (b, a))")
    source = scene.source(tables=("parts",))
    source.open(None)
    scene.execute("insert into parts values ('x', 1, 2)")
    scene.execute("delete from parts")
    created, deleted = read(source, 2)
    assert shown([deleted]) == [("d", "parts", {"a": "x", "b": 2}, None)]
    assert created.table.primary_key == ("b", "a")
    assert list(created.key()) == ["b", "a"]


def test_a_unique_index_may_be_the_identity(scene: PostgresScene) -> None:
    scene.execute(
        "create table coded (id integer primary key, code text not null)",
        "create unique index coded_code on coded (code)",
        "alter table coded replica identity using index coded_code",
    )
    source = scene.source(tables=("coded",))
    source.open(None)
    scene.execute("insert into coded values (1, 'a')", "update coded set code = 'b'", "delete from coded")
    created, updated, deleted = read(source, 3)
    assert created.table.primary_key == ("id",)
    assert [updated.before.values(), deleted.before.values()] == [{"code": "a"}, {"code": "b"}]


def test_one_truncate_of_several_tables_is_told_of_each(scene: PostgresScene) -> None:
    scene.execute("create table parents (id integer primary key)")
    scene.execute("create table children (id integer primary key, parent integer references parents)")
    source = scene.source(tables=("parents", "children"))
    source.open(None)
    scene.execute("insert into parents values (1)", "insert into children values (1, 1)")
    scene.execute("truncate parents cascade")
    (_, unit) = read_units(source, 4)
    assert {(change.op, change.table.name) for change in unit.changes} == {
        (Op.TRUNCATE, "parents"),
        (Op.TRUNCATE, "children"),
    }


def test_a_generated_column_is_not_among_the_columns(scene: PostgresScene) -> None:
    scene.execute("create table doubled (id integer primary key, twice integer generated always as (id * 2) stored)")
    scene.execute("insert into doubled values (1)")
    source = scene.source(tables=("doubled",), snapshot={})
    source.open(None)
    scene.execute("insert into doubled values (2)")
    assert shown(read(source, 2)) == [("r", "doubled", None, {"id": 1}), ("c", "doubled", None, {"id": 2})]
    assert [[column.name for column in table.columns] for table in source.tables()] == [["id"]]


def test_defaults_and_identities_are_described(scene: PostgresScene) -> None:
    scene.execute(
        "create table described (id bigint generated always as identity primary key,"
        " at timestamptz not null default now(), price numeric(10,2))"
    )
    (table,) = scene.source(tables=("described",)).tables()
    assert [(c.name, c.type, c.nullable, c.default, c.extra) for c in table.columns] == [
        ("id", "bigint", False, None, "generated always as identity"),
        ("at", "timestamp with time zone", False, "now()", None),
        ("price", "numeric(10,2)", True, None, None),
    ]


def test_names_with_capitals_spaces_and_quotes_work(scene: PostgresScene) -> None:
    scene.execute(
        'create schema "My schema"', 'create table "My schema"."A ""b"" %s" ("The id" int primary key, x int)'
    )
    scene.execute('insert into "My schema"."A ""b"" %s" values (1, 2)')
    source = scene.build(scene.dsn, Options(tables=('My schema.A "b" %s',), snapshot={}), publication='Pub "x", y')
    source.open(None)
    scene.execute('insert into "My schema"."A ""b"" %s" values (2, 3)')
    assert [change.after.values() for change in read(source, 2)] == [{"The id": 1, "x": 2}, {"The id": 2, "x": 3}]


@pytest.mark.parametrize("table", ["measures", "measures_2024"])
def test_rows_of_partitions_are_those_of_the_table_that_is_published(scene: PostgresScene, table: str) -> None:
    """`table`: what the pattern names: the whole, or one part."""
    scene.execute(
        "create table measures (id integer, year integer, primary key (id, year)) partition by list (year)",
        "create table measures_2024 partition of measures for values in (2024)",
        "create table measures_2025 partition of measures for values in (2025)",
        "insert into measures values (1, 2024)",
    )
    source = scene.source(tables=(f"public.{table}",), snapshot={})
    source.open(None)
    scene.execute("insert into measures values (2, 2024)")
    scene.execute("update measures set year = 2025 where id = 1")
    told = [(op, name) for op, name, *_ in shown([c for unit in read_to_head(source) for c in unit.changes])]
    if table == "measures":
        # A row that moves from part to part is deleted there and inserted here.
        assert told == [("r", "measures"), ("c", "measures"), ("d", "measures"), ("c", "measures")]
    else:
        assert told == [("r", "measures_2024"), ("c", "measures_2024"), ("d", "measures_2024")]


def test_parts_that_are_published_by_their_own_names_are_meant_with_the_whole(scene: PostgresScene) -> None:
    scene.execute(
        "create table measures (id integer, year integer, primary key (id, year)) partition by list (year)",
        "create table measures_2024 partition of measures for values in (2024)",
        "insert into measures values (1, 2024)",
        "create publication items_pub for table measures",
    )
    source = scene.source(tables=("public.measures",), snapshot={})
    source.open(None)
    scene.execute("insert into measures values (2, 2024)")
    assert [(op, name) for op, name, *_ in shown(read(source, 2))] == [("r", "measures_2024"), ("c", "measures_2024")]


def test_messages_of_an_outbox_are_events_of_their_own(scene: PostgresScene) -> None:
    source = scene.build(scene.dsn, Options(), outbox={"prefixes": ["orders", "mail_*"]})
    begin = source.open(None)
    emit = "select pg_logical_emit_message({}, '{}', '{}')"
    scene.execute("insert into items values (1, 'a')", emit.format("true", "orders", '{"id": 7}'))
    scene.execute(emit.format("true", "unknown", "{}"))
    scene.execute(emit.format("false", "mail_out", "no json"))
    scene.execute("insert into items values (2, 'b')")
    units = read_units(source, 4)
    changes = [change for unit in units for change in unit.changes]
    assert shown(changes) == [
        ("c", "items", None, {"id": 1, "name": "a"}),
        ("c", "orders", None, {"id": 7}),
        ("c", "mail_out", None, {"payload": "no json"}),
        ("c", "items", None, {"id": 2, "name": "b"}),
    ]
    assert [change.table.schema for change in changes[1:3]] == [OUTBOX_SCHEMA] * 2
    assert {table.name for table, _ in scene.told} == {"items"}
    source.close()
    # Read again, a message has its id again; read on behind it, it does not come again.
    again = scene.build(scene.dsn, Options(), outbox={"prefixes": ["orders", "mail_*"]})
    again.open(begin)
    assert [change.event_id for change in read(again, 4)] == [change.event_id for change in changes]
    again.close()
    last = scene.build(scene.dsn, Options(), outbox={"prefixes": ["*"]})
    last.open(units[1].position)
    assert [change.key() for change in read(last, 1)] == [{"id": 2}]


def test_messages_are_not_sent_when_nobody_wants_them(scene: PostgresScene) -> None:
    source = scene.source()
    source.open(None)
    scene.execute("select pg_logical_emit_message(true, 'orders', '{}')")
    scene.execute("insert into items values (1, 'a')")
    assert [change.table.name for change in read(source, 1)] == ["items"]


def test_a_row_may_be_larger_than_any_buffer(scene: PostgresScene) -> None:
    source = scene.source(snapshot={})
    source.open(None)
    scene.execute("alter table items alter name type text")
    scene.execute("insert into items values (1, repeat('x', 3000000))", "insert into items values (2, 'y')")
    assert [len(change.after.values()["name"]) for change in read(source, 2)] == [3_000_000, 1]
