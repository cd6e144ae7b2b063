"""From MySQL's and MariaDB's types to PostgreSQL's: one stated rule for each.

    tinyint, smallint, mediumint, int, bigint   smallint, smallint, integer, integer, bigint; unsigned ones the next
                                                wider, bigint unsigned numeric(20,0). tinyint(1) and bool are smallint
                                                too: they may hold a 2, which a boolean cannot
    decimal(p,s)                                numeric(p,s)
    float, double                               real, double precision, with all their digits
    bit(n)                                      bit(n), bit(1) too
    char(n), varchar(n)                         character varying(n): MySQL hands out char(n) without its padding
    text kinds, enum, set                       text; an enum as its label, a set as its labels with commas
    json                                        jsonb; on MariaDB a column with the check `json_valid`, which is what
                                                its type json makes
    binary(n), varbinary, blob kinds            bytea
    date, datetime, timestamp                   date, timestamp without and with time zone
    time                                        interval: it counts from -838 to 838 hours
    year                                        smallint
    uuid, inet4, inet6                          uuid, inet
    geometry kinds                              bytea: well-known binary without SRID

Zero dates: a date or time whose year, month or day is zero ('0000-00-00', '2020-00-00') is no date in PostgreSQL and
becomes NULL; so date, datetime and timestamp columns are nullable at the target whatever the source says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from supersync_core.connectors.copy_text import NULL, ColumnEncoder, Field, binary, converted, plain, text
from supersync_core.domain.table import Column
from supersync_core.errors import SchemaMismatch


@dataclass(frozen=True)
class Declared:
    """A column as MySQL declares it. `kind` without sizes, such as `int`; `size` is characters, digits or bits."""

    name: str
    kind: str
    nullable: bool = True
    unsigned: bool = False
    size: int | None = None
    scale: int = 0
    is_json: bool = False


@dataclass(frozen=True)
class Mapped:
    """How a column is read: as which column of PostgreSQL's, by what expression (`{}` is its name), how written."""

    column: Column
    select: str
    encode: ColumnEncoder


_INTEGERS = {
    "tinyint": ("smallint", "smallint"),
    "smallint": ("smallint", "integer"),
    "mediumint": ("integer", "integer"),
    "int": ("integer", "bigint"),
    "bigint": ("bigint", "numeric(20,0)"),
    "year": ("smallint", "smallint"),
}
_GEOMETRIES = {
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "geomcollection",
}


def _zero_date(field: bytes) -> bool:
    return field[:4] == b"0000" or field[5:7] == b"00" or field[8:10] == b"00"


def _dates(zone: bytes = b"") -> ColumnEncoder:
    def encode(column: Sequence[Field]) -> Sequence[bytes]:
        everything = b" ".join(filter(None, column))
        # Zero dates are rare, and one look at all fields takes less time than one at each.
        if b"-00" in everything or b"0000-" in everything:
            column = [None if field is None or _zero_date(field) else field for field in column]
        return [NULL if field is None else field + zone for field in column]

    return encode


_FIXED: dict[str, tuple[str, str, ColumnEncoder]] = {
    # The server prints a float with 6 digits, and a double computed from it with all of them; times one keeps -0.
    "float": ("real", "({} * 1e0)", plain),
    "double": ("double precision", "({} * 1e0)", plain),
    "date": ("date", "{}", _dates()),
    "datetime": ("timestamp without time zone", "{}", _dates()),
    # The session's time zone is UTC.
    "timestamp": ("timestamp with time zone", "{}", _dates(b"+00")),
    "time": ("interval", "{}", plain),
    "json": ("jsonb", "{}", text),
    "uuid": ("uuid", "{}", plain),
    "inet4": ("inet", "{}", plain),
    "inet6": ("inet", "{}", plain),
    **{kind: ("text", "{}", text) for kind in ("tinytext", "text", "mediumtext", "longtext", "enum", "set")},
    **{kind: ("bytea", "{}", binary) for kind in ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")},
    **{kind: ("bytea", "ST_AsWKB({})", binary) for kind in _GEOMETRIES},
}
_WITH_ZERO_DATES = {"date", "datetime", "timestamp"}


def map_column(declared: Declared) -> Mapped:
    """The rule for a column. Raises SchemaMismatch for a type that has none."""
    kind = "json" if declared.is_json else declared.kind
    if kind in _SIZED:
        type_name, select, encode = _SIZED[kind](declared)
    elif kind in _FIXED:
        type_name, select, encode = _FIXED[kind]
    else:
        raise SchemaMismatch(
            f"column {declared.name!r} is {declared.kind}, which has no counterpart; give the source as SQL that "
            "casts it or leaves it out"
        )
    nullable = declared.nullable or kind in _WITH_ZERO_DATES
    return Mapped(Column(declared.name, type_name, nullable), select, encode)


def _integer(declared: Declared) -> tuple[str, str, ColumnEncoder]:
    return _INTEGERS[declared.kind][declared.unsigned], "{}", plain


def _decimal(declared: Declared) -> tuple[str, str, ColumnEncoder]:
    return f"numeric({declared.size},{declared.scale})", "{}", plain


def _characters(declared: Declared) -> tuple[str, str, ColumnEncoder]:
    # char(0) can hold one value and PostgreSQL has no such type.
    return f"character varying({max(declared.size or 0, 1)})", "{}", text


def _bits(declared: Declared) -> tuple[str, str, ColumnEncoder]:
    digits = declared.size or 1
    return f"bit({digits})", "{}", converted(lambda field: f"{int.from_bytes(field, 'big'):0{digits}b}".encode())


_SIZED: dict[str, Callable[[Declared], tuple[str, str, ColumnEncoder]]] = {
    **dict.fromkeys(_INTEGERS, _integer),
    "decimal": _decimal,
    "char": _characters,
    "varchar": _characters,
    "bit": _bits,
}
