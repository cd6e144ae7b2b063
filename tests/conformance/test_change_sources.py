"""What every source of changes must do (connectors/changes.py), tried over every connector that has one."""

import time
import uuid

import pytest

from supersync_core.domain.change import Op
from supersync_core.errors import SchemaMismatch
from tests.conformance.scenes import KeepingScene, Scene, insert_many, read, read_to_head, read_units, shown, until


def test_what_is_written_is_read_in_order(scene: Scene) -> None:
    source = scene.source()
    source.open(None)
    scene.execute("insert into items values (1, 'a'), (2, null)")
    scene.execute("update items set name = 'b' where id = 1")
    scene.execute("delete from items where id = 2")
    changes = read(source, 4)
    assert [(change.op, change.after and change.after.values()) for change in changes] == [
        (Op.CREATE, {"id": 1, "name": "a"}),
        (Op.CREATE, {"id": 2, "name": None}),
        (Op.UPDATE, {"id": 1, "name": "b"}),
        (Op.DELETE, None),
    ]
    assert changes[3].before is not None
    assert changes[3].before.values()["id"] == 2
    assert [change.key() for change in changes] == [{"id": 1}, {"id": 2}, {"id": 1}, {"id": 2}]


def test_a_transaction_is_one_unit_whatever_tables_it_writes(scene: Scene) -> None:
    source = scene.source()
    source.open(None)
    scene.execute("insert into items values (1, 'a')", "insert into others values (1, 'x')", "delete from items")
    (unit,) = read_units(source, 3)
    assert [(change.op.value, change.table.name) for change in unit.changes] == [
        ("c", "items"),
        ("c", "others"),
        ("d", "items"),
    ]
    assert [(change.index, change.tx_end) for change in unit.changes] == [(0, False), (1, False), (2, True)]
    assert {change.tx.position for change in unit.changes} == {unit.position}
    assert unit.bytes > 0


def test_what_is_rolled_back_is_not_read(scene: Scene) -> None:
    source = scene.source()
    source.open(None)
    with pytest.raises(Exception, match="nowhere"):
        scene.execute("insert into items values (1, 'a')", "insert into nowhere values (1)")
    scene.execute("insert into items values (2, 'b')")
    assert [change.key() for change in read(source, 1)] == [{"id": 2}]


def test_tables_that_are_not_asked_for_are_not_read(scene: Scene) -> None:
    source = scene.source(tables=("others",))
    source.open(None)
    scene.execute("insert into items values (1, 'a')", "insert into others values (2, 'b')")
    assert shown(read(source, 1)) == [("c", "others", None, {"id": 2, "name": "b"})]


def test_a_changed_key_is_an_update_that_knows_the_old_one(scene: Scene) -> None:
    source = scene.source()
    source.open(None)
    scene.execute("insert into items values (1, 'a')")
    scene.execute("update items set id = 7 where id = 1")
    change = read(source, 2)[1]
    assert (change.op, change.after and change.after.values()) == (Op.UPDATE, {"id": 7, "name": "a"})
    assert change.before is not None
    assert change.before.values()["id"] == 1


def test_a_truncate_is_told_of_each_table(scene: Scene) -> None:
    source = scene.source()
    source.open(None)
    scene.execute("insert into items values (1, 'a')")
    scene.execute("truncate table items")
    scene.execute("truncate table others")
    assert shown(read(source, 3))[1:] == [("t", "items", None, None), ("t", "others", None, None)]


def test_text_of_any_characters_arrives(scene: Scene) -> None:
    source = scene.source()
    source.open(None)
    text = 'tab\there\nnew \\ line\r "quoted" žluť 🐎 %s {}'
    scene.execute("insert into items values (1, '" + text.replace("\\", scene.backslash) + "')")
    (change,) = read(source, 1)
    assert change.after is not None
    assert change.after.values()["name"] == text


def test_an_event_tells_its_transaction_and_time(scene: Scene) -> None:
    source = scene.source()
    source.open(None)
    before = time.time()
    scene.execute("insert into items values (1, 'a')")
    scene.execute("insert into items values (2, 'b')")
    first, second = read(source, 2)
    assert before - 1 <= first.tx.ts_ms / 1000 <= second.tx.ts_ms / 1000 <= time.time() + 1
    assert first.tx.id != second.tx.id
    assert first.table.full_name == f"{scene.schema}.items"


def test_a_replay_brings_the_same_events_with_the_same_ids(scene: Scene) -> None:
    source = scene.source()
    begin = source.open(None)
    for number in range(3):
        scene.execute(f"insert into items values ({number}, 'a')", f"insert into others values ({number}, 'a')")
    first = read(source, 6)
    source.close()
    again = scene.source()
    assert again.open(begin) == begin
    second = read(again, 6)
    assert [change.event_id for change in second] == [change.event_id for change in first]
    assert shown(second) == shown(first)
    assert len({uuid.UUID(change.event_id) for change in first}) == 6


def test_reading_goes_on_strictly_after_a_position(scene: Scene) -> None:
    source = scene.source()
    source.open(None)
    for number in range(4):
        scene.execute(f"insert into items values ({number}, 'a')")
    units = read_units(source, 4)
    assert sorted(unit.position for unit in units) == [unit.position for unit in units]
    source.close()
    for place in range(3):
        again = scene.source()
        again.open(units[place].position)
        assert [change.key()["id"] for change in read(again, 3 - place)] == list(range(place + 1, 4))
        again.close()


def test_what_is_written_while_nobody_reads_is_not_lost(scene: Scene) -> None:
    source = scene.source()
    begin = source.open(None)
    source.close()
    scene.execute("insert into items values (1, 'a')")
    source = scene.source()
    source.open(begin)
    assert [change.key() for change in read(source, 1)] == [{"id": 1}]


def test_a_read_without_news_returns_in_time(scene: Scene) -> None:
    source = scene.source()
    source.open(None)
    read_to_head(source)
    begin = time.monotonic()
    assert [change for unit in source.read(0.2) for change in unit.changes] == []
    assert 0.1 < time.monotonic() - begin < 2


def test_the_head_is_reached_though_nothing_of_ours_is_written(scene: Scene) -> None:
    source = scene.source(tables=("others",))
    source.open(None)
    scene.execute("insert into items values (1, 'a')")
    units = read_to_head(source)
    assert [change for unit in units for change in unit.changes] == []
    again = scene.source(tables=("others",))
    source.close()
    scene.execute("insert into others values (1, 'a')")
    again.open(units[-1].position)
    assert len(read(again, 1)) == 1


def test_nothing_is_confirmed_but_what_the_caller_confirms(keeping_scene: KeepingScene) -> None:
    source = keeping_scene.source()
    source.open(None)
    at_first = keeping_scene.confirmed()
    for number in range(3):
        keeping_scene.execute(f"insert into items values ({number}, 'a')")
    units = read_units(source, 3)
    # The server hears of us, and asks us, meanwhile.
    for _ in range(5):
        source.keep_alive()
        source.read(0.05)
    assert keeping_scene.confirmed() == at_first
    source.confirm(units[1].position)
    source.keep_alive()
    until(lambda: keeping_scene.confirmed() != at_first)
    assert keeping_scene.confirmed() == keeping_scene.place(units[1].position)
    source.confirm(units[0].position)
    source.keep_alive()
    source.close()
    again = keeping_scene.source()
    again.open(units[1].position)
    assert [change.key()["id"] for change in read(again, 1)] == [2]
    assert keeping_scene.confirmed() == keeping_scene.place(units[1].position)


def test_an_idle_table_does_not_hold_the_log(keeping_scene: KeepingScene) -> None:
    source = keeping_scene.source(tables=("others",))
    source.open(None)
    read_to_head(source)
    before = source.retained_bytes()
    assert before is not None
    for number in range(20):
        keeping_scene.execute(f"insert into items values ({number}, '{'x' * 90}')")
    grown = source.retained_bytes()
    assert grown is not None
    assert grown > before
    last = read_to_head(source)[-1].position
    source.confirm(last)
    source.keep_alive()
    until(lambda: (keeping_scene.confirmed() or 0) >= keeping_scene.place(last))


def test_tables_are_told_before_their_changes_and_again_when_they_change(scene: Scene) -> None:
    source = scene.source()
    source.open(None)
    scene.execute("insert into items values (1, 'a')")
    (first,) = read(source, 1)
    assert [table.name for table, _ in scene.told] == ["items"]
    assert scene.told[0][0] is first.table
    scene.execute("alter table items add extra integer default 5")
    scene.execute("insert into items values (2, 'b', 6)", "insert into items (id) values (3)")
    second, third = read(source, 2)
    assert [[column.name for column in table.columns] for table, _ in scene.told] == [
        ["id", "name"],
        ["id", "name", "extra"],
    ]
    assert scene.told[1][0] is second.table is third.table
    assert shown([second, third]) == [
        ("c", "items", None, {"id": 2, "name": "b", "extra": 6}),
        ("c", "items", None, {"id": 3, "name": None, "extra": 5}),
    ]
    place = scene.told[1][1]
    assert place is not None
    assert first.tx.position < place <= second.tx.position


def test_a_table_that_has_not_changed_is_told_once(scene: Scene) -> None:
    source = scene.source()
    source.open(None)
    scene.execute("insert into items values (1, 'a')")
    scene.execute("create table more (id integer primary key)")
    scene.execute("insert into items values (2, 'b')")
    read(source, 2)
    assert [table.name for table, _ in scene.told] == ["items"]


def test_columns_may_go_and_be_renamed_while_it_streams(scene: Scene) -> None:
    source = scene.source()
    source.open(None)
    scene.execute("insert into items values (1, 'a')")
    scene.execute("alter table items rename column name to title")
    scene.execute("insert into items values (2, 'b')")
    scene.execute("alter table items drop column title")
    scene.execute("insert into items values (3)")
    assert [after for *_, after in shown(read(source, 3))] == [
        {"id": 1, "name": "a"},
        {"id": 2, "title": "b"},
        {"id": 3},
    ]


def test_a_change_of_columns_ends_a_source_that_shall_halt(scene: Scene) -> None:
    source = scene.source(drift="halt")
    source.open(None)
    scene.execute("insert into items values (1, 'a')")
    (unit,) = read_units(source, 1)
    scene.execute("alter table items add extra integer")
    scene.execute("insert into items values (2, 'b', 6)")
    with pytest.raises(SchemaMismatch, match=r"items.*extra"):
        read(source, 1)
    source.close()
    # Whoever resumes it has seen the change.
    again = scene.source(drift="halt")
    again.open(unit.position)
    assert [change.key() for change in read(again, 1)] == [{"id": 2}]


def test_tables_are_described_by_the_catalogue(scene: Scene) -> None:
    source = scene.source(tables=(f"{scene.schema}.items",))
    for when in ("before the first opening", "open"):
        (table,) = source.tables()
        assert (table.schema or table.database, table.name, table.primary_key) == (scene.schema, "items", ("id",)), when
        assert [(column.name, column.nullable) for column in table.columns] == [("id", False), ("name", True)]
        if when != "open":
            source.open(None)


def test_the_catalogue_and_the_log_describe_a_table_alike(scene: Scene) -> None:
    scene.execute("create table full_one (id integer primary key, n integer not null default 5, t varchar(7))")
    source = scene.source(tables=("full_one",))
    source.open(None)
    scene.execute("insert into full_one values (1, 2, 'x')")
    (change,) = read(source, 1)
    assert [table.fingerprint for table in source.tables()] == [change.table.fingerprint]


def test_a_transaction_may_be_larger_than_any_buffer(scene: Scene) -> None:
    source = scene.source()
    source.open(None)
    scene.execute(insert_many("items", 10_000))
    (unit,) = read_units(source, 10_000)
    assert [change.key()["id"] for change in unit.changes] == list(range(10_000))
    assert len({change.event_id for change in unit.changes}) == 10_000
