"""What every table sink must do when the source's schema has changed, when it has to wait, and when it is cancelled."""

import threading
import time
from io import BytesIO

import pytest

from supersync_core.connectors.base import Held, SinkSession
from supersync_core.domain.execution import Counts
from supersync_core.domain.table import Column, TableSchema
from supersync_core.errors import Cancelled, Contention, SchemaMismatch, SupersyncError
from tests.conformance.targets import COLUMNS, ID, NAME, ONE, PRICE, TABLE, TWO, Target, a_write, held, ignore, sync


def test_a_new_column_is_added(target: Target) -> None:
    sync(target, [ONE])
    wider = TableSchema((*COLUMNS.columns, Column("colour", "text", nullable=False)), ("id",))
    sync(target, [(*TWO, "red")], a_write(wider))
    assert target.rows() == [(*ONE, None), (*TWO, "red")]


def test_a_wider_type_widens_the_column(target: Target) -> None:
    sync(target, [ONE])
    sync(
        target,
        [("2", "two", "123456789.1234")],
        a_write(TableSchema((ID, NAME, Column("price", "numeric(14,4)")), ("id",))),
    )
    schema = held(target).schema
    assert schema is not None and schema["price"].type == "numeric(14,4)"
    assert (target.rows() or [])[1] == ("2", "two", "123456789.1234")


def test_a_column_that_is_gone_keeps_its_values_and_takes_nulls(target: Target) -> None:
    sync(target, [ONE])
    counts = sync(target, [("1", "eins"), ("4", "vier")], a_write(TableSchema((ID, NAME), ("id",))))
    assert counts == Counts(2, inserted=1, updated=1)
    assert target.rows() == [("1", "eins", "1.00"), ("4", "vier", None)]


def test_columns_may_come_in_another_order(target: Target) -> None:
    sync(target, [ONE])
    assert sync(target, [("2.50", "2", None)], a_write(TableSchema((PRICE, ID, NAME), ("id",)))).inserted == 1
    assert target.rows() == [ONE, TWO]


def test_a_type_that_does_not_fit_is_refused_and_nothing_written(target: Target) -> None:
    sync(target, [ONE])
    with pytest.raises(SchemaMismatch, match="price"):
        sync(target, [("2", "two", "cheap")], a_write(TableSchema((ID, NAME, Column("price", "text")), ("id",))))
    assert target.rows() == [ONE]


def test_another_sync_of_the_table_has_to_wait(target: Target) -> None:
    with target.sink.open() as first, target.sink.open() as second:
        first.lock(TABLE, "key")
        with pytest.raises(Contention):
            second.lock(TABLE, "another key")


def test_a_table_is_free_again_after_the_end(target: Target) -> None:
    with target.sink.open() as first:
        first.lock(TABLE, "key")
    assert held(target) == Held(None, None)


class Endless(BytesIO):
    """Rows without end."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self._next = 0

    def read(self, size: int | None = -1) -> bytes:
        self.begun.set()
        self._next += 1
        return f"{self._next}\tname\t1.00\n".encode()


def test_a_cancelled_write_ends_within_two_seconds_and_leaves_nothing(target: Target) -> None:
    rows = Endless()
    raised: list[BaseException] = []

    def write(session: SinkSession) -> None:
        try:
            session.write(a_write(), rows, ignore)
        except SupersyncError as error:
            raised.append(error)

    with target.sink.open() as session:
        session.lock(TABLE, "key")
        thread = threading.Thread(target=write, args=(session,), daemon=True)
        thread.start()
        assert rows.begun.wait(10)
        started = time.monotonic()
        session.cancel()
        session.cancel()
        thread.join(10)
        seconds = time.monotonic() - started
    assert seconds < 2
    assert isinstance(raised[0], Cancelled)
    assert target.rows() is None


def test_after_a_cancel_nothing_runs_any_more(target: Target) -> None:
    with target.sink.open() as session:
        session.cancel()
        with pytest.raises(Cancelled):
            session.lock(TABLE, "key")
