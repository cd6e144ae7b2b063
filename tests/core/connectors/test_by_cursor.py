from datetime import datetime, timedelta, timezone

import pytest

from supersync_core.connectors.by_cursor import Bound, Range, Snapshot, plan_by_cursor
from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.table import Column, TableName, TableSchema
from supersync_core.domain.table_sync import Mode, Reading, Relation
from supersync_core.errors import ConfigError, NotFound

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
TABLE = Relation(table=TableName("public", "orders"))
SCHEMA = TableSchema((Column("id", "bigint"), Column("at", "timestamp with time zone"), Column("day", "date")))


def plan(reading, largest, at, since=None, origin="server", schema=SCHEMA):
    return plan_by_cursor(TABLE, schema, reading, since, Snapshot(origin, at, lambda cursor: largest))


def history(column, *runs):
    """The plans of an incremental pipeline: each run is the hours after noon and the largest value then."""
    found, since = [], None
    for hours, largest in runs:
        found.append(plan(Reading(Mode.INCREMENTAL, column), largest, NOON + hours * HOUR, since))
        since = found[-1].checkpoint
    return found


def test_a_first_run_is_complete():
    (first,) = history("id", (0, "5"))
    assert (first.complete, first.where, first.checkpoint.cursor) == (True, None, "5")


def test_a_second_run_reads_from_the_first_mark_on():
    _, second = history("id", (0, "5"), (0.1, "9"))
    assert second.where == Range("id", (Bound("5", inclusive=True),), nulls=True)


def test_the_mark_stays_until_the_next_one_has_come_of_age():
    *_, last = history("id", (0, "5"), (0.3, "9"), (0.6, "12"), (0.9, "20"))
    assert last.where.bounds == (Bound("5", inclusive=True),)


def test_everything_is_read_once_more_when_the_first_run_has_come_of_age():
    plans = history("id", (0, "5"), (0.9, "9"), (1, "9"), (1.5, "12"))
    assert [p.complete for p in plans] == [True, False, True, False]


def test_a_mark_of_age_is_left_out_and_then_replaced():
    plans = history("id", (0, "5"), (1, "9"), (1.5, "12"), (2, "20"), (2.5, "21"))
    assert [p.where.bounds for p in plans[2:]] == [
        (Bound("5", inclusive=False),),  # seen an hour before the last snapshot: its row is settled
        (Bound("5", inclusive=False),),
        (Bound("9", inclusive=False),),  # and so is this one, since the run at two o'clock
    ]


def test_without_lookback_only_what_is_above_the_last_mark_is_read():
    first = plan(Reading(Mode.INCREMENTAL, "id", lookback=timedelta(0)), "5", NOON)
    second = plan(Reading(Mode.INCREMENTAL, "id", lookback=timedelta(0)), "9", NOON + HOUR, first.checkpoint)
    assert second.where.bounds == (Bound("5", inclusive=False),)


def test_a_time_is_not_read_again_as_a_whole():
    assert not history("at", (0, "2026-03-01 11:59:59"), (1, "2026-03-01 12:59:59"))[1].complete


def test_a_time_reads_from_an_hour_before_the_last_snapshot_as_well():
    _, second = history("at", (0, "2020-01-01 00:00:00"), (5, "2026-03-01 16:00:00"))
    assert Bound("2026-03-01 11:00:00.000000", inclusive=True) in second.where.bounds


def test_a_date_reads_from_the_day_of_that_hour():
    _, second = history("day", (0, "2020-01-01"), (5, "2026-03-01"))
    assert Bound("2026-03-01", inclusive=True) in second.where.bounds


def test_a_window_ends_where_it_is_long():
    found = plan(Reading(Mode.WINDOW, "at", window=timedelta(days=7)), "x", NOON)
    assert found.where == Range("at", (Bound("2026-02-22 12:00:00.000000", inclusive=True),), nulls=False)
    assert not found.complete


def test_an_empty_table_keeps_what_was_known():
    first, second = history("id", (0, "5"), (1, None))
    assert second.checkpoint.cursor == "5"
    assert first.checkpoint.horizon is not None


def test_a_table_that_was_always_empty_is_read_as_a_whole():
    _, second = history("id", (0, None), (1, "5"))
    assert second.complete


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "another server"},
        {"schema": TableSchema((Column("id", "numeric"),))},
    ],
    ids=["origin", "schema"],
)
def test_a_checkpoint_of_something_else_is_ignored(change):
    (first,) = history("id", (0, "5"))
    assert plan(Reading(Mode.INCREMENTAL, "id"), "9", NOON + HOUR, first.checkpoint, **change).complete


def test_a_checkpoint_of_another_cursor_is_ignored():
    (first,) = history("id", (0, "5"))
    assert plan(Reading(Mode.INCREMENTAL, "day"), "2026-01-01", NOON + HOUR, first.checkpoint).complete


def test_a_full_run_marks_where_the_next_may_begin():
    first = plan(Reading(Mode.FULL, "id"), "5", NOON)
    second = plan(Reading(Mode.INCREMENTAL, "id"), "9", NOON + HOUR / 2, first.checkpoint)
    assert (first.complete, second.complete) == (True, False)


def test_a_cursor_that_is_no_column_is_not_found():
    with pytest.raises(NotFound, match="no column 'updated' to be the cursor; it has: id, at, day"):
        plan(Reading(Mode.INCREMENTAL, "updated"), None, NOON)


def test_a_window_needs_a_time():
    with pytest.raises(ConfigError, match="'id' is bigint"):
        plan(Reading(Mode.WINDOW, "id", window=HOUR), "5", NOON)


def test_the_checkpoint_survives_storage():
    (first,) = history("id", (0, "5"))
    assert TableCheckpoint.from_json(first.checkpoint.to_json()) == first.checkpoint
