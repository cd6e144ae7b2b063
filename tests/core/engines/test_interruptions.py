"""A table sync that is cancelled, cut off or overtaken: it ends, or goes on, and nothing is half-written."""

import threading
import time
from collections.abc import Callable, Iterator

import psycopg2
import pytest

from supersync_core.domain.table import TableName
from supersync_core.domain.table_sync import Relation, Stage, TableSync
from supersync_core.engines.table_sync import TableSyncer
from supersync_core.errors import Cancelled, NotFound, RetryError, SupersyncError
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


def in_thread(syncer: TableSyncer, sync: TableSync = SYNC) -> tuple[threading.Thread, list[BaseException | None]]:
    """Run the sync in a thread; the list gets its error, or None."""
    ended: list[BaseException | None] = []

    def run() -> None:
        with syncer:
            try:
                syncer.sync(sync)
                ended.append(None)
            except SupersyncError as error:
                ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, ended


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.01)


SLOW = Relation(
    sql="select g as id, pg_sleep(0.001)::text || repeat('x', 1000) as v from generate_series(1, 1000000) g"
)


@pytest.mark.parametrize("stage", [Stage.COPY, Stage.MERGE])
def test_cancel_ends_a_run_within_two_seconds_and_leaves_nothing(pair: Pair, stage: Stage) -> None:
    reached = threading.Event()
    if stage is Stage.MERGE:
        pair.sync()
        query(
            pair.target,
            "create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(30); return new; end';"
            " create trigger slow before update on t for each row execute function slow()",
        )
        query(pair.source, "update t set v = 'new'")
    sync = SYNC if stage is Stage.MERGE else TableSync("t", SLOW, T, ("id",))
    syncer = pair.syncer(lambda now: reached.set() if now is stage else None)
    thread, ended = in_thread(syncer, sync)
    assert reached.wait(20)
    if stage is Stage.COPY:
        until(lambda: syncer.progress().rows > 0)
    started = time.monotonic()
    syncer.cancel()
    thread.join(20)
    assert time.monotonic() - started < 2
    assert isinstance(ended[0], Cancelled)
    assert query(pair.target, "select count(*) from pg_class where relname like '%supersync_stage%'") == [(0,)]


def test_progress_counts_rows_and_bytes_while_they_flow(pair: Pair) -> None:
    syncer = pair.syncer()
    thread, _ = in_thread(syncer, TableSync("t", SLOW, T, ("id",)))
    until(lambda: syncer.progress().rows > 100)
    progress = syncer.progress()
    syncer.cancel()
    thread.join()
    assert progress.stage == "copy"
    assert progress.rows_per_s > 0


@pytest.fixture
def lost_once() -> Iterator[Callable[[str, Stage], Callable[[Stage], None]]]:
    """A stage callback that makes the server end supersync's connections once, at one stage."""
    done: list[Stage] = []

    def at(dsn: str, stage: Stage) -> Callable[[Stage], None]:
        def on_stage(reached: Stage) -> None:
            if reached is stage and not done:
                done.append(stage)
                query(
                    dsn,
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and application_name like 'supersync%'",
                )

        return on_stage

    yield at
    assert done


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("stage", [Stage.LOCK, Stage.COPY, Stage.MERGE, Stage.COMMIT])
def test_a_lost_connection_is_outlived(pair: Pair, lost_once, stage: Stage, side: str) -> None:  # type: ignore[no-untyped-def]
    pair.sync()
    query(pair.source, "update t set v = 'new'")
    with pair.syncer(lost_once(getattr(pair, side), stage)) as syncer:
        syncer.sync(SYNC)
    assert pair.texts()[0] == pair.texts()[1]


def test_what_no_repetition_can_mend_is_not_repeated(pair: Pair) -> None:
    attempts = []
    with (
        pair.syncer(lambda stage: attempts.append(stage) if stage is Stage.CONNECT else None) as syncer,
        pytest.raises(NotFound),
    ):
        syncer.sync(TableSync("t", Relation(TableName("public", "nowhere")), T))
    assert len(attempts) == 1


def test_a_server_that_cannot_be_reached_is_given_up_in_the_end(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supersync_core.engines.retry.ATTEMPTS", 2)
    away = Pair("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1", pair.target)
    with pytest.raises(RetryError, match=r"refused"):
        away.sync()


def test_two_syncs_of_one_table_go_one_after_the_other(pair: Pair) -> None:
    started, release = threading.Event(), threading.Event()

    def hold(stage: Stage) -> None:
        if stage is Stage.COMMIT:
            started.set()
            release.wait(20)

    first, first_ended = in_thread(pair.syncer(hold))
    assert started.wait(20)
    query(pair.source, "update t set v = 'younger'")
    second, second_ended = in_thread(pair.syncer())
    until(
        lambda: (
            query(pair.target, "select count(*) from pg_locks where locktype = 'advisory' and not granted") == [(1,)]
        )
    )
    release.set()
    first.join()
    second.join()
    assert (first_ended, second_ended, pair.texts()[0]) == ([None], [None], pair.texts()[1])


def test_the_checkpoint_of_an_older_snapshot_never_replaces_a_younger_one(pair: Pair) -> None:
    with pair.syncer() as older:
        older.tables("public.*")  # its snapshot is taken here
        query(pair.source, "update t set v = 'younger'")
        pair.sync("public.t")
        older.sync(TableSync("public.t", Relation(T), T))
    assert pair.texts()[0] == pair.texts()[1]


def test_passwords_are_in_no_error(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supersync_core.engines.retry.ATTEMPTS", 1)
    with pytest.raises(SupersyncError) as caught:
        Pair("postgresql://u:canary-secret@127.0.0.1:1/d", pair.target).sync()
    assert "canary-secret" not in f"{caught.value} {caught.value.__cause__} {psycopg2.__version__}"
