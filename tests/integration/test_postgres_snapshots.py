"""What is PostgreSQL's alone in a snapshot: large values that the log does not repeat, and keys of any kind."""

import json
import random

import pytest

from supersync_core.domain.change import Op
from tests.conformance.scenes import Follower, PostgresScene, read, read_to_head, read_units, shown
from tests.integration.postgres_types import LARGE


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
    assert {c.event_id for unit in first for c in unit.changes} < {change.event_id for change in changes}


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
    scene.execute("create table docs (id integer primary key, n integer, body text)")
    scene.execute(f"insert into docs select n, 0, {LARGE.format('x')} || n from generate_series(1, 60) n")
    chance, target, place = random.Random(seed), Follower(), None
    for _ in range(6):
        source = scene.source(tables=("docs",), snapshot={"chunk_size": 5})
        begin = source.open(place)
        place = place or begin
        for _ in range(chance.randint(1, 12)):
            units = source.read(0.5)
            target.apply(units)
            place = units[-1].position if units else place
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
    source.open(place)
    target.apply(read_to_head(source))
    assert target.tables["docs"] == scene.rows("docs")


def test_columns_and_rows_that_are_not_published_are_in_no_snapshot(scene: PostgresScene) -> None:
    scene.execute(
        "insert into items values (1, 'a'), (20, 'b')",
        "create publication items_pub for table items (id) where (id > 10)",
    )
    source = scene.source(tables=("items",), snapshot={})
    source.open(None)
    scene.execute("insert into items values (2, 'c'), (30, 'd')")
    assert shown(read(source, 2)) == [("r", "items", None, {"id": 20}), ("c", "items", None, {"id": 30})]
