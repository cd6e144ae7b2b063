"""Writers commit late, out of order and with equal timestamps; after every sync the target has what was committed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from supersync_core.connectors.postgres import PostgresTableSink, PostgresTableSource
from supersync_core.connectors.postgres import connection as driver
from supersync_core.domain.table import TableName
from supersync_core.domain.table_sync import Mode, Reading, Relation, TableSync
from supersync_core.engines.table_sync import TableSyncer

EXAMPLES, SHARDS = 2_000, 4
WRITERS = 3
STAMPS = ("2024-01-01T00:00:00Z", "2024-01-01T00:00:01Z", "2024-01-01T00:00:02Z")

writer = st.integers(0, WRITERS - 1)
stamp = st.sampled_from(STAMPS)
operation = st.one_of(
    st.tuples(st.just("insert"), writer, stamp),
    st.tuples(st.just("insert in a savepoint"), writer, stamp),
    st.tuples(st.just("update"), writer, stamp),
    st.tuples(st.sampled_from(["commit", "rollback"]), writer, st.just("")),
    st.tuples(st.just("sync"), st.just(0), st.just("")),
)


@dataclass
class World:
    """A source with three writers, each in a transaction of its own, and a target."""

    source_dsn: str
    target_dsn: str
    writers: list["psycopg2.extensions.connection"] = field(default_factory=list)
    checkpoint: tuple[object, ...] | None = None

    def __post_init__(self) -> None:
        self.writers = [psycopg2.connect(self.source_dsn) for _ in range(WRITERS)]
        self.reader = psycopg2.connect(self.source_dsn)
        self.target = psycopg2.connect(self.target_dsn)
        self.reader.autocommit = self.target.autocommit = True
        # Each writer owns the ids that leave its number when divided by three, so that none waits for another's lock.
        self.run(
            self.reader,
            "create table t (id bigint primary key, writer int, stamp timestamptz, note text)",
            "create sequence ids",
        )

    def run(self, connection: "psycopg2.extensions.connection", *statements: str) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def query(self, connection: "psycopg2.extensions.connection", query: str) -> list[tuple[object, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()

    def rows(self, connection: "psycopg2.extensions.connection") -> list[tuple[object, ...]]:
        return self.query(connection, "select id, writer, stamp, note from t order by id")

    def begin_again(self) -> None:
        """An empty source, an empty target, and the checkpoint of a first (complete) sync."""
        for connection in self.writers:
            connection.rollback()
        self.run(self.reader, "delete from t")
        if self.checkpoint is None:
            assert self.sync()
            (self.checkpoint,) = self.query(self.target, "select checkpoint::text from _supersync_checkpoints")
        self.run(self.target, "delete from t")
        with self.target.cursor() as cursor:
            cursor.execute("update _supersync_checkpoints set checkpoint = %s", self.checkpoint)

    def sync(self) -> bool:
        """Sync as it is scheduled: every time a new session, a new snapshot. Returns whether it read everything."""
        table = TableName("public", "t")
        sync = TableSync("late", Relation(table), table, reading=Reading(Mode.INCREMENTAL, "stamp"))
        with TableSyncer(PostgresTableSource(self.source_dsn), PostgresTableSink(self.target_dsn)) as syncer:
            return syncer.sync(sync).complete

    def do(self, action: str, number: int, when: str) -> None:
        connection = self.writers[number]
        insert = f"insert into t values ({WRITERS} * nextval('ids') + {number}, {number}, '{when}', 'new')"
        if action == "insert":
            self.run(connection, insert)
        elif action == "insert in a savepoint":
            self.run(connection, "savepoint s", insert, "release savepoint s")
        elif action == "update":
            self.run(
                connection, f"update t set stamp = '{when}', note = note || '+' where id = (select min(id) from t"
                f" where writer = {number})"
            )  # fmt: skip
        elif action == "commit":
            connection.commit()
        elif action == "rollback":
            connection.rollback()

    def close(self) -> None:
        for connection in (*self.writers, self.reader, self.target):
            connection.close()


@pytest.fixture
def kept_connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is closed is used again. After `discard all` it is as good as new; half of a small sync is connecting."""
    idle: dict[str, list[Any]] = {}
    connect = driver.connect

    def take(dsn: str, application_name: str) -> Any:
        kept = idle.setdefault(f"{dsn} {application_name}", [])
        return kept.pop() if kept else connect(dsn, application_name)

    def keep(session: driver.Session) -> None:
        session.execute("rollback")
        session.execute("discard all")
        name = session._connection.info.dsn_parameters["application_name"]
        idle[f"{session._dsn} {name}"].append(session._connection)

    monkeypatch.setattr(driver, "connect", take)
    monkeypatch.setattr(driver.Session, "close", keep)
    yield
    for kept in idle.values():
        for one in kept:
            one.close()


@pytest.fixture
def world(source_dsn: str, target_dsn: str) -> Iterator[World]:
    world = World(source_dsn, target_dsn)
    yield world
    world.close()


@pytest.mark.long
@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("kept_connections")
def test_no_interleaving_of_writers_and_syncs_misses_a_row(world: World, shard: int) -> None:
    @seed(20240101 + shard)
    @settings(
        max_examples=EXAMPLES // SHARDS,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
    )
    @given(st.lists(operation, min_size=6, max_size=16))
    def interleavings(operations: list[tuple[str, int, str]]) -> None:
        world.begin_again()
        for action, number, when in [*operations, *(("commit", n, "") for n in range(WRITERS)), ("sync", 0, "")]:
            if action == "sync":
                # Were everything read each time, nothing could be missed and nothing would be shown.
                assert not world.sync()
                assert world.rows(world.target) == world.rows(world.reader)
            else:
                world.do(action, number, when)

    interleavings()


def test_rows_at_the_boundary_are_not_read_for_ever(world: World) -> None:
    world.begin_again()
    for _ in range(3):
        world.do("insert", 0, STAMPS[0])
    world.do("commit", 0, "")
    table = TableName("public", "t")
    sync = TableSync("boundary", Relation(table), table, reading=Reading(Mode.INCREMENTAL, "stamp"))
    extracted = []
    # Transactions of other databases of the server keep the horizon back, as long as they last.
    deadline = time.monotonic() + 30
    while not extracted or extracted[-1] > 0:
        assert time.monotonic() < deadline, "the rows at the boundary are read again and again"
        with TableSyncer(PostgresTableSource(world.source_dsn), PostgresTableSink(world.target_dsn)) as syncer:
            extracted.append(syncer.sync(sync).counts.extracted)
    assert extracted[0] == 3
