"""What every table source must do (connectors/base.py), tried over every connector."""

import time
from datetime import timedelta

import pytest

from supersync_core.connectors.base import CopyFormat
from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.table import TableName
from supersync_core.domain.table_sync import Mode, Reading, Relation
from supersync_core.errors import NotFound
from tests.acceptance.console import until
from tests.conformance.reading import BY_ID, BY_SEEN, LONG_AGO, ago, read, run
from tests.conformance.systems import Server, System


def test_a_full_read_gives_every_value_as_it_is(system: System) -> None:
    rows = [
        ("1", None, None),
        ("2", "", "2024-01-01 10:00:00.123456"),
        ("3", "tab\there\nnew \\ line\r", None),
        ("4", "žluť 🐎 \\N", None),
    ]
    relation = Relation(table=system.make("values", rows))
    with system.source.open() as session:
        plan = session.plan(relation, session.describe(relation), Reading(), None)
        assert read(session, plan) == rows
    assert plan.complete


def test_a_table_without_rows_gives_none(system: System) -> None:
    assert run(system, system.make("empty", []))[0] == []


def test_a_table_is_described_in_the_words_of_postgresql(system: System) -> None:
    table = system.make("things", [])
    with system.source.open() as session:
        schema = session.describe(Relation(table=table))
    assert [(c.name, c.type, c.nullable) for c in schema.columns] == [
        ("id", "integer", False),
        ("name", "text", True),
        ("seen", "timestamp without time zone", True),
    ]
    assert schema.primary_key == ("id",)


def test_text_is_always_among_the_formats(system: System) -> None:
    table = system.make("things", [])
    with system.source.open() as session:
        assert CopyFormat.TEXT in session.formats(session.describe(Relation(table=table)))


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("sales_*", ["sales_2023", "sales_2024"]), ("sales_202?", ["sales_2023", "sales_2024"]), ("nothing*", [])],
)
def test_a_pattern_lists_the_tables_that_match_in_order(system: System, pattern: str, found: list[str]) -> None:
    for name in ("sales_2024", "other", "sales_2023"):
        system.make(name, [])
    with system.source.open() as session:
        tables = session.tables(f"{system.schema}.{pattern}")
    assert tables == [TableName(system.schema, name) for name in found]


def test_names_with_spaces_quotes_and_unicode_work(system: System) -> None:
    table = system.make('Größe "of" `a` 100%s.{0}', [("1", "x", None)], ("The `id`", 'na"me %s', "seen {at}"))
    relation = Relation(table=table)
    with system.source.open() as session:
        schema = session.describe(relation)
        plan = session.plan(relation, schema, Reading(Mode.INCREMENTAL, "seen {at}"), None)
        rows = read(session, plan)
    assert (schema.names, schema.primary_key) == (("The `id`", 'na"me %s', "seen {at}"), ("The `id`",))
    assert rows == [("1", "x", None)]


def test_a_table_that_is_not_there_is_not_found(system: System) -> None:
    with system.source.open() as session, pytest.raises(NotFound):
        session.describe(Relation(table=TableName(system.schema, "nowhere")))


def test_a_cursor_that_is_not_there_is_not_found(system: System) -> None:
    with pytest.raises(NotFound):
        run(system, system.make("things", []), Reading(Mode.INCREMENTAL, "updated"))


def test_every_read_of_a_session_sees_the_same_moment(system: System) -> None:
    relation = Relation(table=system.make("things", [("1", None, None)]))
    with system.source.open() as session:
        plan = session.plan(relation, session.describe(relation), BY_ID, None)
        first = read(session, plan)
        system.insert(relation.table, [("2", None, None)])
        assert read(session, plan) == first == [("1", None, None)]
    assert plan.checkpoint.cursor == "1"


def test_a_first_incremental_run_reads_everything(system: System) -> None:
    assert run(system, system.make("things", [("1", None, LONG_AGO), ("2", None, None)]), BY_SEEN)[0] == ["1", "2"]


def test_a_later_run_leaves_out_what_is_settled(system: System) -> None:
    table = system.make("things", [("1", None, "2023-01-01 00:00:00"), ("2", None, LONG_AGO)])

    def settled() -> TableCheckpoint | None:
        # As long as any transaction of the server is older than the rows, and other tests have some, nothing is.
        _, known = run(system, table, BY_SEEN)
        return known if "1" not in run(system, table, BY_SEEN, known)[0] else None

    known = until(settled)
    system.insert(table, [("3", None, ago(seconds=1))])
    ids, _ = run(system, table, BY_SEEN, known)
    assert "1" not in ids
    assert "3" in ids


@pytest.mark.parametrize("reading", [BY_SEEN, BY_ID], ids=["by time", "by number"])
def test_a_run_without_news_keeps_the_cursor(system: System, reading: Reading) -> None:
    table = system.make("things", [("7", None, LONG_AGO)])
    _, first = run(system, table, reading)
    _, second = run(system, table, reading, first)
    assert second.cursor == first.cursor


def test_a_row_with_the_cursor_value_of_the_boundary_is_not_lost(system: System) -> None:
    table = system.make("things", [("1", None, LONG_AGO)])
    _, known = run(system, table, BY_SEEN)
    system.insert(table, [("2", None, LONG_AGO)])
    assert "2" in run(system, table, BY_SEEN, known)[0]


def test_a_row_at_the_boundary_is_not_read_for_ever(system: System) -> None:
    table = system.make("things", [("1", None, LONG_AGO), ("2", None, LONG_AGO)])
    reading = Reading(Mode.INCREMENTAL, "seen", lookback=timedelta(milliseconds=50))
    ids, known = run(system, table, reading)
    deadline = time.monotonic() + 10
    while ids and time.monotonic() < deadline:
        ids, known = run(system, table, reading, known)
    assert ids == []


def test_a_row_that_comes_late_with_an_older_time_is_found(system: System) -> None:
    table = system.make("things", [("1", None, ago(seconds=1))])
    _, known = run(system, table, BY_SEEN)
    system.insert(table, [("2", None, ago(minutes=30))])
    assert "2" in run(system, table, BY_SEEN, known)[0]


def test_a_row_that_comes_late_with_a_smaller_number_is_found(system: System) -> None:
    table = system.make("things", [("1", None, None)])
    _, known = run(system, table, BY_ID)
    system.insert(table, [("5", None, None)])
    _, known = run(system, table, BY_ID, known)
    system.insert(table, [("4", None, None)])
    assert "4" in run(system, table, BY_ID, known)[0]


def test_numbers_compare_by_value(system: System) -> None:
    table = system.make("things", [("9", None, None)])
    _, known = run(system, table, BY_ID)
    system.insert(table, [("10", None, None)])
    ids, known = run(system, table, BY_ID, known)
    assert ("10" in ids, known.cursor) == (True, "10")


def test_a_new_row_without_a_cursor_value_is_read(system: System) -> None:
    table = system.make("things", [("1", None, LONG_AGO)])
    _, known = run(system, table, BY_SEEN)
    system.insert(table, [("2", None, None)])
    assert "2" in run(system, table, BY_SEEN, known)[0]


def test_a_window_reads_what_lies_in_it_each_time(system: System) -> None:
    table = system.make("things", [("1", None, ago(days=8)), ("2", None, ago(days=6)), ("3", None, None)])
    reading = Reading(Mode.WINDOW, "seen", window=timedelta(days=7))
    ids, known = run(system, table, reading)
    assert ids == run(system, table, reading, known)[0] == ["2"]


def test_a_table_with_another_schema_is_read_again_as_a_whole(system: System) -> None:
    table = system.make("things", [("1", None, LONG_AGO), ("2", None, ago(seconds=1))])
    _, known = run(system, table, BY_SEEN)
    system.add_column(table, "colour")
    assert run(system, table, BY_SEEN, known)[0] == ["1", "2"]


def test_a_checkpoint_of_another_table_says_nothing(system: System) -> None:
    _, known = run(system, system.make("other", [("1", None, ago(seconds=1))]), BY_SEEN)
    table = system.make("things", [("1", None, LONG_AGO)])
    assert run(system, table, BY_SEEN, known)[0] == ["1"]


def test_a_query_is_described_by_its_result(server: Server) -> None:
    with server.source.open() as session:
        schema = session.describe(Relation(sql="select 1 as one, 'two' as two;"))
    assert [(c.name, c.type) for c in schema.columns] == [("one", "integer"), ("two", "text")]


def test_a_query_that_ends_in_a_comment_works(server: Server) -> None:
    relation = Relation(sql="select 1 as one -- the first")
    with server.source.open() as session:
        assert read(session, session.plan(relation, session.describe(relation), Reading(), None)) == [("1",)]
