"""Values of every type of PostgreSQL, and what they are in an event."""

from typing import Any

PREPARE = """
create type mood as enum ('sad', 'so "so"', 'happy');
create type pair as (a integer, b text);
create domain positive as integer check (value > 0);
create domain small as positive check (value < 100);
create domain document as jsonb;
"""


class AsPrinted:
    """In an event as the server prints it."""


TEXT = AsPrinted()


def printed(*literals: str) -> list[tuple[str, Any]]:
    return [(literal, TEXT) for literal in literals]


def numbers(*values: float) -> list[tuple[str, Any]]:
    return [(repr(value), value) for value in values]


def base64(text: str) -> dict[str, str]:
    return {"_base64": text}


LARGE = "(select string_agg(md5(n::text || '{0}'), '') from generate_series(1, 300) n)"
"""A text that is stored outside of its row and cannot be compressed."""
# Of each type: literals, and what they are in an event.
TYPES: dict[str, list[tuple[str, Any]]] = {
    "boolean": [("true", True), ("false", False)],
    "smallint": numbers(-32768, 32767),
    "integer": numbers(-2147483648, 2147483647),
    "bigint": numbers(-9223372036854775807, 9223372036854775807),
    "oid": numbers(4294967295),
    "real": [*numbers(0.1, 1e-30, 16777216.0), ("'NaN'", "NaN"), ("'-Infinity'", "-Infinity")],
    "double precision": [*numbers(0.1, 1e300, -0.0, 2.2250738585072014e-308), ("'Infinity'", "Infinity")],
    "numeric": printed("1.50", "-0.000000000000000000001", "'NaN'", "123456789012345678901234567890.5", "'Infinity'"),
    "numeric(12,4)": printed("1.5", "-99999999.9999"),
    "money": printed("12.34", "-0.5"),
    "text": [("''", ""), ("'NULL'", "NULL"), (r"E'tab\t nl\n cr\r \\ \"q\" \x01'", 'tab\t nl\n cr\r \\ "q" \x01')],
    "varchar(10)": [("'žluť 🐎'", "žluť 🐎")],
    "char(5)": [("'ab'", "ab   "), ("''", "     ")],
    '"char"': [("'x'", "x"), ("''", "")],
    "name": [("'a name'", "a name")],
    "bytea": [("''", base64("")), (r"'\x00ff0a5c'", base64("AP8KXA=="))],
    "date": printed("'2024-02-29'", "'infinity'", "'0044-03-15 BC'"),
    "time": printed("'23:59:59.123456'", "'24:00'"),
    "timetz": printed("'10:00+02:30'"),
    "timestamp": printed("'2024-01-02 03:04:05.6'", "'-infinity'"),
    "timestamptz": [("'2024-01-02 03:04:05.6+02'", "2024-01-02 01:04:05.6+00"), ("'0001-01-01 00:00+00 BC'", TEXT)],
    "interval": printed("'1 year -2 mons 3 days 04:05:06.789'", "'-1 day'", "'0'"),
    "uuid": printed("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"),
    "json": [
        ("""'{"b": 1, "a": [1.50, null, "x\\n"]}'""", {"b": 1, "a": [1.5, None, "x\n"]}),
        ("E'[1,\\r\\n  2]'", [1, 2]),
        ("'null'", None),
    ],
    "jsonb": [
        ("""'{"b": 1, "a": {"c": [true, "\\u00e9 \\"q\\""]}}'""", {"b": 1, "a": {"c": [True, 'é "q"']}}),
        ("'[]'", []),
    ],
    "document": [("""'{"a": 1}'""", {"a": 1})],
    "jsonpath": printed("'$.a[*] ? (@ > 1)'"),
    "inet": printed("'10.0.0.1/8'", "'::1'"),
    "cidr": printed("'10.0.0.0/8'"),
    "macaddr": printed("'08:00:2b:01:02:03'"),
    "macaddr8": printed("'08:00:2b:01:02:03:04:05'"),
    "bit(3)": printed("B'101'"),
    "varbit": printed("B''", "B'1010101'"),
    "point": printed("'(1.5,-2)'"),
    "line": printed("'{1,2,3}'"),
    "lseg": printed("'[(0,0),(1,1)]'"),
    "box": printed("'((1,1),(0,0))'"),
    "path": printed("'[(0,0),(1,1)]'"),
    "polygon": printed("'((0,0),(1,1),(1,0))'"),
    "circle": printed("'<(0,0),5>'"),
    "int4range": printed("'[1,5)'", "'empty'"),
    "tstzrange": printed("'[2024-01-01,2024-02-01)'"),
    "int4multirange": printed("'{[1,3),[5,7)}'"),
    "tsvector": printed("'a:1 fat:2'"),
    "tsquery": printed("'fat & !rat'"),
    "pg_lsn": printed("'16/B374D848'"),
    "xid8": printed("'42'"),
    "regclass": printed("'pg_class'"),
    "int2vector": printed("'1 2 3'"),
    "mood": printed("'so \"so\"'", "'happy'"),
    "pair": printed("row(1, 'x, \"y\"')"),
    "positive": numbers(7),
    "small": numbers(8),
    "integer[]": [
        ("'{}'", []),
        ("'{1,NULL,-3}'", [1, None, -3]),
        ("'{{1,2},{3,4}}'", [[1, 2], [3, 4]]),
        ("'[0:1]={5,6}'", [5, 6]),
    ],
    "bigint[]": [("'{9223372036854775807}'", [9223372036854775807])],
    "boolean[]": [("'{t,f,NULL}'", [True, False, None])],
    "double precision[]": [("'{1.5,NaN,-Infinity}'", [1.5, "NaN", "-Infinity"])],
    "numeric[]": [("'{1.50,NaN}'", ["1.50", "NaN"])],
    "text[]": [
        (
            """array['a,b', '{c}', 'd"e', E'f\\\\g', 'NULL', '', null, E'nl\\n']""",
            ["a,b", "{c}", 'd"e', "f\\g", "NULL", "", None, "nl\n"],
        ),
    ],
    "bytea[]": [(r"array['\x00ff'::bytea, null]", [base64("AP8="), None])],
    "jsonb[]": [("""array['{"a": [1, "x"]}'::jsonb, 'null']""", [{"a": [1, "x"]}, None])],
    "timestamptz[]": [("'{2024-01-02 03:04:05+02,NULL}'", ["2024-01-02 01:04:05+00", None])],
    "box[]": [("'{(1,1),(0,0);(2,2),(1,1)}'", ["(1,1),(0,0)", "(2,2),(1,1)"])],
    "mood[]": [("array['so \"so\"', 'sad']::mood[]", ['so "so"', "sad"])],
    "pair[]": [("array[row(1,'a')::pair, row(2,'b,c')::pair]", ["(1,a)", '(2,"b,c")'])],
    "small[]": [("'{1,2}'", [1, 2])],
    "uuid[]": [("'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"])],
}
ROWS = max(map(len, TYPES.values())) + 1
"""Each row has the next value of every type, or NULL where there is none; so the last one has but NULLs."""


def statements() -> list[str]:
    """What makes the table `every` and fills it."""
    columns = ", ".join(f"c{n} {kind}" for n, kind in enumerate(TYPES))
    rows = (
        ", ".join([str(row), *(values[row][0] if row < len(values) else "null" for values in TYPES.values())])
        for row in range(ROWS)
    )
    return [PREPARE, f"create table every (id integer primary key, {columns})"] + [
        f"insert into every values ({row})" for row in rows
    ]


def meant(row: int, kind: str) -> Any:
    """What a column of a row is in an event."""
    values = TYPES[kind]
    return values[row][1] if row < len(values) else None
