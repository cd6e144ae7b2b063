"""Slots and publications: what a source makes, what it uses, and what it says when it cannot."""

from typing import Any

import psycopg2
import pytest

from supersync_core.connectors.postgres.places import format_lsn, lsn_of
from supersync_core.errors import AccessDenied, Conflict, PositionLost, Unavailable
from tests.conformance.scenes import Options, PostgresScene, read, read_to_head
from tests.slots import drop_slot


def make_slot(scene: PostgresScene) -> None:
    scene.ask("select pg_create_logical_replication_slot(%s, 'pgoutput')", scene.slot)


def test_who_may_not_read_the_log_is_denied(scene, reader):
    scene.execute(f"alter role {psycopg2.extensions.parse_dsn(reader)['user']} noreplication")
    with pytest.raises(AccessDenied):
        scene.build(reader, Options()).open(None)


def test_a_slot_that_was_there_is_used_from_where_it_stands_and_stays(scene):
    scene.execute("create publication items_pub for table items")
    make_slot(scene)
    scene.execute("insert into items values (1, 'a')")
    source = scene.source(tables=("items",))
    source.open(None)
    assert [change.key() for change in read(source, 1)] == [{"id": 1}]
    source.close()
    source.forget()
    assert scene.traces() == [scene.slot, "items_pub"]


def test_a_snapshot_with_a_slot_that_was_there_has_no_gap(scene):
    scene.execute("create publication items_pub for table items", "insert into items values (1, 'a')")
    make_slot(scene)
    scene.execute("insert into items values (2, 'b')")
    source = scene.source(tables=("items",), snapshot={})
    source.open(None)
    scene.execute("insert into items values (3, 'c')")
    changes = [(change.op.value, change.key()["id"]) for unit in read_to_head(source) for change in unit.changes]
    # What was committed before the snapshot is told, and then read.
    assert changes == [("c", 2), ("r", 1), ("r", 2), ("c", 3)]


def test_latest_begins_at_the_end_of_a_slot_that_was_there(scene):
    scene.execute("create publication items_pub for table items")
    make_slot(scene)
    scene.execute("insert into items values (1, 'a')")
    source = scene.build(scene.dsn, Options(tables=("items",)), start_position="latest")
    begin = source.open(None)
    scene.execute("insert into items values (2, 'b')")
    assert [change.key() for change in read(source, 1)] == [{"id": 2}]
    source.close()
    # Nobody has stored more than that place: what came after it comes again.
    again = scene.build(scene.dsn, Options(tables=("items",)), start_position="latest")
    again.open(begin)
    assert [change.key() for change in read(again, 1)] == [{"id": 2}]


def test_an_lsn_to_begin_with_must_be_within_the_log(scene):
    scene.execute("create publication items_pub for table items")
    (before,) = scene.ask("select pg_current_wal_lsn()::text")[0]

    def source(lsn: str) -> Any:
        return scene.build(scene.dsn, Options(tables=("items",)), start_position={"lsn": lsn})

    with pytest.raises(PositionLost, match="is gone"):
        source(before).open(None)
    assert scene.traces() == ["items_pub"]
    make_slot(scene)
    with pytest.raises(PositionLost, match="begins at"):
        source("0/1").open(None)
    with pytest.raises(PositionLost, match="log ends at"):
        source("FFFF/0").open(None)
    scene.execute("insert into items values (1, 'a')")
    (lsn,) = scene.ask("select pg_current_wal_insert_lsn()::text")[0]
    scene.execute("insert into items values (2, 'b')")
    opened = source(lsn)
    opened.open(None)
    assert [change.key() for change in read(opened, 1)] == [{"id": 2}]


@pytest.mark.parametrize("kind", ["physical", "another database"])
def test_a_slot_of_another_kind_is_refused(scene, kind):
    if kind == "physical":
        scene.ask("select pg_create_physical_replication_slot(%s)", scene.slot)
    else:
        other = scene.elsewhere()
        other.open(None)
        other.close()
    with pytest.raises(Conflict, match=scene.slot):
        scene.source().open(None)
    drop_slot(scene.dsn, scene.slot)


def test_a_slot_that_was_dropped_is_a_lost_position_that_says_what_to_do(scene):
    source = scene.source()
    begin = source.open(None)
    source.close()
    drop_slot(scene.dsn, scene.slot)
    with pytest.raises(PositionLost, match=r"slot .* is gone.*create it again with a snapshot"):
        scene.source().open(begin)
    assert scene.traces() == ["items_pub"]


def test_a_slot_that_somebody_else_reads_from_is_waited_for(scene):
    first = scene.source()
    begin = first.open(None)
    with pytest.raises(Unavailable, match="is active"):
        scene.source().open(begin)
    first.close()
    second = scene.source()
    second.open(begin)
    scene.execute("insert into items values (1, 'a')")
    assert len(read(second, 1)) == 1


def test_what_was_made_is_known_from_a_stored_position(scene):
    scene.execute("create publication items_pub for table items")
    source = scene.source(tables=("items",))
    begin = source.open(None)
    source.close()
    # The publication is not ours, so nothing can be noted there.
    scene.source(tables=("items",)).forget()
    assert scene.traces() == [scene.slot, "items_pub"]
    scene.source(tables=("items",)).forget(begin)
    assert scene.traces() == ["items_pub"]


def test_names_of_a_place_are_shown_as_the_server_shows_them(scene):
    source = scene.source()
    begin = source.open(None)
    (confirmed,) = scene.ask(
        "select confirmed_flush_lsn::text from pg_replication_slots where slot_name = %s", scene.slot
    )[0]
    assert begin.data["lsn"] == confirmed == format_lsn(lsn_of(begin))
