"""What a table sync promises: counts, deletes, one snapshot, cancelling, trying again, and nothing half-written."""

from datetime import timedelta

import pytest

from supersync_core.domain.execution import Counts
from supersync_core.domain.table import TableName
from supersync_core.domain.table_sync import Deletes, Mode, Reading, Relation, Stage, TableSync
from supersync_core.errors import Cancelled, ConfigError, NotFound, SupersyncError
from tests.core.engines.tables import Pair, query

T = TableName("public", "t")
SYNC = TableSync("t", Relation(T), T)


@pytest.fixture
def pair(source_dsn: str, target_dsn: str) -> Pair:
    query(
        source_dsn,
        "create table t (id int primary key, v text); insert into t select g, g from generate_series(1, 9) g",
    )
    return Pair(source_dsn, target_dsn)


def test_counts_say_what_the_target_did(pair: Pair) -> None:
    pair.sync()
    query(
        pair.source, "update t set v = 'new' where id <= 2; delete from t where id = 9; insert into t values (10), (11)"
    )
    assert pair.sync(deletes=Deletes.DELETE).counts == Counts(
        extracted=10, inserted=2, updated=2, unchanged=6, deleted=1
    )


def test_unchanged_rows_keep_their_row_versions(pair: Pair) -> None:
    pair.sync()
    before = query(pair.target, "select id, xmin::text, xmax::text, ctid::text from t order by id")
    pair.sync()
    assert query(pair.target, "select id, xmin::text, xmax::text, ctid::text from t order by id") == before


@pytest.mark.parametrize(
    ("deletes", "left"),
    [
        pytest.param(Deletes.KEEP, [(1, False), (2, False)], id="keep"),
        pytest.param(Deletes.DELETE, [(2, False)], id="delete"),
        pytest.param(Deletes.MARK, [(1, True), (2, False)], id="mark"),
    ],
)
def test_rows_that_are_gone(pair: Pair, deletes: Deletes, left: list[tuple[int, bool]]) -> None:
    query(pair.source, "delete from t where id > 2")
    pair.sync(deletes=deletes)
    query(pair.source, "delete from t where id = 1")
    pair.sync(deletes=deletes)
    marked = "_supersync_deleted_at is not null" if deletes is Deletes.MARK else "false"
    assert query(pair.target, f"select id, {marked} from t order by id") == left


def test_a_marked_row_that_comes_back_is_unmarked(pair: Pair) -> None:
    for change in ("select 1", "delete from t where id = 1", "insert into t values (1, '1')"):
        query(pair.source, change)
        counts = pair.sync(deletes=Deletes.MARK).counts
    assert (counts.updated, query(pair.target, "select count(_supersync_deleted_at) from t")) == (1, [(0,)])


def test_a_mark_is_set_once(pair: Pair) -> None:
    pair.sync(deletes=Deletes.MARK)
    query(pair.source, "delete from t where id = 1")
    assert [pair.sync(deletes=Deletes.MARK).counts.deleted for _ in range(2)] == [1, 0]


def test_deletes_need_every_row() -> None:
    with pytest.raises(ConfigError, match="needs mode full"):
        TableSync("t", Relation(T), T, reading=Reading(Mode.INCREMENTAL, "id"), deletes=Deletes.DELETE)


def test_a_table_without_a_key_is_refused_with_what_to_do(pair: Pair) -> None:
    query(pair.source, "create table keyless (a int)")
    with pytest.raises(ConfigError, match="no primary key"):
        pair.sync("public.keyless")


def test_an_unknown_table_is_not_found(pair: Pair) -> None:
    with pytest.raises(NotFound, match=r"no table public\.nowhere"):
        pair.sync("public.nowhere")


def test_a_composite_key_identifies_rows(pair: Pair) -> None:
    query(pair.source, "create table two (a int, b text, v int); insert into two values (1, 'x', 1), (1, 'y', 2)")
    pair.sync("public.two", key=["a", "b"])
    query(pair.source, "update two set v = 3 where b = 'y'")
    pair.sync("public.two", key=["a", "b"])
    assert query(pair.target, "select * from two order by b") == [(1, "x", 1), (1, "y", 3)]


def test_a_table_of_nothing_but_its_key_is_merged(pair: Pair) -> None:
    query(pair.source, "create table bare (a int primary key); insert into bare values (1)")
    pair.sync("public.bare")
    query(pair.source, "insert into bare values (2)")
    assert pair.sync("public.bare").counts == Counts(extracted=2, inserted=1, unchanged=1)


@pytest.mark.parametrize("first", ["create table t (id int primary key, v text)", "select 1"], ids=["there", "created"])
def test_an_empty_source_makes_an_empty_target(pair: Pair, first: str) -> None:
    query(pair.source, "truncate t")
    query(pair.target, first)
    assert pair.sync().counts == Counts()
    assert query(pair.target, "select count(*) from t") == [(0,)]


def test_a_window_reads_what_lies_within_it(pair: Pair) -> None:
    query(
        pair.source,
        "create table w (id int primary key, at timestamptz);"
        " insert into w select g, now() - g * interval '1 day' from generate_series(0, 20) g",
    )
    result = pair.sync("public.w", reading=Reading(Mode.WINDOW, "at", window=timedelta(days=7)))
    assert (result.counts.extracted, result.complete) == (7, False)


def test_a_lookback_finds_what_came_late_and_lets_settled_rows_rest(pair: Pair) -> None:
    query(pair.source, "create table l (id int primary key, at timestamptz); insert into l values (1, now())")
    reading = Reading(Mode.INCREMENTAL, "at", lookback=timedelta(minutes=10))
    pair.sync("public.l", reading=reading)
    query(
        pair.source,
        "insert into l values (2, now() - interval '9 minutes'), (3, now() - interval '1 day'), (4, null),"
        " (5, now() + interval '1 hour')",
    )
    pair.sync("public.l", reading=reading)
    assert query(pair.target, "select id from l order by id") == [(1,), (2,), (4,), (5,)]


def test_full_once_reads_everything_and_goes_on_from_there(pair: Pair) -> None:
    sync = TableSync("t", Relation(T), T, reading=Reading(Mode.INCREMENTAL, "id"))

    def complete(full: bool) -> bool:
        with pair.syncer() as syncer:
            return syncer.sync(sync, full=full).complete

    assert [complete(full) for full in (False, False, True, False)] == [True, False, True, False]


def test_all_tables_of_one_syncer_are_read_in_one_snapshot(pair: Pair) -> None:
    query(pair.source, "create table u (id int primary key); insert into u values (1)")
    with pair.syncer() as syncer:
        for table in syncer.tables("public.*"):
            syncer.sync(TableSync(str(table), Relation(table), table))
            query(pair.source, "insert into u values (2) on conflict do nothing")
    assert query(pair.target, "select * from u") == [(1,)]


@pytest.mark.parametrize(
    "stage", [s for s in Stage if s not in (Stage.OPEN, Stage.CLOSE, Stage.COMMITTED, Stage.DELETE)]
)
@pytest.mark.parametrize("there", [True, False], ids=["merge", "load"])
def test_a_failure_at_any_stage_writes_nothing(pair: Pair, stage: Stage, there: bool) -> None:
    if there:
        pair.sync()
    query(pair.source, "update t set v = 'new'")
    state = "select (select array_agg(t::text) from t)" if there else "select to_regclass('t')"
    before = query(pair.target, state)

    def fail(reached: Stage) -> None:
        if reached is stage:
            raise Cancelled("here")

    with pair.syncer(fail) as syncer, pytest.raises(Cancelled):
        syncer.sync(SYNC)
    assert query(pair.target, state) == before


def test_an_index_of_the_target_may_be_missing_only_until_it_is_named(pair: Pair) -> None:
    query(pair.target, "create table t (id int, v text)")
    with pytest.raises(SupersyncError, match="unique"):
        pair.sync()
