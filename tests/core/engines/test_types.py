"""Every type arrives exactly, by binary COPY where that is portable and by text where it is not."""

import pytest

from supersync_core.domain.table_sync import Mode, Reading, Relation
from supersync_core.errors import BadData, SchemaMismatch
from tests.core.engines.tables import Pair, query

# type, values as SQL literals
EXACT = [
    ("smallint", "-32768", "32767"),
    ("integer", "-2147483648", "2147483647"),
    ("bigint", "-9223372036854775808", "9223372036854775807"),
    ("numeric(18,4)", "99999999999999.9999", "-0.0001"),
    ("numeric", "1.0", "1.000", "'NaN'", "'Infinity'", "1e-500", "123456789012345678901234567890.5"),
    ("real", "'NaN'", "'-Infinity'", "1e-45", "'-0'"),
    ("double precision", "0.1", "'Infinity'", "1e308", "5e-324"),
    ("boolean", "true", "false"),
    ("text", "''", "E'tab\\tline\\nreturn\\rback\\\\slash'", "E'\\\\.'", "E'\\\\N'", "'漢字 🙂'", "E'\\u0301'"),
    ("varchar(64)", "'  padded  '", "'x'"),
    ("char(5)", "'ab'", "''"),
    ("bytea", "'\\x'", "'\\x00ff5c6e'"),
    ("uuid", "'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-4fff-bfff-ffffffffffff'"),
    ("date", "'0044-03-15 BC'", "'infinity'", "'5874897-12-31'"),
    ("time", "'24:00:00'", "'00:00:00.000001'"),
    ("timetz", "'12:00:00+05:30'", "'12:00:00-15:59'"),
    ("timestamp", "'4713-01-01 00:00:00 BC'", "'-infinity'", "'294276-12-31 23:59:59.999999'"),
    ("timestamptz", "'2024-02-29 12:00:00.123456+14'", "'infinity'", "'0001-12-31 BC'"),
    ("timestamp(3)", "'2024-01-01 00:00:00.123'", "'epoch'"),
    ("interval", "'1 year -2 mons 3 days -04:05:06.7'", "'0'"),
    ("jsonb", """'{"b": [1.0, null, "ü\\\\n"], "a": {}}'""", "'null'"),
    ("json", """'{"b":1,  "b":2}'""", "'[]'"),
    ("inet", "'192.168.0.1/24'", "'::1'"),
    ("cidr", "'10.0.0.0/8'", "'2001:db8::/32'"),
    ("macaddr", "'08:00:2b:01:02:03'", "'00:00:00:00:00:00'"),
    ("bit(3)", "B'101'", "B'000'"),
    ("varbit", "B''", "B'1111100000111'"),
    ("integer[]", "'{}'", "'{1,NULL,3}'", "'[0:1]={7,8}'", "'{{1,2},{3,4}}'"),
    ("text[]", """'{"a,b","","NULL",NULL,"q\\"u"}'""", "'{}'"),
    ("int4range", "'empty'", "'[1,5)'", "'(,)'"),
    ("tstzmultirange", "'{[2024-01-01,2024-02-01)}'", "'{}'"),
    ("point", "'(1.5,-2)'", "'(0,0)'"),
    ("tsvector", "'a:1A fat:2B,4C'", "''"),
    ("money", "'-92233720368547758.08'", "'1.00'"),
    ("pg_lsn", "'16/B374D848'", "'0/0'"),
    ("mood", "'so so'", "'ok''ay'"),
    ("mood[]", """'{"so so",NULL}'""", "'{}'"),
    ("positive", "1", "2147483647"),
    ("pair", """'(1,"a ""b"", \\\\c")'""", "'(,)'"),
    ("regclass", "'pg_class'", "'pg_type'"),
]
USER_TYPES = """
    create type mood as enum ('so so', 'ok''ay', 'x');
    create domain positive as integer check (value > 0);
"""


@pytest.fixture
def pair(source_dsn: str, target_dsn: str) -> Pair:
    query(source_dsn, USER_TYPES + "create type pair as (a integer, b text)")
    # A composite type is not made at the target: it must be there, as an extension's types must.
    query(target_dsn, "create type pair as (a integer, b text)")
    return Pair(source_dsn, target_dsn)


@pytest.mark.parametrize(
    ("type_name", "values"), [(name, values) for name, *values in EXACT], ids=[e[0] for e in EXACT]
)
def test_values_arrive_exactly_and_stay_unchanged(pair: Pair, type_name: str, values: list[str]) -> None:
    rows = ", ".join(f"({number}, cast({value} as {type_name}))" for number, value in enumerate([*values, "null"]))
    query(pair.source, f"create table t (id integer primary key, v {type_name}); insert into t values {rows}")
    pair.sync()
    again = pair.sync()  # through the stage, and compared with what is there
    source, target = pair.texts()
    assert (source, again.counts.unchanged) == (target, len(values) + 1)


TYPES_OF = (
    "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute"
    " where attrelid = 't'::regclass and attnum > 0 order by attnum"
)


def test_a_created_target_has_the_types_the_nulls_and_the_key_of_its_source(pair: Pair) -> None:
    query(
        pair.source,
        'create table t (b text, "Key 2" integer, a varchar(64) not null, n numeric(18,4), z timestamptz(3), m mood[],'
        ' primary key ("Key 2", b))',
    )
    pair.sync()
    key = "select pg_get_constraintdef(oid) from pg_constraint where conrelid = 't'::regclass and contype = 'p'"
    assert [query(pair.target, q) for q in (TYPES_OF, key)] == [query(pair.source, q) for q in (TYPES_OF, key)]


@pytest.mark.parametrize(
    "name", ["With Capitals", 'quo"te', "Ünï ☃", "semi;colon--", "per%cent", "brace{0}", "select", "dot.ted"]
)
def test_identifiers_of_any_kind_work(pair: Pair, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    query(
        pair.source,
        f"create schema {quoted}; create table {quoted}.{quoted} ({quoted} int primary key, v int);"
        f" insert into {quoted}.{quoted} values (1, 2)",
    )
    reading = Reading(Mode.INCREMENTAL, cursor=name)
    pair.sync(f"{quoted}.{quoted}", reading=reading)
    query(pair.source, f"insert into {quoted}.{quoted} values (3, 4)")
    pair.sync(f"{quoted}.{quoted}", reading=reading)
    assert query(pair.target, f"select * from {quoted}.{quoted} order by 1") == [(1, 2), (3, 4)]


CHANGES = [
    # the source's change, what the target then has in the rows that come, its type
    pytest.param(
        "add column w text default 'd'", "w", "text", ["d", "d"], id="a new column comes, with old rows' values"
    ),
    pytest.param("alter v type bigint", "v", "bigint", [1, 2], id="a wider type widens"),
    pytest.param("alter v type numeric(12,2)", "v", "numeric(12,2)", [1, 2], id="integer to numeric widens"),
    pytest.param("alter v drop not null", "v", "integer", [1, 2], id="nulls become allowed"),
    pytest.param("alter v type smallint", "v", "integer", [1, 2], id="a narrower source leaves the target wide"),
]


@pytest.mark.parametrize(("change", "column", "type_name", "values"), CHANGES)
@pytest.mark.parametrize("mode", [Reading(), Reading(Mode.INCREMENTAL, "id")], ids=["full", "incremental"])
def test_the_target_follows_the_schema(
    pair: Pair, mode: Reading, change: str, column: str, type_name: str, values: list[object]
) -> None:
    query(pair.source, "create table t (id int primary key, v int not null); insert into t values (1, 1), (2, 2)")
    pair.sync(reading=mode)
    query(pair.source, f"alter table t {change}")
    pair.sync(reading=mode)
    types = {name: kind for name, kind, _ in query(pair.target, TYPES_OF)}
    found = [row[0] for row in query(pair.target, f"select {column} from t order by id")]
    assert (types[column], found) == (type_name, values)


def test_a_column_that_is_gone_stays_and_new_rows_have_nulls_in_it(pair: Pair) -> None:
    query(pair.source, "create table t (id int primary key, v int not null); insert into t values (1, 1)")
    pair.sync()
    query(pair.source, "alter table t drop v; insert into t values (2)")
    pair.sync()
    assert query(pair.target, "select id, v from t order by id") == [(1, 1), (2, None)]


def test_an_enum_that_gains_labels_gains_them_in_order(pair: Pair) -> None:
    query(pair.source, "create table t (id int primary key, v mood); insert into t values (1, 'x')")
    pair.sync()
    query(pair.source, "alter type mood add value 'new' before 'x'")
    query(pair.source, "insert into t values (2, 'new')")
    pair.sync()
    labels = "select array_agg(enumlabel::text order by enumsortorder) from pg_enum where enumtypid = 'mood'::regtype"
    assert query(pair.target, labels) == query(pair.source, labels)
    assert pair.texts()[0] == pair.texts()[1]


def test_an_incompatible_type_fails_by_name_and_writes_nothing(pair: Pair) -> None:
    query(pair.source, "create table t (id int primary key, v int, w int); insert into t values (1, 1, 1)")
    pair.sync()
    query(pair.source, "alter table t alter v type date using '2024-01-01', add column n int, alter w type bigint")
    before = query(pair.target, TYPES_OF), pair.texts()[1]
    with pytest.raises(SchemaMismatch, match=r"'v' is date at the source and integer at the target"):
        pair.sync()
    assert (query(pair.target, TYPES_OF), pair.texts()[1]) == before


def test_two_rows_with_one_key_are_refused_and_nothing_is_written(pair: Pair) -> None:
    query(pair.source, "create table t (id int, v int); insert into t values (1, 1), (1, 2)")
    with pytest.raises(BadData, match=r"\(id\)=\(1\)"):
        pair.sync(key=["id"])
    assert query(pair.target, "select to_regclass('t')") == [(None,)]


def test_a_query_is_a_source_like_a_table(pair: Pair) -> None:
    query(pair.source, "create table a (id int, n numeric(10,2)); insert into a values (1, 1.50), (2, null)")
    relation = Relation(sql="select id, n, 'per%cent {0}'::text as v from a -- the last line;\n;")
    pair.sync(key=["id"], relation=relation)
    assert query(pair.target, "select id, n::text, v from t order by id") == [
        (1, "1.50", "per%cent {0}"),
        (2, None, "per%cent {0}"),
    ]
