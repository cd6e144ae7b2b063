"""Changes applied to tables of PostgreSQL: each exactly once, by one run at a time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from supersync_core.connectors.changes import ChangeSink, Refused, SinkContext
from supersync_core.connectors.memory import MemoryChangeLog
from supersync_core.connectors.postgres.connection import Session
from supersync_core.domain.change import Op, Position
from supersync_core.errors import Contention, LeaseLost, Unavailable
from tests.changes import CONTEXT, ORDERS, at, order, orders
from tests.postgres_changes import Query, ids, query, sink, sink_of, table, write

__all__ = ["query", "sink"]  # fixtures


def test_tables_and_position_of_a_batch_are_written_together_or_not_at_all(
    sink: ChangeSink, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = table("other", ("id", "integer"))
    sink.open([ORDERS, other])
    unit = MemoryChangeLog().commit((Op.CREATE, ORDERS, None, order(1)), (Op.CREATE, other, None, {"id": 5}))
    execute = Session.execute

    def dies_before_commit(session: Session, statement: Any, parameters: Any = None) -> Any:
        if statement == "commit":
            raise Unavailable("the connection was lost")
        return execute(session, statement, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "execute", dies_before_commit)
        with pytest.raises(Unavailable):
            write(sink, unit)
    count = "select (select count(*) from orders), (select count(*) from other), count(*) from _supersync.positions"
    assert query(count) == [(0, 0, 0)]
    write(sink, unit)
    assert query(count) == [(1, 1, 1)]


def test_the_position_is_given_back_when_it_opens_again(target_dsn: str, query: Query) -> None:
    log = MemoryChangeLog()
    units = [orders(1, log=log), orders(2, log=log)]
    for expected in (None, units[-1].position):
        sink = sink_of(target_dsn)
        assert sink.open([ORDERS]) == expected
        write(sink, *units)
        sink.close()
    assert query("select position->'data', key from _supersync.positions") == [({"place": 2}, "orders-cdc/pg-1/p")]


def test_what_is_there_already_is_left_alone_within_a_batch_too(sink: ChangeSink, query: Query) -> None:
    log = MemoryChangeLog()
    first = orders(1, log=log)
    write(sink, first)
    query("delete from orders")
    write(sink, first, orders(2, log=log))
    assert ids(query) == [2]


def test_a_commit_of_which_nothing_was_heard_is_not_done_twice(
    sink: ChangeSink, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = MemoryChangeLog()
    poisoned = log.insert(ORDERS, order(1), order(2, amount="much"))
    execute = Session.execute

    def dies_after_commit(session: Session, statement: Any, parameters: Any = None) -> Any:
        done = execute(session, statement, parameters)
        if statement == "commit" and log.units[-1] is poisoned:
            log.insert(ORDERS)
            raise Unavailable("the connection was lost")
        return done

    sink.open([ORDERS])
    monkeypatch.setattr(Session, "execute", dies_after_commit)
    with pytest.raises(Unavailable):
        write(sink, poisoned)
    assert [refusal.change for refusal in write(sink, poisoned)] == [poisoned.changes[1]]
    assert ids(query) == [1]


def test_a_second_run_is_shut_out_until_the_first_one_ends(target_dsn: str) -> None:
    first, second = sink_of(target_dsn), sink_of(target_dsn)
    first.open([ORDERS])
    with pytest.raises(Contention):
        second.open([ORDERS])
    other = sink_of(target_dsn, SinkContext("another", "acme", "postgresql"))
    other.open([ORDERS])
    first.close()
    second.open([ORDERS])
    second.close()
    other.close()


def test_a_run_whose_position_somebody_else_has_moved_writes_nothing(sink: ChangeSink, query: Query) -> None:
    log = MemoryChangeLog()
    write(sink, orders(1, log=log))
    query('update _supersync.positions set position = \'{"order": [7], "data": {}}\'')
    with pytest.raises(LeaseLost):
        write(sink, orders(2, log=log))
    assert ids(query) == [1]


def test_forgetting_begins_afresh(sink: ChangeSink) -> None:
    write(sink, orders(1))
    sink.forget()  # type: ignore[attr-defined]
    sink.close()
    assert sink.open([]) is None


def test_an_empty_batch_moves_the_position(sink: ChangeSink) -> None:
    sink.write([], at(7))
    sink.close()
    assert sink.open([]) == at(7)


def test_nothing_is_written_while_what_is_refused_cannot_be_put_aside(target_dsn: str, query: Query) -> None:
    asked = list[tuple[str, list[int]]]()

    def no_place(sink_id: str, refused: Sequence[Refused], position: Position) -> None:
        asked.append((sink_id, [one.change.index for one in refused]))
        raise Unavailable("the ledger is away")

    sink = sink_of(target_dsn, replace(CONTEXT, put_aside=no_place))
    sink.open([ORDERS])
    with pytest.raises(Unavailable):
        write(sink, MemoryChangeLog().insert(ORDERS, order(1), order(2, "a\0b")))
    sink.close()
    assert asked == [("p", [1])]
    assert query("select (select count(*) from orders), (select count(*) from _supersync.positions)") == [(0, 0)]
