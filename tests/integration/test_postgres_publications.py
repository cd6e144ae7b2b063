"""Publications: what a source makes, what it uses, and what it says when it cannot."""

import re

import psycopg2
import pytest

from supersync_core.errors import AccessDenied, Unavailable
from tests.conformance.scenes import Options, PostgresScene, read, shown


def publications(scene: PostgresScene) -> dict[str, set[str]]:
    rows = scene.ask(
        "select p.pubname, t.tablename from pg_publication p left join pg_publication_tables t using (pubname)"
    )
    found: dict[str, set[str]] = {}
    for publication, table in rows:
        found.setdefault(publication, set()).update({table} - {None})
    return found


@pytest.mark.parametrize(
    ("patterns", "tables"),
    [
        pytest.param(["public.items"], {"items"}, id="named in full"),
        pytest.param(["items", "other*"], {"items", "others"}, id="a bare name and a prefix"),
        pytest.param(["public.*"], {"items", "others"}, id="a schema"),
    ],
)
def test_a_publication_is_made_of_the_tables_that_are_meant(scene, patterns, tables):
    scene.execute("create schema more", "create table more.things (id integer primary key)")
    scene.source(tables=patterns).open(None)
    assert publications(scene) == {"items_pub": tables}


def test_a_superuser_that_means_everything_publishes_what_is_to_come_too(scene):
    source = scene.source(tables=())
    source.open(None)
    scene.execute("create table later (id integer primary key)")
    scene.execute("insert into later values (1)")
    assert shown(read(source, 1)) == [("c", "later", None, {"id": 1})]


def test_what_belongs_to_this_product_is_never_meant(scene):
    source = scene.source(tables=("*",))
    source.open(None)
    scene.execute("create schema supersync", "create table supersync.executions (id integer primary key)")
    scene.execute("create table _supersync_checkpoints (id integer primary key)")
    scene.execute("insert into supersync.executions values (1)", "insert into _supersync_checkpoints values (1)")
    scene.execute("insert into items values (1, 'a')")
    assert [change.table.name for change in read(source, 1)] == ["items"]
    assert {table.name for table in source.tables()} == {"items", "others"}


def test_a_table_that_comes_later_joins_at_the_next_opening(scene):
    source = scene.source(tables=("public.*",))
    place = source.open(None)
    source.close()
    scene.execute("create table later (id integer primary key)", "create table keyless (id integer)")
    source = scene.source(tables=("public.*",))
    source.open(place)
    scene.execute("insert into later values (1)")
    assert shown(read(source, 1)) == [("c", "later", None, {"id": 1})]
    # One that would refuse its updates then is not joined.
    assert publications(scene) == {"items_pub": {"items", "others", "later"}}


def test_a_table_whose_updates_would_be_refused_is_not_published(scene):
    scene.execute("create table keyless (id integer)")
    with pytest.raises(Unavailable, match=r'public\.keyless.*alter table "public"\."keyless" replica identity full'):
        scene.source(tables=("public.*",)).open(None)
    assert publications(scene) == {}
    scene.execute("alter table keyless replica identity full")
    scene.source(tables=("public.*",)).open(None)
    assert publications(scene) == {"items_pub": {"items", "others", "keyless"}}


def test_a_table_that_is_not_there_is_named(scene):
    with pytest.raises(Unavailable, match=r"no such table: public\.nowhere"):
        scene.source(tables=("public.items", "public.nowhere")).open(None)
    assert scene.traces() == []


def test_who_may_not_make_a_publication_is_told_the_statement(scene, reader):
    with pytest.raises(Unavailable, match="items_pub") as refused:
        scene.build(reader, Options(tables=("public.items",))).open(None)
    statement = re.search(r"(create publication .*)$", str(refused.value))
    assert statement is not None
    scene.execute(statement[1])
    source = scene.build(reader, Options(tables=("public.items",)))
    source.open(None)
    scene.execute("insert into items values (1, 'a')")
    assert len(read(source, 1)) == 1


def test_who_may_not_read_a_table_is_denied_its_snapshot(scene, reader):
    scene.execute("create publication items_pub for table items", "revoke select on items from public")
    scene.execute(f"revoke select on items from {psycopg2.extensions.parse_dsn(reader)['user']}")
    source = scene.build(reader, Options(tables=("public.items",), snapshot={}))
    with pytest.raises(AccessDenied, match="items"):
        source.open(None)
        source.read(1)


def test_a_policy_that_hides_rows_fails_a_snapshot_loudly(scene, reader):
    scene.execute("insert into items values (1, 'a')", "create publication items_pub for table items")
    scene.execute("alter table items enable row level security")
    source = scene.build(reader, Options(tables=("public.items",), snapshot={}))
    with pytest.raises(AccessDenied, match="row-level security"):
        source.open(None)
        source.read(1)


def test_a_publication_of_somebody_else_is_used_as_it_is(scene):
    scene.execute("create publication items_pub for table items, others with (publish = 'insert')")
    source = scene.source(tables=("items",))
    source.open(None)
    scene.execute(
        "insert into items values (1, 'a')", "update items set name = 'b'", "insert into others values (1, '')"
    )
    scene.execute("insert into items values (2, 'c')")
    assert [change.op.value for change in read(source, 2)] == ["c", "c"]
    source.close()
    source.forget()
    assert publications(scene) == {"items_pub": {"items", "others"}}


def test_a_publication_that_lacks_a_table_is_named_with_the_statement(scene):
    scene.execute("create publication items_pub for table items")
    with pytest.raises(Unavailable, match=r'alter publication "items_pub" add table "public"\."others"'):
        scene.source(tables=("public.items", "public.others")).open(None)


def test_a_publication_that_another_pipeline_uses_is_not_dropped(scene):
    first = scene.source(tables=("public.items",))
    first.open(None)
    second = scene.build(scene.dsn, Options(tables=("public.items",)), pipeline="another", slot=f"{scene.slot[:60]}_b")
    second.open(None)
    first.close()
    first.forget()
    assert publications(scene) == {"items_pub": {"items"}}
    scene.execute("insert into items values (1, 'a')")
    assert len(read(second, 1)) == 1


def test_a_publication_that_is_dropped_is_missed(scene, monkeypatch):
    monkeypatch.setattr("supersync_core.connectors.postgres.stream.IDLE_S", 0.2)
    scene.execute("create publication items_pub for table items")
    source = scene.source(tables=("items",))
    place = source.open(None)
    scene.execute("drop publication items_pub")
    with pytest.raises(Unavailable, match="items_pub"):
        read(source, 1)
    source.close()
    again = scene.source(tables=("items",))
    again.open(place)
    # It was made anew, by us.
    assert publications(scene) == {"items_pub": {"items"}}
