"""The systems whose logs the suite of change sources reads: how to write there, and how to break things.

Statements are SQL that every one of them understands. Each scene begins with the tables `items` and `others`, both of
`id integer primary key, name varchar(100)`, in an empty database of its own.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from unittest.mock import patch

import psycopg2

from supersync_core.connectors.changes import ChangeSource, SourceContext
from supersync_core.connectors.postgres import ChangeSourceConfig, build_change_source
from supersync_core.connectors.postgres import replication as postgres_replication
from supersync_core.connectors.postgres.places import lsn_of
from supersync_core.domain.change import Change, Op, Position, SourceTable, Unit
from tests.kept import transaction
from tests.slots import advance_slot, drop_slot

ITEMS = "create table items (id integer primary key, name varchar(100))"
OTHERS = "create table others (id integer primary key, name varchar(100))"
Told = list[tuple[SourceTable, Position | None]]


@dataclass
class Options:
    """What a source is asked for. `silence_s`: the server ends a connection that says nothing for so long."""

    tables: Sequence[str] = ("items", "others")
    snapshot: dict[str, Any] | None = None
    drift: str = "adapt"
    silence_s: int | None = None


class Scene(Protocol):
    schema: str
    backslash: str
    """One, in a literal."""
    told: Told
    """What the sources have told of tables."""

    def source(self, **options: Any) -> ChangeSource:
        """A new source that is not open yet; see `Options`."""

    def execute(self, *statements: str) -> None:
        """Run the statements in one transaction."""

    def rows(self, table: str = "items") -> dict[Any, dict[str, Any]]:
        """What a table has, by id."""

    def lose_log(self) -> None:
        """Make the server forget log that was not confirmed. No source may be open."""

    def elsewhere(self) -> ChangeSource:
        """The same source, of another database."""

    def unreachable(self) -> ChangeSource: ...

    def with_wrong_password(self) -> ChangeSource: ...

    def kill_connections(self) -> None: ...

    def traces(self) -> list[str]:
        """What sources have made on the server."""


class KeepingScene(Scene, Protocol):
    """One whose server keeps its log until it is told that it need not."""

    def confirmed(self) -> int | None:
        """How far it has been told so."""

    def place(self, position: Position) -> int:
        """A position in the terms of `confirmed`."""


class PostgresScene:
    schema, backslash = "public", "\\"

    def __init__(self, dsn: str, other_dsn: str) -> None:
        self.dsn, self._other_dsn = dsn, other_dsn
        self.told: Told = []
        self._opened: list[ChangeSource] = []
        self.database = psycopg2.extensions.parse_dsn(dsn)["dbname"]
        # Slots belong to the server, which other tests use too.
        self.slot = f"slot_{self.database}"[:63]
        self.execute(ITEMS, OTHERS)

    def source(self, **options: Any) -> ChangeSource:
        return self.build(self.dsn, Options(**options))

    def build(self, dsn: str, wanted: Options, *, pipeline: str = "orders", **config: Any) -> ChangeSource:
        if wanted.silence_s is not None:
            dsn = psycopg2.extensions.make_dsn(dsn, options=f"-c wal_sender_timeout={wanted.silence_s}s")
        values = {
            "id": "pg",
            "dsn": dsn,
            "publication": "items_pub",
            "slot": self.slot,
            "tables": wanted.tables,
            "snapshot": wanted.snapshot,
            "on_schema_drift": wanted.drift,
            **config,
        }
        context = SourceContext(pipeline, "acme", lambda table, position: self.told.append((table, position)))
        source = build_change_source(ChangeSourceConfig.model_validate(values), context)
        self._opened.append(source)
        return source

    def execute(self, *statements: str) -> None:
        with transaction(self.dsn) as cursor:
            # What is committed is then in the log, as it is on servers that are not made for tests.
            cursor.execute("set local synchronous_commit = on")
            for statement in statements:
                cursor.execute(statement)

    def ask(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with transaction(self.dsn) as cursor:
            cursor.execute(query, parameters or None)
            return cursor.fetchall()

    def rows(self, table: str = "items") -> dict[Any, dict[str, Any]]:
        return {row["id"]: row for (row,) in self.ask(f"select to_jsonb(t) from {table} t")}

    def confirmed(self) -> int | None:
        query = "select pg_wal_lsn_diff(confirmed_flush_lsn, '0/0')::bigint from pg_replication_slots"
        found = self.ask(f"{query} where slot_name = %s", self.slot)
        return found[0][0] if found else None

    def place(self, position: Position) -> int:
        return lsn_of(position)

    def lose_log(self) -> None:
        advance_slot(self.dsn, self.slot)

    def elsewhere(self) -> ChangeSource:
        with transaction(self._other_dsn) as cursor:
            cursor.execute(f"{ITEMS}; {OTHERS}")
        return self.build(self._other_dsn, Options())

    def unreachable(self) -> ChangeSource:
        return self.build("postgresql://somebody@127.0.0.1:1/nothing", Options())

    def with_wrong_password(self) -> ChangeSource:
        # The server lets everybody in; a role that must not log in is refused all the same.
        self.execute("do $$ begin create role nobody_at_all nologin; exception when duplicate_object then end $$")
        return self.build(psycopg2.extensions.make_dsn(self.dsn, user="nobody_at_all"), Options())

    def kill_connections(self) -> None:
        self.ask(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )

    def traces(self) -> list[str]:
        query = "select slot_name::text from pg_replication_slots where database = %s"
        return [name for (name,) in self.ask(f"{query} union all select pubname from pg_publication", self.database)]

    def close(self) -> None:
        """So that the database can be dropped."""
        for source in self._opened:
            source.close()
        for (name,) in self.ask("select slot_name from pg_replication_slots where database = %s", self.database):
            drop_slot(self.dsn, name)


@contextmanager
def postgres_scene(dsn: str, other_dsn: str, *, encrypted: bool = False) -> Iterator[PostgresScene]:
    """`encrypted`: read as an encrypted connection is."""
    scene = PostgresScene(dsn, other_dsn)
    with patch.object(postgres_replication, "is_encrypted", lambda connection: encrypted):
        try:
            yield scene
        finally:
            scene.close()


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """What `condition` returns once that is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)
    return found


def insert_many(table: str, count: int) -> str:
    """A statement that inserts so many rows of a hundred bytes, with the ids from 0 on."""
    return f"insert into {table} values " + ", ".join(f"({n}, '{'x' * 100}')" for n in range(count))


def read_units(source: ChangeSource, changes: int) -> list[Unit]:
    """Units until so many changes have come; the last one may have more."""
    units: list[Unit] = []
    deadline = time.monotonic() + 20
    while sum(len(unit.changes) for unit in units) < changes:
        assert time.monotonic() < deadline, f"only {units}"
        units += source.read(0.1)
    return units


def read(source: ChangeSource, changes: int) -> list[Change]:
    return [change for unit in read_units(source, changes) for change in unit.changes]


def read_to_head(source: ChangeSource) -> list[Unit]:
    """Everything that was committed by now."""
    head = source.head()
    assert head is not None
    units: list[Unit] = []
    deadline = time.monotonic() + 20
    while not units or units[-1].position < head:
        assert time.monotonic() < deadline, f"only {units}"
        units += source.read(0.1)
    return units


def shown(changes: Sequence[Change]) -> list[tuple[str, str, Any, Any]]:
    """Operation, table, row before and after."""
    return [
        (one.op.value, one.table.name, one.before and one.before.values(), one.after and one.after.values())
        for one in changes
    ]


class Follower:
    """A target that takes changes at least once, and so has to bear with what comes again.

    `drops_known`: what has an id that came before is left out, as consumers and some brokers do.
    """

    def __init__(self, *, drops_known: bool = False) -> None:
        self.tables: dict[str, dict[Any, dict[str, Any]]] = {}
        self._known: set[str] | None = set() if drops_known else None

    def apply(self, units: Sequence[Unit]) -> None:
        for unit in units:
            for change in unit.changes:
                if self._known is None or change.event_id not in self._known:
                    self._apply(change)
                if self._known is not None:
                    self._known.add(change.event_id)

    def _apply(self, change: Change) -> None:
        rows = self.tables.setdefault(change.table.name, {})
        if change.op is Op.TRUNCATE:
            rows.clear()
            return
        old = change.before.values()["id"] if change.before is not None else None
        if change.after is None:
            rows.pop(old, None)
            return
        new = change.after.values()
        told = {name: value for name, value in new.items() if value != {"_unchanged": True}}
        known = rows.pop(new["id"] if old is None else old, {})
        if told.keys() | known.keys() >= new.keys():
            rows[new["id"]] = {**known, **told}
