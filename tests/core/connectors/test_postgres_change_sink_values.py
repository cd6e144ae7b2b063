"""Values of changes in tables of PostgreSQL: exact, or refused one by one."""

from typing import Any

import pytest

from supersync_core.connectors.changes import ChangeSink, SinkContext
from supersync_core.connectors.memory import MemoryChangeLog
from supersync_core.domain.change import Image, Op
from tests.changes import ORDERS, order
from tests.postgres_changes import Query, ids, query, sink, sink_of, table, write

__all__ = ["query", "sink"]  # fixtures


def test_types_of_the_sources_own_arrive_as_text(sink: ChangeSink, query: Query) -> None:
    moods = table("moods", ("id", "integer"), ("mood", "public.mood"), ("moods", "public.mood[]"))
    write(sink, MemoryChangeLog().insert(moods, {"id": 1, "mood": "glad", "moods": ["glad", None]}))
    assert query("select mood, moods, pg_typeof(mood)::text from moods") == [("glad", ["glad", None], "text")]


VALUES = [
    ("boolean", True, "true"),
    ("bigint", 2**62, str(2**62)),
    ("double precision", 1e300, "1e+300"),
    ("double precision", "NaN", "NaN"),
    ("numeric", "12345678901234567890.123456789", "12345678901234567890.123456789"),
    ("bytea", {"_base64": "AP9c"}, "\\x00ff5c"),
    ("jsonb", {"a": [1, None, "ü"]}, '{"a": [1, null, "ü"]}'),
    ("json", "a string", '"a string"'),
    ("jsonb", True, "true"),
    ("text[]", ["a", None, 'q"u\\o', "NULL", ""], '{a,NULL,"q\\"u\\\\o","NULL",""}'),
    ("integer[]", [[1, 2], [3, None]], "{{1,2},{3,NULL}}"),
    ("timestamp with time zone", "2024-02-03 04:05:06.789+00", "2024-02-03 04:05:06.789+00"),
    ("interval", "1 day 02:03:04", "1 day 02:03:04"),
    ("uuid", "7a0c0000-0000-4000-8000-000000000000", "7a0c0000-0000-4000-8000-000000000000"),
    ("bit(5)", 5, "00101"),
    ("int4range", "[1,5)", "[1,5)"),
]


@pytest.mark.parametrize(("kind", "value", "expected"), VALUES, ids=lambda v: str(v)[:30])
def test_values_arrive_as_what_they_are(sink: ChangeSink, query: Query, kind: str, value: Any, expected: str) -> None:
    log = MemoryChangeLog()
    assert write(sink, log.insert(table("t", ("id", "integer"), ("v", kind)), {"id": 1, "v": value})) == []
    query("set timezone = 'utc'")
    assert query("select v::text from t") == [(expected,)]


MYSQL_VALUES = [
    ("tinyint(1)", 2, "smallint", "2"),
    ("bigint(20) unsigned", 2**64 - 1, "numeric(20,0)", str(2**64 - 1)),
    ("decimal(10,2)", "1.50", "numeric(10,2)", "1.50"),
    ("varchar(20)", "ä", "character varying(20)", "ä"),
    ("enum('a','B')", "B", "text", "B"),
    ("datetime(6)", "2024-01-02 03:04:05.000006", "timestamp without time zone", "2024-01-02 03:04:05.000006"),
    ("time", "-838:59:59", "interval", "-838:59:59"),
    ("bit(4)", 5, "bit(4)", "0101"),
    ("json", {"a": 1}, "jsonb", '{"a": 1}'),
    ("blob", {"_base64": "AP8="}, "bytea", "\\x00ff"),
    ("double", 1.5, "double precision", "1.5"),
    ("year(4)", 2024, "smallint", "2024"),
]


@pytest.mark.parametrize(("declared", "value", "kind", "expected"), MYSQL_VALUES, ids=lambda v: str(v)[:30])
def test_types_of_mysql_become_postgresqls(
    target_dsn: str, query: Query, declared: str, value: Any, kind: str, expected: str
) -> None:
    source = table("t", ("id", "int(11)"), ("v", declared), schema="")
    sink = sink_of(target_dsn, SinkContext("p", "acme", "mysql"))
    assert write(sink, MemoryChangeLog().insert(source, {"id": 1, "v": value})) == []
    sink.close()
    types = "select format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'shop.t'::regclass and attname"
    assert query(f"{types} = 'v'") == [(kind,)]
    assert query("select v::text from shop.t") == [(expected,)]


class Texts:
    """A row with the source's own texts."""

    def __init__(self, **texts: bytes | None) -> None:
        self._texts = texts

    def texts(self) -> dict[str, bytes | None]:
        return self._texts

    def values(self) -> dict[str, Any]:
        raise AssertionError("the texts are there")

    def json(self) -> bytes:
        raise AssertionError("the texts are there")


def test_texts_of_the_source_are_taken_as_they_are(sink: ChangeSink, query: Query) -> None:
    log = MemoryChangeLog()
    rows: list[Image] = [Texts(id=b"1", name=b"a\tb\\", amount=b"1.50"), Texts(id=b"1", amount=None)]
    for row in rows:
        unit = log.commit((Op.UPDATE, ORDERS, None, order(1)))
        unit.changes[0].after = row
        write(sink, unit)
    assert query("select id, name, amount from orders") == [(1, "a\tb\\", None)]


def test_a_nul_character_is_refused_and_its_neighbours_are_not(sink: ChangeSink, query: Query) -> None:
    unit = MemoryChangeLog().insert(ORDERS, order(1), order(2, "a\0b"), order(3))
    (refusal,) = write(sink, unit)
    assert (refusal.change, "NUL" in refusal.message) == (unit.changes[1], True)
    assert ids(query) == [1, 3]


def test_a_row_that_a_constraint_of_the_target_forbids_is_refused(sink: ChangeSink, query: Query) -> None:
    sink.open([ORDERS])
    query("alter table orders add check (name <> 'no')")
    unit = MemoryChangeLog().insert(ORDERS, *(order(n, "no" if n == 77 else "yes") for n in range(200)))
    (refusal,) = write(sink, unit)
    assert refusal.change is unit.changes[77]
    assert len(ids(query)) == 199
