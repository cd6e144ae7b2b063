"""What every source must do that reads tables before their log: no gap, no overlap, and no harm by interruptions."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from supersync_core.connectors.changes import ChangeSource
from supersync_core.domain.change import Change, Op, Position
from supersync_core.errors import Unavailable
from tests.conformance.scenes import Follower, Scene, insert_many, read, read_to_head, read_units

INITIAL = {"mode": "initial", "chunk_size": 3}


def insert(table: str, *ids: int) -> str:
    return f"insert into {table} values " + ", ".join(f"({n}, 'row {n}')" for n in ids)


def ids(changes: list[Change]) -> list[int]:
    return [change.key()["id"] for change in changes]


def test_rows_are_read_before_their_log(scene: Scene) -> None:
    scene.execute(insert("items", 1, 2), insert("others", 3))
    source = scene.source(snapshot={})
    source.open(None)
    scene.execute(insert("items", 4), "update items set name = 'new' where id = 1")
    changes = read(source, 5)
    assert [(change.op, change.table.name, change.after and change.after.values()) for change in changes] == [
        (Op.READ, "items", {"id": 1, "name": "row 1"}),
        (Op.READ, "items", {"id": 2, "name": "row 2"}),
        (Op.READ, "others", {"id": 3, "name": "row 3"}),
        (Op.CREATE, "items", {"id": 4, "name": "row 4"}),
        (Op.UPDATE, "items", {"id": 1, "name": "new"}),
    ]


def test_a_snapshot_comes_in_chunks_by_the_key_and_positions_grow(scene: Scene) -> None:
    scene.execute(insert("items", *range(7)), insert("others", *range(4)))
    source = scene.source(snapshot=INITIAL)
    begin = source.open(None)
    units = read_to_head(source)
    assert [ids(list(unit.changes)) for unit in units if unit.changes] == [[0, 1, 2], [3, 4, 5], [6], [0, 1, 2], [3]]
    positions = [begin, *(unit.position for unit in units)]
    assert sorted(set(positions)) == positions


def test_every_table_is_told_before_its_rows(scene: Scene) -> None:
    scene.execute(insert("items", 1))
    source = scene.source(snapshot={})
    source.open(None)
    read(source, 1)
    assert [table.name for table, _ in scene.told][:1] == ["items"]


def test_tables_without_rows_give_none(scene: Scene) -> None:
    source = scene.source(snapshot={})
    source.open(None)
    assert [change for unit in read_to_head(source) for change in unit.changes] == []


def test_a_complete_snapshot_is_not_read_again(scene: Scene) -> None:
    scene.execute(insert("items", 1, 2))
    source = scene.source(snapshot=INITIAL)
    source.open(None)
    complete = read_to_head(source)[-1].position
    source.close()
    again = scene.source(snapshot=INITIAL)
    again.open(complete)
    scene.execute(insert("items", 3))
    assert [(change.op, change.key()["id"]) for change in read(again, 1)] == [(Op.CREATE, 3)]


def test_a_snapshot_may_be_wanted_at_every_start(scene: Scene) -> None:
    scene.execute(insert("items", 1, 2))
    always = {"mode": "always"}
    source = scene.source(snapshot=always)
    source.open(None)
    last = read_to_head(source)[-1].position
    # A connection that was lost is no start.
    source.open(last)
    assert [change for unit in read_to_head(source) for change in unit.changes] == []
    source.close()
    again = scene.source(snapshot=always)
    again.open(last)
    units = read_units(again, 2)
    assert [(change.op, change.key()["id"]) for unit in units for change in unit.changes] == [
        (Op.READ, 1),
        (Op.READ, 2),
    ]
    assert last < units[0].position


def test_without_a_snapshot_only_the_log_is_read(scene: Scene) -> None:
    scene.execute(insert("items", 1, 2))
    source = scene.source(snapshot={"mode": "never"})
    source.open(None)
    scene.execute(insert("items", 3))
    assert [(change.op, change.key()["id"]) for change in read(source, 1)] == [(Op.CREATE, 3)]


def test_an_interrupted_snapshot_goes_on_behind_the_last_chunk(scene: Scene) -> None:
    scene.execute(insert("items", *range(8)), insert("others", 1))
    source = scene.source(snapshot=INITIAL)
    source.open(None)
    first = read_units(source, 6)
    source.close()
    again = scene.source(snapshot=INITIAL)
    again.open(first[-1].position)
    rest = read(again, 3)
    assert [(change.table.name, change.key()["id"]) for change in rest] == [("items", 6), ("items", 7), ("others", 1)]


def test_a_snapshot_that_was_opened_and_not_begun_is_read_by_the_next(scene: Scene) -> None:
    scene.execute(insert("items", 1, 2))
    source = scene.source(snapshot=INITIAL)
    begin = source.open(None)
    source.close()
    scene.execute(insert("items", 3))
    again = scene.source(snapshot=INITIAL)
    again.open(begin)
    assert {1, 2} <= set(ids(read(again, 2)))


def test_rows_that_are_read_again_have_the_same_ids(scene: Scene) -> None:
    scene.execute(insert("items", *range(5)))
    source = scene.source(snapshot=INITIAL)
    begin = source.open(None)
    first = read(source, 5)
    source.close()
    again = scene.source(snapshot=INITIAL)
    again.open(begin)
    second = read(again, 5)
    assert [change.event_id for change in second] == [change.event_id for change in first]
    assert len({change.event_id for change in first}) == 5


def test_what_another_attempt_reads_is_behind_all_that_an_older_one_has_read(scene: Scene) -> None:
    scene.execute(insert("items", *range(9)))
    source = scene.source(snapshot=INITIAL)
    begin = source.open(None)
    first = read_units(source, 9)
    source.close()
    # A sink that is further than the others gets all again, and must not take it for what it has.
    again = scene.source(snapshot=INITIAL)
    again.open(begin)
    assert min(unit.position for unit in read_units(again, 9)) > max(unit.position for unit in first)


@contextmanager
def writing(scene: Scene, seed: int) -> Iterator[None]:
    """Somebody who inserts, updates, moves and deletes rows meanwhile, in transactions of one to three statements."""
    chance, stop = random.Random(seed), threading.Event()

    def statement() -> str:
        table, one, other = chance.choice(["items", "others"]), chance.randrange(120), chance.randrange(120)
        return chance.choice(
            [
                f"insert into {table} select {one}, 'new' where not exists (select 1 from {table} where id = {one})",
                f"update {table} set name = 'u{chance.randrange(1000)}' where id = {one}",
                f"delete from {table} where id = {one}",
                # A key moves to where it may be read already, or not yet.
                f"delete from {table} where id = {other} and {one} <> {other}",
                f"update {table} set id = {other} where id = {one}"
                f" and not exists (select 1 from (select id from {table}) known where known.id = {other})",
            ]
        )

    def write() -> None:
        while not stop.wait(0.01):  # else most of the time goes into reading what it writes
            scene.execute(*[statement() for _ in range(chance.randint(1, 3))])

    writer = threading.Thread(target=write)
    writer.start()
    yield
    stop.set()
    writer.join()


def follow(source: ChangeSource, after: Position | None, target: Follower, reads: int) -> Position:
    """Read so many times into the target; where that ended."""
    place = source.open(after)
    for _ in range(reads):
        for unit in source.read(0.02):
            assert place < unit.position
            target.apply([unit])
            place = unit.position
    return place


@pytest.mark.parametrize("seed", range(3))
def test_a_target_is_as_its_source_whoever_writes_and_whenever_it_is_killed(scene: Scene, seed: int) -> None:
    scene.execute(insert("items", *range(0, 100)), insert("others", *range(0, 100, 2)))
    chance, target = random.Random(seed), Follower()
    place: Position | None = None
    with writing(scene, seed):
        for _ in range(12):
            # Each is a process that dies: nothing is kept but what the target has and the position.
            source = scene.source(snapshot={"chunk_size": 7})
            place = follow(source, place, target, chance.randint(0, 6))
            source.cancel()
            source.close()
    source = scene.source(snapshot={"chunk_size": 7})
    source.open(place)
    target.apply(read_to_head(source))
    assert target.tables["items"] == scene.rows("items")
    assert target.tables["others"] == scene.rows("others")


def test_who_has_the_whole_snapshot_misses_nothing_when_it_goes_on_for_another_one(scene: Scene) -> None:
    """Such as one of two sinks, when a run dies while it stores that the snapshot is complete."""
    scene.execute(insert("items", 1, 2, 3))
    source = scene.source(snapshot={"chunk_size": 2})
    source.open(None)
    units, target = read_to_head(source), Follower()
    target.apply(units)
    has = units[-1].position
    source.close()
    scene.execute(insert("items", 4), "update items set name = 'new' where id = 1", "delete from items where id = 2")
    again = scene.source(snapshot={"chunk_size": 2})
    again.open(units[0].position)
    target.apply([unit for unit in read_to_head(again) if unit.position > has])
    assert target.tables["items"] == scene.rows("items")


def test_a_connection_that_is_lost_during_a_snapshot_is_told(scene: Scene) -> None:
    scene.execute(insert_many("items", 300))
    source = scene.source(snapshot={"chunk_size": 10})
    source.open(None)
    first = read_units(source, 10)
    scene.kill_connections()
    with pytest.raises(Unavailable):
        read(source, 300)
    source.open(first[-1].position)
    assert ids(read(source, 290)) == list(range(10, 300))
