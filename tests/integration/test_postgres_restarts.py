"""A source of changes while its server is stopped, started, replaced, or not ready for it: on servers of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import make_url

from supersync_core.errors import ConfigError, PositionLost, Unavailable
from supersync_core.ledger.embedded import embedded_server
from supersync_core.ledger.server import STOP_TIMEOUT_S
from tests.conformance.scenes import Options, PostgresScene, read, read_units, until


class Machine:
    """A server that can be stopped and started."""

    def __init__(self, home: Path) -> None:
        self._home, self._running = home, ExitStack()
        self.dsn = ""

    def start(self) -> None:
        url = self._running.enter_context(embedded_server(self._home))
        self.dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    def stop(self) -> None:
        self._running.close()

    def set(self, name: str, value: str) -> None:
        connection = psycopg2.connect(self.dsn)
        connection.autocommit = True
        connection.cursor().execute(f"alter system set {name} = {value}")
        connection.close()


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[list[Machine]]:
    made = [Machine(tmp_path / "a"), Machine(tmp_path / "b")]
    yield made
    for machine in made:
        machine.stop()


def test_a_server_that_is_restarted_goes_on_and_its_end_confirms_nothing(machines: list[Machine]) -> None:
    machine, _ = machines
    machine.start()
    scene = PostgresScene(machine.dsn, "")
    source = scene.source()
    source.open(None)
    scene.execute("insert into items values (1, 'a')")
    (first,) = read_units(source, 1)
    source.confirm(first.position)
    scene.execute("insert into items values (2, 'b')")
    (second,) = read_units(source, 1)
    # A server that ends asks how far we are, waits a while for the rest, and writes down what it was told.
    with ending(machine), pytest.raises(Unavailable):
        read(source, 1)
    with pytest.raises(Unavailable):
        source.open(first.position)
    machine.start()
    assert (scene.confirmed() or 0) <= scene.place(first.position)
    source.open(first.position)
    assert [change.event_id for change in read(source, 1)] == [change.event_id for change in second.changes]
    source.close()


def test_a_server_need_not_wait_for_us_when_it_ends(machines: list[Machine]) -> None:
    machine, _ = machines
    machine.start()
    scene = PostgresScene(machine.dsn, "")
    source = scene.source(tables=("others",))
    source.open(None)
    scene.execute("insert into others values (1, 'a')")
    (unit,) = read_units(source, 1)
    source.confirm(unit.position)
    source.keep_alive()
    # Not ours, and so not confirmed yet.
    scene.execute("insert into items values (1, 'a')")
    begin = time.monotonic()
    with ending(machine), pytest.raises(Unavailable):
        while True:
            for unit in source.read(0.1):
                source.confirm(unit.position)
    # Longer, and it is killed.
    assert time.monotonic() - begin < STOP_TIMEOUT_S
    source.close()


@contextmanager
def ending(machine: Machine) -> Iterator[None]:
    """While it is told to end."""
    thread = threading.Thread(target=machine.stop)
    thread.start()
    yield
    thread.join()


def test_another_server_with_the_same_names_is_told_apart(machines: list[Machine]) -> None:
    for machine in machines:
        machine.start()
    scene, other = (PostgresScene(machine.dsn, "") for machine in machines)
    source = scene.source()
    begin = source.open(None)
    source.close()
    copy = other.build(other.dsn, Options())
    copy.open(None)
    copy.close()
    with pytest.raises(PositionLost, match="our checkpoint is of the server"):
        copy.open(begin)


def test_a_server_whose_log_cannot_be_read_is_told_what_it_needs(machines: list[Machine]) -> None:
    machine, _ = machines
    machine.start()
    machine.set("wal_level", "replica")
    machine.stop()
    machine.start()
    scene = PostgresScene(machine.dsn, "")
    with pytest.raises(ConfigError, match="wal_level is 'replica'.*ALTER SYSTEM SET wal_level = 'logical'"):
        scene.source().open(None)
    assert scene.traces() == []


def test_a_slot_whose_log_was_removed_is_a_lost_position(machines: list[Machine]) -> None:
    machine, _ = machines
    machine.start()
    scene = PostgresScene(machine.dsn, "")
    source = scene.source()
    begin = source.open(None)
    source.close()
    scene.execute("insert into items values (1, 'a')")
    machine.set("max_slot_wal_keep_size", "'1MB'")
    with closing(psycopg2.connect(scene.dsn)) as admin:
        admin.autocommit = True
        cursor = admin.cursor()
        cursor.execute("select pg_reload_conf()")

        def is_lost() -> bool:
            cursor.execute("select pg_switch_wal(), pg_logical_emit_message(false, 'x', repeat('y', 100))")
            cursor.execute("checkpoint")
            cursor.execute("select wal_status from pg_replication_slots where slot_name = %s", (scene.slot,))
            return cursor.fetchone() == ("lost",)

        until(is_lost)
    with pytest.raises(PositionLost, match="cannot be used"):
        scene.source().open(begin)
