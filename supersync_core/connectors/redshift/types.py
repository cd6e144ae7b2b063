"""From Redshift's types to PostgreSQL's, by the numbers of the wire protocol.

Most are the same. `super` is jsonb, `varbyte` is bytea, `oid` is bigint; what is not in the table below (geometry,
types of the catalogs) becomes text, as the server prints it. Lengths of `varchar` count bytes on Redshift and
characters on PostgreSQL, so the same number is wide enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from supersync_core.connectors.copy_text import ColumnEncoder, Field, plain, text

_NUMERIC, _CHARACTER, _VARYING = 1700, 1042, 1043
_REAL, _VARBYTE = 700, 6551
_NAMES = {
    16: "boolean",
    17: "bytea",
    20: "bigint",
    21: "smallint",
    23: "integer",
    26: "bigint",
    114: "json",
    _REAL: "real",
    701: "double precision",
    1082: "date",
    1083: "time without time zone",
    1114: "timestamp without time zone",
    1184: "timestamp with time zone",
    1186: "interval",
    1188: "interval",
    1190: "interval",
    1266: "time with time zone",
    2950: "uuid",
    3802: "jsonb",
    4000: "jsonb",
    _VARBYTE: "bytea",
}
_PLAIN = {"boolean", "bigint", "smallint", "integer", "real", "double precision", "date", "uuid"}


@dataclass(frozen=True)
class Mapped:
    """How a column is read: its PostgreSQL type, what to select (`{}` is its name), how its fields are written."""

    name: str
    type: str
    select: str
    encode: ColumnEncoder


def map_column(described: Any) -> Mapped:
    """The rule for a column as the driver describes it (PEP 249, with lengths in `internal_size`)."""
    code, size = described.type_code, described.internal_size
    if code == _NUMERIC and described.precision:
        type_name = f"numeric({described.precision},{described.scale})"
    elif code == _NUMERIC:
        type_name = "numeric"
    elif code in (_CHARACTER, _VARYING):
        base = "character" if code == _CHARACTER else "character varying"
        type_name = f"{base}({size})" if size and size > 0 else "text"
    else:
        type_name = _NAMES.get(code, "text")
    # A real is printed with 8 digits and needs 9; as a double it has all of them.
    select = "cast({} as double precision)" if code == _REAL else "{}"
    encode = _varbyte if code == _VARBYTE else plain if type_name in _PLAIN or code == _NUMERIC else text
    return Mapped(described.name, type_name, select, encode)


def _varbyte(column: Sequence[Field]) -> Sequence[bytes]:
    """The server prints hexadecimal digits alone."""
    return text([None if field is None else b"\\x" + field for field in column])
