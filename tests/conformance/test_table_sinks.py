"""What every table sink must do (connectors/base.py), tried over every connector that can hold tables."""

from dataclasses import replace

import pytest

from supersync_core.connectors.base import Held
from supersync_core.domain.execution import Counts
from supersync_core.domain.table import Column, TableName, TableSchema
from supersync_core.domain.table_sync import DELETED_AT, Deletes, Stage
from supersync_core.errors import Cancelled, ConfigError, SupersyncError
from tests.conformance.targets import (
    CHECKPOINT,
    COLUMNS,
    ID,
    NAME,
    ONE,
    PRICE,
    TABLE,
    THREE,
    TWO,
    Row,
    Target,
    a_write,
    copy_text,
    held,
    ignore,
    sync,
)


def test_a_table_that_is_not_there_has_neither_schema_nor_checkpoint(target: Target) -> None:
    assert held(target) == Held(None, None)


def test_a_new_table_is_created_with_its_key_and_filled(target: Target) -> None:
    assert sync(target, [ONE, TWO, THREE]) == Counts(extracted=3, inserted=3)
    assert target.rows() == [ONE, TWO, THREE]
    assert held(target).schema == COLUMNS


def test_a_new_table_may_stay_empty(target: Target) -> None:
    assert sync(target, []) == Counts()
    assert target.rows() == []


def test_rows_are_counted_by_what_happened_to_them(target: Target) -> None:
    sync(target, [ONE, TWO])
    counts = sync(target, [ONE, ("2", "zwei", "2.50"), THREE])
    assert counts == Counts(extracted=3, inserted=1, updated=1, unchanged=1)
    assert target.rows() == [ONE, ("2", "zwei", "2.50"), THREE]


@pytest.mark.parametrize(
    ("before", "after"), [(None, ""), ("", None), ("one", None), (None, "one"), ("1", "1 ")], ids=repr
)
def test_every_change_of_a_value_is_an_update(target: Target, before: str | None, after: str | None) -> None:
    sync(target, [("1", before, None)])
    assert sync(target, [("1", after, None)]).updated == 1
    assert target.rows() == [("1", after, None)]


def test_a_key_of_two_columns_identifies_rows(target: Target) -> None:
    columns = TableSchema((ID, replace(NAME, nullable=False), PRICE), ("id", "na me"))
    write = replace(a_write(columns), primary_key=("id", "na me"))
    sync(target, [("1", "a", None), ("1", "b", None)], write)
    assert sync(target, [("1", "b", "3.00"), ("1", "c", None)], write) == Counts(2, inserted=1, updated=1)


def test_rows_that_are_gone_stay_by_default(target: Target) -> None:
    sync(target, [ONE, TWO])
    assert sync(target, [ONE]).deleted == 0
    assert target.rows() == [ONE, TWO]


def test_rows_that_are_gone_are_deleted_on_request(target: Target) -> None:
    sync(target, [ONE, TWO, THREE])
    assert sync(target, [ONE], a_write(deletes=Deletes.DELETE)) == Counts(1, unchanged=1, deleted=2)
    assert target.rows() == [ONE]


def test_all_rows_are_deleted_when_the_source_has_none(target: Target) -> None:
    sync(target, [ONE, TWO])
    assert sync(target, [], a_write(deletes=Deletes.DELETE)).deleted == 2
    assert target.rows() == []


def marks(target: Target) -> dict[str | None, bool]:
    """Whether each row is marked, by id."""
    schema = held(target).schema
    assert schema is not None
    place = schema.names.index(DELETED_AT)
    return {row[0]: row[place] is not None for row in target.rows() or []}


def test_rows_that_are_gone_are_marked_on_request(target: Target) -> None:
    write = a_write(deletes=Deletes.MARK)
    sync(target, [ONE, TWO], write)
    assert sync(target, [ONE], write).deleted == 1
    assert marks(target) == {"1": False, "2": True}


def test_a_marked_row_is_marked_once(target: Target) -> None:
    write = a_write(deletes=Deletes.MARK)
    for rows in ([ONE, TWO], [ONE]):
        sync(target, rows, write)
    before = target.rows()
    assert sync(target, [ONE], write) == Counts(1, unchanged=1)
    assert target.rows() == before


def test_a_marked_row_that_comes_back_is_updated(target: Target) -> None:
    write = a_write(deletes=Deletes.MARK)
    for rows in ([ONE, TWO], [ONE]):
        sync(target, rows, write)
    assert sync(target, [ONE, TWO], write).updated == 1
    assert marks(target) == {"1": False, "2": False}


def test_marking_begins_on_a_table_that_had_no_marks(target: Target) -> None:
    sync(target, [ONE, TWO])
    assert sync(target, [ONE], a_write(deletes=Deletes.MARK)).deleted == 1


@pytest.mark.parametrize("deletes", Deletes)
def test_a_part_of_the_rows_never_deletes(target: Target, deletes: Deletes) -> None:
    sync(target, [ONE, TWO])
    assert sync(target, [THREE], a_write(complete=False, deletes=deletes)).deleted == 0
    assert [row[0] for row in target.rows() or []] == ["1", "2", "3"]


def test_the_checkpoint_is_read_back_by_its_key(target: Target) -> None:
    sync(target, [ONE])
    assert held(target).checkpoint == CHECKPOINT
    assert held(target, "another key").checkpoint is None


def test_without_commit_there_is_neither_table_nor_checkpoint(target: Target) -> None:
    with target.sink.open() as session:
        session.lock(TABLE, "key")
        session.write(a_write(), copy_text([ONE]), ignore)
    assert (target.rows(), held(target)) == (None, Held(None, None))


def test_without_commit_a_known_table_is_as_it_was(target: Target) -> None:
    sync(target, [ONE])
    with target.sink.open() as session:
        session.lock(TABLE, "key")
        session.write(a_write(TableSchema((*COLUMNS.columns, Column("new", "text")))), copy_text([(*TWO, "x")]), ignore)
    assert target.rows() == [ONE]
    assert held(target).schema == COLUMNS


@pytest.mark.parametrize(
    "fatal", [Stage.PREPARE, Stage.COPY, Stage.MERGE, Stage.DELETE, Stage.CHECKPOINT, Stage.COMMIT]
)
def test_a_stop_at_any_stage_leaves_everything_as_it_was(target: Target, fatal: Stage) -> None:
    sync(target, [ONE, TWO])
    reached: list[Stage] = []

    def stop(stage: Stage) -> None:
        reached.append(stage)
        if stage is fatal:
            raise Cancelled("cancelled on request")

    with pytest.raises(Cancelled):
        sync(target, [("1", "changed", None)], a_write(deletes=Deletes.DELETE), stop)
    assert reached[-1] is fatal
    assert target.rows() == [ONE, TWO]


def test_one_session_writes_one_table_after_the_other(target: Target) -> None:
    other = TableName("target", "other")
    with target.sink.open() as session:
        for table in (other, TABLE):
            session.lock(table, "key")
            session.write(replace(a_write(), table=table), copy_text([ONE]), ignore)
            session.commit(table, "key", CHECKPOINT, ignore)
    assert target.rows() == [ONE]


def test_a_table_without_a_key_is_refused(target: Target) -> None:
    with pytest.raises(ConfigError, match="primary key"):
        sync(target, [ONE], replace(a_write(), primary_key=()))


@pytest.mark.parametrize("rows", [[(None, "x", None)], [ONE, ("1", "again", None)]], ids=["null", "twice"])
@pytest.mark.parametrize("known", [False, True], ids=["new table", "known table"])
def test_a_key_that_is_null_or_comes_twice_is_refused_and_nothing_written(
    target: Target, rows: list[Row], known: bool
) -> None:
    if known:
        sync(target, [TWO])
    with pytest.raises(SupersyncError):
        sync(target, rows)
    assert target.rows() == ([TWO] if known else None)
