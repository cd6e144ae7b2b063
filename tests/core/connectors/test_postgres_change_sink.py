"""Changes applied to tables of PostgreSQL, whatever their kind, whatever the table."""

import pytest

from supersync_core.connectors.changes import ChangeSink
from supersync_core.connectors.memory import MemoryChangeLog
from supersync_core.domain.change import Op
from supersync_core.errors import NotFound, SchemaMismatch
from tests.changes import KEYLESS, ORDERS, order, orders
from tests.postgres_changes import Query, ids, query, sink, sink_of, table, write

__all__ = ["query", "sink"]  # fixtures

UNCHANGED = {"_unchanged": True}


def test_missing_tables_are_made_when_it_opens_with_types_and_key(sink: ChangeSink, query: Query) -> None:
    assert sink.open([ORDERS, KEYLESS]) is None
    columns = query(
        "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute"
        " where attrelid = 'orders'::regclass and attnum > 0 order by attnum"
    )
    assert columns == [("id", "integer", True), ("name", "text", False), ("amount", "numeric(10,2)", False)]
    assert query("select count(*) from pg_constraint where conrelid = 'orders'::regclass and contype = 'p'") == [(1,)]
    assert query("select count(*) from log") == [(0,)]


def test_changes_deletes_and_new_keys_are_applied(sink: ChangeSink, query: Query) -> None:
    log = MemoryChangeLog()
    write(sink, orders(1, 2, 3, log=log))
    write(
        sink,
        log.commit(
            (Op.UPDATE, ORDERS, None, order(1, "new")),
            (Op.DELETE, ORDERS, {"id": 2}, None),
            (Op.UPDATE, ORDERS, {"id": 3}, order(30, "moved")),
        ),
    )
    assert query("select id, name from orders order by id") == [(1, "new"), (30, "moved")]


def test_many_changes_of_one_row_in_a_batch_come_to_the_last(sink: ChangeSink, query: Query) -> None:
    unit = MemoryChangeLog().commit(
        (Op.CREATE, ORDERS, None, order(1)),
        (Op.UPDATE, ORDERS, {"id": 1}, order(2)),
        (Op.CREATE, ORDERS, None, order(1, "again")),
        (Op.DELETE, ORDERS, order(2), None),
        (Op.CREATE, ORDERS, None, order(3)),
        (Op.UPDATE, ORDERS, None, order(3, "last")),
    )
    write(sink, unit)
    assert query("select id, name from orders order by id") == [(1, "again"), (3, "last")]


def test_keys_that_are_swapped_within_a_transaction_are_swapped(sink: ChangeSink, query: Query) -> None:
    log = MemoryChangeLog()
    write(sink, log.insert(ORDERS, order(1, "one"), order(2, "two")))
    write(
        sink,
        log.commit(
            (Op.UPDATE, ORDERS, {"id": 1}, order(9, "one")),
            (Op.UPDATE, ORDERS, {"id": 2}, order(1, "two")),
            (Op.UPDATE, ORDERS, {"id": 9}, order(2, "one")),
        ),
    )
    assert query("select id, name from orders order by id") == [(1, "two"), (2, "one")]


@pytest.mark.parametrize("apart", [True, False], ids=["in a batch of its own", "in the batch of the insert"])
def test_a_value_that_the_log_does_not_repeat_stays(sink: ChangeSink, query: Query, apart: bool) -> None:
    log = MemoryChangeLog()
    first = log.insert(ORDERS, order(1, "large"), order(2, "larger"))
    change = log.commit(
        (Op.UPDATE, ORDERS, None, {**order(1, amount="2.00"), "name": UNCHANGED}),
        (Op.UPDATE, ORDERS, {"id": 2}, {**order(20, amount="3.00"), "name": UNCHANGED}),
        (Op.UPDATE, ORDERS, None, {**order(20, amount="4.00"), "name": UNCHANGED}),
    )
    for units in [(first,), (change,)] if apart else [(first, change)]:
        write(sink, *units)
    rows = query("select id, name, amount::text from orders order by id")
    assert rows == [(1, "large", "2.00"), (20, "larger", "4.00")]


def test_new_rows_that_are_there_already_are_taken_as_they_are_now(sink: ChangeSink, query: Query) -> None:
    log = MemoryChangeLog()
    write(sink, orders(1, log=log))
    for name in ("x", "y"):
        write(sink, log.insert(ORDERS, order(1, name), order(2, name)))
        assert query("select id, name from orders order by id") == [(1, name), (2, name)]


def test_a_truncate_empties_the_table_and_what_follows_is_there(sink: ChangeSink, query: Query) -> None:
    log = MemoryChangeLog()
    write(sink, orders(1, 2, log=log))
    write(sink, orders(3, log=log), log.commit((Op.TRUNCATE, ORDERS, None, None)), orders(4, log=log))
    assert ids(query) == [4]


def test_a_table_without_a_key_takes_rows_and_finds_them_by_their_values(sink: ChangeSink, query: Query) -> None:
    log = MemoryChangeLog()
    a, b = {"line": "a"}, {"line": "b"}
    write(sink, log.insert(KEYLESS, a, a, b), log.insert(KEYLESS, {"line": None}))
    write(sink, log.commit((Op.DELETE, KEYLESS, a, None), (Op.UPDATE, KEYLESS, {"line": None}, {"line": "was null"})))
    assert sorted(query("select line from log")) == [("a",), ("b",), ("was null",)]


def test_a_row_without_a_key_that_the_log_does_not_tell_is_refused(sink: ChangeSink) -> None:
    unit = MemoryChangeLog().commit((Op.UPDATE, KEYLESS, None, {"line": "x"}))
    (refusal,) = write(sink, unit)
    assert (refusal.kind, "no primary key" in refusal.message) == ("serialization", True)


def test_new_and_wider_columns_are_followed(sink: ChangeSink, query: Query) -> None:
    log = MemoryChangeLog()
    before = table("t", ("id", "integer"), ("v", "character varying(5)"))
    after = table("t", ("id", "bigint"), ("v", "text"), ("extra", "timestamp with time zone"))
    write(sink, log.insert(before, {"id": 1, "v": "a"}))
    row = {"id": 2**40, "v": "much longer", "extra": "2024-01-02 03:04:05+00"}
    write(sink, log.insert(before, {"id": 2, "v": "b"}), log.insert(after, row))
    assert query("select id, v, extra at time zone 'utc' is null from t order by id") == [
        (1, "a", True),
        (2, "b", True),
        (2**40, "much longer", False),
    ]


def test_a_type_that_cannot_be_reconciled_is_an_abort_and_nothing_is_written(sink: ChangeSink, query: Query) -> None:
    log = MemoryChangeLog()
    write(sink, log.insert(table("t", ("id", "integer"), ("v", "integer")), {"id": 1, "v": 1}))
    other = table("t", ("id", "integer"), ("v", "jsonb"))
    with pytest.raises(SchemaMismatch, match="'v'"):
        write(sink, orders(1, log=log), log.insert(other, {"id": 2, "v": {}}))
    assert query("select to_regclass('orders') is null, (select count(*) from t)") == [(True, 1)]


def test_without_auto_create_a_missing_table_is_an_abort(target_dsn: str) -> None:
    sink = sink_of(target_dsn, auto_create=False)
    with pytest.raises(NotFound, match="orders"):
        sink.open([ORDERS])


def test_tables_may_be_put_into_another_schema(target_dsn: str, query: Query) -> None:
    sink = sink_of(target_dsn, target_schema='Odd "schema"')
    write(sink, orders(1))
    sink.close()
    assert query('select id from "Odd ""schema""".orders') == [(1,)]


def test_a_table_that_exists_is_taken_as_it_is(sink: ChangeSink, query: Query) -> None:
    query("create table orders (own text default 'x', amount numeric, name text not null, id bigint primary key)")
    query("insert into orders (name, id) values ('old', 1), ('stays', 5)")
    write(sink, MemoryChangeLog().insert(ORDERS, order(1, None), order(2, "b")))
    rows = query("select id, name, amount, own from orders order by id")
    assert [(number, name) for number, name, *_ in rows] == [(1, None), (2, "b"), (5, "stays")]
