"""What is PostgreSQL's alone in a snapshot: large values that the log does not repeat, and keys of any kind."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from supersync_core.domain.change import Op, Position
from supersync_core.errors import Unavailable
from tests.conformance.scenes import Follower, PostgresScene, read, read_to_head, read_units, shown
from tests.integration.postgres_types import LARGE
from tests.servers import until


def test_a_table_without_a_key_is_read_whole_and_anew_after_an_interruption(scene: PostgresScene) -> None:
    scene.execute("create table lines (line text)", "alter table lines replica identity full")
    scene.execute("insert into lines select repeat('x', 400) || n from generate_series(1, 500) n")
    source = scene.source(tables=("lines",), snapshot={"chunk_size": 50})
    source.open(None)
    first = read_units(source, 100)
    source.close()
    again = scene.source(tables=("lines",), snapshot={"chunk_size": 50})
    again.open(first[-1].position)
    scene.execute("insert into lines values ('new')")
    changes = [change for unit in read_to_head(again) for change in unit.changes]
    assert [change.op for change in changes] == [Op.TRUNCATE] + [Op.READ] * 500 + [Op.CREATE]
    assert len({change.event_id for change in changes}) == 502
    # They are new ones: who drops what is known would keep nothing behind the truncate.
    assert {c.event_id for unit in first for c in unit.changes}.isdisjoint(change.event_id for change in changes)


def test_keys_of_any_type_cut_a_table(scene: PostgresScene) -> None:
    scene.execute(
        "create type mood as enum ('sad', 'ok', 'happy')",
        "create table keyed (a mood, b timestamptz, c bytea, d numeric, e text, primary key (a, b, c, d, e))",
        "insert into keyed select a, b, c, d, e from unnest(array['happy', 'sad', 'ok']::mood[]) a,"
        " unnest(array['2024-01-01', '-infinity']::timestamptz[]) b, unnest(array['\\x00', '\\xff']::bytea[]) c,"
        " unnest(array[1.50, 'NaN']::numeric[]) d, unnest(array['', 'it''s', 'Ž']) e",
    )
    source = scene.source(tables=("keyed",), snapshot={"chunk_size": 5})
    place, seen = source.open(None), []
    while len(seen) < 72:
        # Another attempt for each chunk.
        units = read_units(source, 1)
        seen += [change for unit in units for change in unit.changes]
        place = units[-1].position
        source.close()
        source = scene.source(tables=("keyed",), snapshot={"chunk_size": 5})
        source.open(place)
    assert len({json.dumps(change.after.values()) for change in seen}) == len(seen) == 72


def test_a_key_that_moves_to_what_was_read_keeps_its_large_value(scene: PostgresScene) -> None:
    """The log does not repeat it, and neither attempt comes to the row where it was or will be."""
    scene.execute("create table docs (id integer primary key, n integer, body text)")
    scene.execute(f"insert into docs select n * 10, 0, {LARGE.format('x')} || n from generate_series(1, 20) n")
    source = scene.source(tables=("docs",), snapshot={"chunk_size": 5})
    source.open(None)
    target, first = Follower(), read_units(source, 5)
    target.apply(first)
    source.close()
    scene.execute("update docs set id = 15 where id = 150", "update docs set id = 165, n = 1 where id = 20")
    # A key is given up, and another row takes it.
    scene.execute("update docs set id = 45 where id = 40", "update docs set id = 40 where id = 180")
    again = scene.source(tables=("docs",), snapshot={"chunk_size": 5})
    again.open(first[-1].position)
    target.apply(read_to_head(again))
    assert target.tables["docs"] == scene.rows("docs")


@pytest.mark.parametrize("seed", range(5))
def test_large_values_survive_whatever_keys_do_between_attempts(scene: PostgresScene, seed: int) -> None:
    """Also where a part comes twice, and for who drops what is known."""
    scene.execute("create table docs (id integer primary key, n integer, body text)")
    scene.execute(f"insert into docs select n, 0, {LARGE.format('x')} || n from generate_series(1, 60) n")
    chance, targets, places = random.Random(seed), [Follower(), Follower(drops_known=True)], list[Position]()
    for _ in range(8):
        source = scene.source(tables=("docs",), snapshot={"chunk_size": 5})
        begin = source.open(chance.choice(places[-3:]) if places else None)
        places = places or [begin]
        for _ in range(chance.randint(1, 12)):
            units = source.read(0.05)
            places += [unit.position for unit in units]
            for target in targets:
                target.apply(units)
        source.close()
        for _ in range(6):
            old, new = chance.randint(1, 90), chance.randint(1, 90)
            scene.execute(
                f"update docs set id = {new}, n = n + 1 where id = {old}"
                f" and not exists (select from docs where id = {new})",
                f"update docs set n = n + 1 where id = {old}",
                f"delete from docs where id = {chance.randint(1, 500)}",
            )
    source = scene.source(tables=("docs",), snapshot={"chunk_size": 5})
    source.open(places[-1])
    units = read_to_head(source)
    for target in targets:
        target.apply(units)
        assert target.tables["docs"] == scene.rows("docs")


def test_nobody_who_truncates_is_part_of_a_deadlock(scene: PostgresScene) -> None:
    """Not even who empties what is read next, and then what was read last."""
    scene.execute("insert into items values (1, 'a')", "insert into others values (2, 'b')")
    source, target = scene.source(snapshot={}), Follower()
    source.open(None)
    first = read_units(source, 1)
    target.apply(first)
    with (
        closing(psycopg2.connect(scene.dsn)) as connection,
        connection.cursor() as cursor,
        ThreadPoolExecutor() as pool,
    ):
        cursor.execute("truncate others")
        reading = pool.submit(source.read, 1)
        until(lambda: scene.ask("select true from pg_locks where not granted and relation = 'others'::regclass"))
        cursor.execute("truncate items")
        cursor.execute("insert into items values (3, 'c')")
        connection.commit()
        with pytest.raises(Unavailable, match=r"others was truncated"):
            reading.result()
    source.open(first[-1].position)
    target.apply(read_to_head(source))
    assert target.tables["items"] == scene.rows("items")
    assert target.tables["others"] == scene.rows("others") == {}


@pytest.mark.parametrize("declared", ["", "partition by range (id)"])
def test_a_table_that_is_written_anew_before_it_is_read_is_not_taken_for_empty(
    scene: PostgresScene, declared: str
) -> None:
    scene.execute(f"create table docs (id integer primary key, name text) {declared}")
    if declared:
        scene.execute("create table some_docs partition of docs for values from (0) to (10)")
    scene.execute("insert into docs values (1, 'a'), (2, 'b')")
    source = scene.source(tables=("docs",), snapshot={})
    place = source.open(None)
    scene.execute("alter table docs alter column name type varchar(50) using name || '!'")
    with pytest.raises(Unavailable, match="docs was truncated or written anew after the snapshot was taken"):
        source.read(0.5)
    target = Follower()
    source.open(place)
    target.apply(read_to_head(source))
    assert target.tables["docs"] == scene.rows("docs")
    assert len(target.tables["docs"]) == 2


def test_columns_and_rows_that_are_not_published_are_in_no_snapshot(scene: PostgresScene) -> None:
    scene.execute(
        "insert into items values (1, 'a'), (20, 'b')",
        "create publication items_pub for table items (id) where (id > 10)",
    )
    source = scene.source(tables=("items",), snapshot={})
    source.open(None)
    scene.execute("insert into items values (2, 'c'), (30, 'd')")
    assert shown(read(source, 2)) == [("r", "items", None, {"id": 20}), ("c", "items", None, {"id": 30})]
